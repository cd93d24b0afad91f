"""The audit chain, without its file: records, their hashes, and what a whole chain must satisfy.

A record's ``hash`` is the SHA-256 of the canonical JSON of the record without ``hash``. ``prev`` names every record
that no other record names yet, so two branches that both append still verify after a union merge.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.canonical import Json, canonical_json
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.ids import is_oid
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time, parse_time

VERSION = 1
RESTS_ON = "rests_on"
"""The detail of a ``pin`` record that names the override which the pin rests on."""
DIGEST = "pin_sha256"
"""The detail of a ``pin`` record that has the digest of the table of the pin."""
TRACKS = ("tag", "branch", "version", "commit")
"""By one of these a record of a pin tells what its entry asked for."""
ROTATE, ROTATED = "rotate", "rotated"
"""The events that close a log and that begin the next one."""
SCANNED = frozenset({"scan", "bundle-scan"})
"""Those that tell how a commit was scanned, here or where a bundle comes from."""
OVERRIDDEN = frozenset({"override", "override-renewed", "override-revoked", "override-superseded"})
"""Those that carry the digest of an override record."""
KEYS = frozenset(
    "v seq at operator command_id event source before after detail prev log_id torn hash".split()  # noqa: SIM905
)
"""The keys of a record of this version."""
_TORN = frozenset(("len", "sha256"))
MALFORMED = "malformed "
"""What stands before the event of a record that does not tell what that takes."""
_Form = Mapping[str, type[str] | type[int] | Callable[[Json], bool]]


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

    ``whole`` tells that the record's hash is that of its content, ``marker`` that git put it around a conflict.
    """

    number: int
    size: int
    sha256: str
    record: Record | None = None
    whole: bool = False
    marker: bool = False


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


def rests_on(record: Record) -> str:
    """Return the override that *record*, of a pin, names; nothing where it names none, or is of something else."""
    return str(detail_of(record).get(RESTS_ON) or "") if record["event"] == "pin" else ""


def _are_texts(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _are_counts(value: Json) -> bool:
    return isinstance(value, Mapping) and all(type(item) is int for item in value.values())


def _are_findings(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and isinstance(item.get("id"), str) and item.get("level") in ("high", "medium", "low")
        for item in value
    )


def _are_scanners(value: Json) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, Mapping) and item.get("state", "error") in ("clean", "findings", "error") for item in value
    )


def _is_time(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(parse_time(value))
    except ValueError:
        return False


def _are_approvals(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) and _is_time(item.get("at")) for item in value)


_SCAN: _Form = {
    **dict.fromkeys(("state", "scanned_at", "tree", "scan_sha256"), str),
    "counts": _are_counts,
    "findings": _are_findings,
    "scanners": _are_scanners,
}
_OVERRIDE: _Form = {
    **dict.fromkeys(("override", "override_sha256", "kind"), str),
    "expires_at": _is_time,
    "approvers": _are_approvals,
    **dict.fromkeys(("lifts", "findings", "waived"), _are_texts),
}
_MIRROR: _Form = dict.fromkeys(("mirror", "base_url", "owner", "kind", "mirror_sha256"), str)
_ENDED: _Form = {"log_id": str, "log_seq": int}
_MOVES = OVERRIDDEN | {"pin"}
_TRACKS = frozenset(TRACKS)
_TABLE = (DIGEST, "url", "ref", "tree", "content_sha256")
_FORMS: Mapping[str, tuple[Collection[str], _Form]] = {
    "pin": (
        (),
        {
            **dict.fromkeys((*_TABLE, RESTS_ON, *TRACKS), str),
            **dict.fromkeys(("root_commits", "brought_along"), _are_texts),
        },
    ),
    **dict.fromkeys(SCANNED, ((), _SCAN)),
    **dict.fromkeys(OVERRIDDEN, (("override",), _OVERRIDE)),
    **dict.fromkeys(("mirror-add", "mirror-remove", "mirror-verify"), (("mirror",), _MIRROR)),
    "bundle-apply": (("log_id", "log_seq"), _ENDED),
    ROTATED: ((), dict.fromkeys(("archive", "sha256"), str)),
}
"""What the details of each event must have, and of which form is what somebody goes by; there may be more."""


def odd_key(record: Mapping[str, Json]) -> str:
    """Return which key of *record* is missing, or of another form than its event takes; nothing if none is."""
    event = str(record["event"])
    if event not in _FORMS:
        return ""
    if event in _MOVES and (odd := _odd_move(record)):
        return odd
    (needed, form), detail = _FORMS[event], detail_of(record)
    if DIGEST in detail and (odd := _odd_table(detail)):
        return odd
    if missing := [key for key in needed if detail.get(key) is None]:
        return missing[0]
    for key, value in detail.items():
        kind = form.get(key)
        # Every record that is read comes here, and nearly all of them have nothing but text.
        if kind is None or type(value) is kind or value is None:
            continue
        if isinstance(kind, type) or not kind(value):
            return key
    return ""


def _odd_table(detail: Mapping[str, Json]) -> str:
    """Return what a record lacks that has the digest of a table: whatever told that told all of this."""
    for key in _TABLE:
        if detail.get(key) is None:
            return key
    return "" if len(_TRACKS & detail.keys()) == 1 else "tag, branch, version or commit"


def _odd_move(record: Mapping[str, Json]) -> str:
    if "source" not in record:
        return "source"
    before = record.get("before")
    if not is_oid(str(record.get("after"))):
        return "after"
    return "" if before is None or is_oid(str(before)) else "before"


def as_told(record: Record) -> Record:
    """Return *record*; one that does not tell what its event takes comes back as a record of no event.

    A right hash is no proof that a command wrote it. So nobody who reads records has to expect anything of one.
    """
    return {**record, "event": f"{MALFORMED}{record['event']}"} if odd_key(record) else record


def told_signatures(record: Mapping[str, Json]) -> frozenset[str]:
    """Return the signatures of approvals that *record* of an override tells of."""
    told = detail_of(record).get("approvers")
    given = [item.get("signature") for item in told if isinstance(item, Mapping)] if isinstance(told, list) else []
    return frozenset(item for item in given if isinstance(item, str))


def torn_of(record: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return what *record* declares torn: the size and the SHA-256 of lines before it."""
    torn = record.get("torn")
    return [item for item in torn if isinstance(item, Mapping)] if isinstance(torn, list) else []


def record_hash(record: Mapping[str, Json]) -> str:
    """Return the hash of *record*: 64 hex digits over everything but ``hash`` itself."""
    return sha256_hex(canonical_json({key: value for key, value in record.items() if key != "hash"}))


def is_hashed(record: Mapping[str, Json]) -> bool:
    """Tell whether *record*, as it was written or not, has the hash of its content."""
    try:
        return record_hash(record) == record["hash"]
    except RecursionError:
        return False


def strange_key(record: Mapping[str, Json]) -> str:
    """Return a key of *record* that none of this version has; nothing if there is none.

    What is inside of ``detail`` is free: no other key holds an object, so each is found by its bytes.
    """
    if not record.keys() <= KEYS:
        return min(record.keys() - KEYS)
    return min((key for item in torn_of(record) for key in item.keys() - _TORN), default="")


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


def records_of(segments: Sequence[Segment]) -> tuple[Record, ...]:
    """Return the whole records of a log and its archives, the oldest first, each once."""
    whole = (line.record for segment in segments for line in segment.lines if line.whole and line.record is not None)
    return tuple({str(record["hash"]): record for record in whole}.values())
