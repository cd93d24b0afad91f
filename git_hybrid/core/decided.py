"""Pins that a plain record put back behind where a merge had left them that was committed by then. Pure.

``pin`` makes no such record: it asks HEAD what was decided. Whoever points HEAD elsewhere for the length of a command,
or takes the repository out of the way, gets one, and only the commits tell that it came too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of, rests_on
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW, DESCENDS, last_pins
from git_hybrid.core.last_told import Last, has_branches
from git_hybrid.core.lock import Pin, still_allowed
from git_hybrid.core.lock_moves import Moves, Past, first_with, lines_at
from git_hybrid.core.manifest import Source, track_field
from git_hybrid.core.moves_told import Odds
from git_hybrid.core.put_back import put_back
from git_hybrid.core.undecided import is_older, may_be_older
from git_hybrid.core.value import Struct, replace

_PROVES = "it was pinned there without an override when that was decided, which pin itself refuses"
_MERGED = "a merge before that had left it at"


class _Choice(Struct, frozen=True):
    """The hashes of a record that follows those of several branches, which takes the commit of one of them again.

    ``taken`` are those of that commit, and ``left`` is one that had moved the pin elsewhere.
    """

    made: str
    taken: Sequence[str]
    left: str


class _Base(Struct, frozen=True):
    """What a commit is made from: the lines of the log that were known there, and where the pin stood last."""

    lines: frozenset[str]
    pins: Sequence[Pin]


def against_decided(records: Mapping[str, Record], moves: Moves, pins: Mapping[SourceName, Pin]) -> Iterator[Breach]:
    """Yield those of *pins* that went back to the side of a merge that had lost, with no override since."""
    plain = {name: pin for name, pin in pins.items() if name in moves.sources and pin.override is None}
    if not plain or not has_branches(records.values()):
        return
    last = last_pins(records, plain, ends=ANEW)
    for name, pin in plain.items():
        source = moves.sources[name]
        found = (_gone_back(records, moves, pin, item) for item in _choices(records, last, source))
        for than, where, left in (item for item in found if item is not None):
            told = put_back(pin, Odds([records[left]], _MERGED), where, source, signed=moves.signed)
            # Only objects show which of two commits is the older one; their locks tell it nearly always.
            yield replace(told, proves=_PROVES, level="fail" if is_older(pin, than) else "warn")
            break


def _choices(records: Mapping[str, Record], last: Last, source: Source) -> Iterator[_Choice]:
    """Yield which records of a pin took one of several sides again, back to an override or to where it began anew."""
    open_, done = sorted(last.newest.get(source.name, ())), set[str]()
    while open_:
        digest = open_.pop()
        if digest in done or rests_on(records[digest]):
            continue
        done.add(digest)
        before = sorted(last.over[digest])
        taken = [item for item in before if records[item].get("after") == records[digest].get("after")]
        if taken and _is_as_asked(records[digest], source):
            others = (item for item in before if item not in taken and not rests_on(records[item]))
            yield from (_Choice(digest, taken, item) for item in others)
        open_ += before


def _is_as_asked(record: Record, source: Source) -> bool:
    """Tell whether the entry of *source* asked for the same then; what it did not allow then the pin could leave."""
    told, (key, value) = detail_of(record), track_field(source.track)
    return told.get(key) == value and not told.get(DESCENDS)


def _gone_back(records: Mapping[str, Record], moves: Moves, pin: Pin, choice: _Choice) -> tuple[Pin, str, str] | None:
    """Return the pin that *pin* went back from, by which commit in words, and the record of it; None if it did not."""
    met = {moves.lines[item] for item in (*choice.taken, choice.left)}
    commit = records[choice.left].get("after")
    for where, bases in _brought(moves, moves.lines[choice.made], pin.source):
        for than in (than for base in bases if met <= base.lines for than in base.pins if than.commit == commit):
            if than.commit != pin.commit and still_allowed(than, moves.sources[pin.source]) and may_be_older(pin, than):
                return than, where, choice.left
    return None


def _brought(moves: Moves, line: str, name: SourceName) -> Iterator[tuple[str, Sequence[_Base]]]:
    """Yield which commit, in words, first had a *line*, or is about to, each with what it is made from."""
    if moves.known and not any(line in known for known in moves.known):
        pairs = zip(moves.before, moves.known, strict=False)
        yield "", [_Base(frozenset(known), [lock.pins[name]]) for lock, known in pairs if name in lock.pins]
        return
    past = moves.past() if moves.past is not None else None
    if past is None:
        return
    for commit in first_with(line, past):
        bases = [_Base(lines_at(item, past), _last_pins(item, name, past, moves)) for item in past.parents[commit]]
        yield f" in commit {commit[:12]}", bases


def _last_pins(commit: str, name: SourceName, past: Past, moves: Moves) -> Sequence[Pin]:
    """Return where a pin stood in *commit*, or where its lock has none, or cannot be read, in those before it."""
    open_, known, found = [commit], {commit}, list[Pin]()
    for one in open_:
        lock = moves.decode(past.lock(one) or b"")
        if lock is not None and name in lock.pins:
            found.append(lock.pins[name])
            continue
        more = set(past.parents.get(one, ())) - known
        known |= more
        open_ += sorted(more)
    return found
