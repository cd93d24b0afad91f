"""The audit log where git joined it, or could not: the lines of both, the records that it left out, their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from git_hybrid.core.audit import ROTATED, Record, previous, records_of, torn_of
from git_hybrid.core.errors import NewerSchema
from git_hybrid.core.files import LOG
from git_hybrid.core.value import Struct
from git_hybrid.store.chain import respelled, segment_of

RECORDED = re.compile(rb'"hash":"([0-9a-f]{64})"')
"""The hash of a record, in the text of the log."""
_FIRST = b'"prev":[]'
"""What a record has in the text of the log that no other comes before."""


class Rejoined(Struct, frozen=True):
    """A log that has got records back; ``is_short``: it names others that are nowhere."""

    text: bytes
    is_short: bool = False


def joined(ours: bytes, theirs: bytes) -> bytes:
    """Return the log with the lines of both, as git joins it where ``.gitattributes`` says so."""
    first, second = ([line for line in text.split(b"\n") if line] for text in (ours, theirs))
    known = frozenset(first)
    return b"".join(b"%b\n" % line for line in (*first, *(line for line in second if line not in known)))


def second_beginning(log: bytes, archived: Iterable[bytes] = ()) -> int:
    """Return the number of the line with which a second log begins in *log*, whose archives are *archived*; 0: none."""
    begun = {_digest(line) for text in archived for line in text.splitlines() if _FIRST in line}
    for number, line in enumerate(log.splitlines(), 1):
        if _FIRST in line:
            begun.add(_digest(line))
            if len(begun) > 1:
                return number
    return 0


def _digest(line: bytes) -> bytes:
    found: list[bytes] = RECORDED.findall(line) or [line]
    return found[-1]


def in_order(log: bytes) -> bytes:
    """Return the log with each record behind those that it names, the others as they stand.

    git joins a log by lines; of branches that had met before it may put a record before one that it names. Where it has
    doubled lines as well, these stand in it once.
    """
    lines = list(dict.fromkeys(log.splitlines(keepends=True)))
    records = segment_of(LOG, b"".join(lines), alone=True).lines
    named = {str(line.record["hash"]): previous(line.record) for line in records if line.record is not None}
    if len(named) != len(lines):
        # With torn or foreign lines it is for whoever verifies it.
        return log
    place, rounds = {digest: number for number, digest in enumerate(named)}, dict[str, int]()
    with suppress(CycleError):
        # In each round, from the top to the end, comes what waits for nothing any more.
        for digest in TopologicalSorter(named).static_order():
            before = [item for item in named.get(digest, ()) if item in named]
            rounds[digest] = max((rounds[item] + (place[item] > place[digest]) for item in before), default=0)
        text = dict(zip(named, lines, strict=True))
        ordered = [text[digest] for digest in sorted(named, key=lambda digest: rounds[digest])]
        return log if ordered == lines else b"".join(ordered)
    return log


def as_recorded(log: bytes, elsewhere: Callable[[], Sequence[bytes]]) -> bytes:
    """Return the log without the lines that no command wrote so, each with the record in its place whose hash it has.

    That is one of the lines *elsewhere*, those of the logs of all branches, or is written anew where the hash is right.
    What was torn stays, where a record declares that or the line may still grow.
    """
    lines, read = [line for line in log.split(b"\n") if line], segment_of(LOG, log, alone=True)
    records = records_of([read])
    torn = {str(item["sha256"]) for record in records for item in torn_of(record)}
    if not read.ended:
        torn.add(read.lines[-1].sha256)
    bad = {
        number: "" if line.record is None else str(line.record["hash"])
        for number, line in enumerate(read.lines)
        if not line.whole and (line.record is not None or line.sha256 not in torn)
    }
    if not bad:
        return log
    lost = set(bad.values()).difference(str(record["hash"]) for record in records)
    known: dict[str, bytes] = {}
    for line in (*elsewhere(), *(respelled(lines[number]) for number in bad)):
        for digest in lost.intersection(map(bytes.decode, RECORDED.findall(line))):
            if _record(line, digest) is not None:
                known[digest] = line
    # Of two edited ones the first has its place.
    kept = (known.pop(bad[number], b"") if number in bad else line for number, line in enumerate(lines))
    return b"\n".join((*filter(None, kept), b"")) if read.ended else b"\n".join(filter(None, kept))


def rejoined(log: bytes, archived: Iterable[bytes], elsewhere: Callable[[], Sequence[bytes]]) -> Rejoined:
    """Return the log with the records that it names and lacks, each before the first that goes on from it.

    git takes the lines of a commit that is picked, and leaves out those before them that this branch never had.
    *elsewhere* tells the lines of the logs of all branches, the oldest first. By its hash each record is the one that
    was named; where they go back to a beginning that this log does not have they are of another log, and none is taken.
    *archived* are the archives of the log.
    """
    lines = log.splitlines(keepends=True)
    records = [line.record for line in segment_of(LOG, log, alone=True).lines]
    here = {found.decode() for text in (log, *archived) for found in RECORDED.findall(text)}
    named = [_before(record) for record in records if record is not None]
    if len(named) != len(lines) or here.issuperset(digest for before in named for digest in before):
        return Rejoined(log)
    known: dict[str, list[bytes]] = {}
    for line in elsewhere():
        if found := RECORDED.findall(line):
            known.setdefault(found[-1].decode(), []).append(line)
    place = {digest: number for number, digest in enumerate(known)}
    texts, is_short = list[bytes](), False
    for line, before in zip(lines, named, strict=True):
        brought, lacks = _ancestors(before, here, known)
        if not all(previous(record) for record, _ in brought.values()):
            return Rejoined(log, is_short=True)
        texts += [brought[digest][1] + b"\n" for digest in sorted(brought, key=place.__getitem__)] + [line]
        here |= brought.keys()
        is_short = is_short or lacks
    return Rejoined(b"".join(texts), is_short)


def _ancestors(
    named: Sequence[str], here: Collection[str], known: Mapping[str, Sequence[bytes]]
) -> tuple[dict[str, tuple[Record, bytes]], bool]:
    """Return the records before what names *named*, as far as they are not *here*, and whether some are nowhere.

    Each comes with the line that it stands in; of those that *known* has for it some may be edited ones.
    """
    found, todo, lacks = dict[str, tuple[Record, bytes]](), list(named), False
    while todo:
        digest = todo.pop()
        if digest in here or digest in found:
            continue
        whole = ((record, line) for line in known.get(digest, ()) if (record := _record(line, digest)) is not None)
        if (first := next(whole, None)) is None:
            lacks = True
        else:
            found[digest] = first
            todo += _before(first[0])
    return found, lacks


def _before(record: Record) -> tuple[str, ...]:
    """Return what *record* names, but for what stands in the archive that it goes on from."""
    return () if record["event"] == ROTATED else previous(record)


def _record(line: bytes, digest: str) -> Record | None:
    """Return the record in *line* if it is the one with the hash *digest*, as it was written."""
    with suppress(NewerSchema):
        for item in segment_of(LOG, line, alone=True).lines:
            if item.record is not None and item.whole and item.record["hash"] == digest:
                return item.record
    return None
