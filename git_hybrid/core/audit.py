"""The audit chain, without its file: records, their hashes, and what a whole chain must satisfy.

A record's ``hash`` is the SHA-256 of the canonical JSON of the record without ``hash``. ``prev`` names every record
that no other record names yet, so two branches that both append still verify after a union merge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time

VERSION = 1
ROTATE, ROTATED = "rotate", "rotated"
"""The events that close a log and that begin the next one."""


class Event(Struct, frozen=True, kw_only=True):
    """What an audit record is about, before it has a place in the chain."""

    event: str
    source: str | None = None
    before: str | None = None
    after: str | None = None
    detail: Mapping[str, Json] | None = None


class Tail(Struct, frozen=True, kw_only=True):
    """Where a chain ends: the hashes that no record names yet, the highest sequence number, torn bytes at the end."""

    heads: tuple[str, ...] = ()
    seq: int = 0
    torn: tuple[Mapping[str, Json], ...] = ()


Record = dict[str, Json]


class Line(Struct, frozen=True, kw_only=True):
    """One line of a log: its place, its bytes as size and SHA-256, and the record in it if it is one.

    ``whole`` tells that the record's hash is that of its content.
    """

    number: int
    size: int
    sha256: str
    record: Record | None = None
    whole: bool = False


class Segment(Struct, frozen=True, kw_only=True):
    """One file of the log, the oldest first; ``sha256`` is that of the file, ``ended``: it ends with a newline.

    ``converted`` tells that lines ended with CR LF. Sizes and hashes are those of what was written, without the CR.
    """

    file: str
    lines: tuple[Line, ...]
    sha256: str = ""
    ended: bool = True
    converted: bool = False


def previous(record: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the hashes that *record* names as those before it."""
    named = record["prev"]
    return tuple(str(item) for item in named) if isinstance(named, list) else ()


def seq_of(record: Mapping[str, Json]) -> int:
    """Return the number that *record* has in its chain; 0 if it has none."""
    number = record["seq"]
    return number if isinstance(number, int) else 0


def detail_of(record: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return the details of a record; nothing if it has none."""
    detail = record.get("detail")
    return detail if isinstance(detail, Mapping) else {}


def told_signatures(record: Mapping[str, Json]) -> frozenset[str]:
    """Return the signatures of approvals that *record* of an override tells of."""
    told = detail_of(record).get("approvers")
    given = [item.get("signature") for item in told if isinstance(item, Mapping)] if isinstance(told, list) else []
    return frozenset(item for item in given if isinstance(item, str))


def record_hash(record: Mapping[str, Json]) -> str:
    """Return the hash of *record*: 64 hex digits over everything but ``hash`` itself."""
    return sha256_hex(canonical_json({key: value for key, value in record.items() if key != "hash"}))


def extend(
    tail: Tail, events: Sequence[Event], *, at: datetime, operator: str, command_id: str, log_id: str
) -> tuple[Record, ...]:
    """Return the records of *events*, linked to *tail* and to each other.

    *log_id* (random) goes into the first record of a new log and nowhere else.
    """
    records: list[Record] = []
    heads, seq = tail.heads, tail.seq
    for event in events:
        seq += 1
        record: Record = {"v": VERSION, "seq": seq, "at": format_time(at), "operator": operator}
        record |= {"command_id": command_id, "event": event.event, "prev": list(heads)}
        optional = {"source": event.source, "before": event.before, "after": event.after, "detail": event.detail}
        record |= {key: value for key, value in optional.items() if value is not None}
        if not heads:
            record["log_id"] = log_id
        if tail.torn and not records:
            record["torn"] = list(tail.torn)
        record["hash"] = record_hash(record)
        heads = (str(record["hash"]),)
        records.append(record)
    return tuple(records)


def tail_of(records: Sequence[Mapping[str, Json]], torn: Sequence[Mapping[str, Json]] = ()) -> Tail:
    """Return where the chain of *records* ends; heads in the order in which they stand in the log."""
    named: set[str] = set()
    seq = 0
    for record in records:
        named.update(previous(record))
        seq = max(seq, seq_of(record))
    hashes = dict.fromkeys(str(record["hash"]) for record in records)
    return Tail(heads=tuple(digest for digest in hashes if digest not in named), seq=seq, torn=tuple(torn))
