"""Pins that stand elsewhere than the last record of the audit log put them, and no commit explains that. Pure.

A commit may have records of pins that it leaves as they are: a cherry-pick brings them along. So what counts is what a
commit moves, held against all that it is made from. Of branches that both moved a pin, a commit that brings the record
of one side may take that side: the merge itself, a squash, a pick. Afterwards it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW, last_pins
from git_hybrid.core.last_told import brought_along, has_branches
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.moves_told import Odds, Place, Side, at_odds, is_by, is_left, newest_of, place_in, place_of
from git_hybrid.core.value import Struct, field

_Stands = Callable[[str, SourceName], Place | None]
"""Takes a commit and a source, and returns where that had its pin."""


class Past(Struct, frozen=True, kw_only=True):
    """The commits that changed lock or log, back from ``head``, each with those of them that it was made from.

    ``added`` has the SHA-256 of the lines that each of them put into the log; ``lock`` takes a commit and returns its
    lock, or None.
    """

    head: str
    parents: Mapping[str, tuple[str, ...]]
    added: Mapping[str, frozenset[str]]
    lock: Callable[[str], bytes | None]


class Moves(Struct, frozen=True, kw_only=True):
    """A lock, and what it is held against. ``sources`` is what the manifest declares.

    ``before`` are the locks of the commits that the next one is made from, where one is another than ``lock``, and
    ``known`` the SHA-256 of each line that the log of the same commit has; ``lines`` is the SHA-256 of each record's
    line by the hash of the record; ``past`` brings what was committed, where all of that counts, and ``decode`` reads a
    lock of it. ``signed``: policy names keys, so an approval takes a signature. ``is_made``: so is the commit that has
    the lock. ``replaced`` has by commit the locks whose place that takes and does not go on from, as bytes, each with
    such lines.
    """

    lock: Lock
    before: Sequence[Lock]
    known: Sequence[Collection[str]] = ()
    lines: Mapping[str, str]
    past: Callable[[], Past | None] | None
    decode: Callable[[bytes], Lock | None]
    signed: bool
    is_made: bool = False
    sources: Mapping[SourceName, Source] = field(default_factory=dict)
    replaced: Mapping[str, tuple[bytes, Collection[str]]] = field(default_factory=dict)


def against_moves(records: Mapping[str, Record], moves: Moves) -> Iterator[Breach]:
    """Yield the pins that a commit moved, or is about to move, and not to where the last record had put them."""
    yield from _against_commits(records, moves)
    if moves.replaced:
        from git_hybrid.core.replaced import against_replaced

        yield from against_replaced(records, moves)


def _against_commits(records: Mapping[str, Record], moves: Moves) -> Iterator[Breach]:
    if not (moves.before or moves.past):
        return
    last: dict[str, Record] = {}
    known: set[tuple[str, str]] = set()
    for record in records.values():
        if record["event"] == "pin":
            name = str(record.get("source"))
            last[name] = record
            known.add((name, str(record.get("after"))))
    stands = {name: pin for name, pin in moves.lock.pins.items() if (name, pin.commit) in known}
    moved = {name for name, pin in stands.items() if moves.before and _is_moved(place_of(pin), _stands(moves, name))}
    gone = _taken_out(records, moves, stands)
    moved |= {name for name, left in gone.items() if any(side.stood != stands[name].commit for side in left)}
    # Without history only what moves is judged.
    stands = {name: pin for name, pin in stands.items() if name in moved or moves.past is not None}
    asked = _asked(records, moves, stands, moved, last)
    if not asked:
        return
    newest = last_pins(records, asked).newest
    unsure = {name: pin for name, pin in asked.items() if not _is_sure(records, newest[name], pin)}
    sides = {name: [*_sides(moves, name), *gone.get(name, ())] for name in unsure}
    moved -= {
        name
        for name, pin in unsure.items()
        if None not in _stands(moves, name) and is_left(records, newest[name], pin, sides[name])
    }
    left = {name: pin for name, pin in unsure.items() if name not in moved}
    past = moves.past() if left and moves.past is not None else None
    found = {} if past is None else _put_back(records, moves, left, past)
    for name, pin in unsure.items():
        by, odds = found.get(name, ("", None))
        if name in moved:
            odds = at_odds(records, newest[name], pin, moves.lines, sides[name])
        if odds is not None:
            from git_hybrid.core.put_back import put_back

            where = f" in commit {by[:12]}" if by else ""
            yield put_back(pin, odds, where, moves.sources.get(name), signed=moves.signed)
        else:
            is_made = moves.is_made or name not in moved
            if len(newest[name]) > 1:
                from git_hybrid.core.behind import behind

                yield from behind(records, moves, pin, newest[name], past, is_made=is_made)
    from git_hybrid.core.decided import against_decided

    yield from against_decided(records, moves, {name: pin for name, pin in asked.items() if name not in unsure})


def _asked(
    records: Mapping[str, Record],
    moves: Moves,
    stands: Mapping[SourceName, Pin],
    moved: Collection[str],
    last: Mapping[str, Record],
) -> dict[SourceName, Pin]:
    """Return those of the pins that *stands* has which the last line of the log about them does not explain.

    No record stands before one that it follows, so what that line says is always one of the last. Where branches both
    moved a pin there are more, and whoever had both before may not go from one to the other.
    """
    forked = bool(stands) and has_branches(records.values())
    before = [frozenset(lines) for lines in moves.known] if moved else []

    def is_enough(name: str, pin: Pin) -> bool:
        if last[name].get("after") != pin.commit or not is_by(last[name], pin):
            return False
        if forked or brought_along(last[name]):
            return False
        return name not in moved or not any(moves.lines[str(last[name]["hash"])] in lines for lines in before)

    return {name: pin for name, pin in stands.items() if not is_enough(name, pin)}


def _is_sure(records: Mapping[str, Record], newest: Collection[str], pin: Pin) -> bool:
    """Tell whether all of the *newest* records of *pin* have it where it stands."""
    last = [records[digest] for digest in newest]
    return {record.get("after") for record in last} == {pin.commit} and any(is_by(record, pin) for record in last)


def _stands(moves: Moves, name: SourceName) -> list[Place | None]:
    pins = [lock.pins.get(name) for lock in moves.before]
    return [None if pin is None else place_of(pin) for pin in pins]


def _sides(moves: Moves, name: SourceName) -> list[Side]:
    before = zip(_stands(moves, name), moves.known, strict=False)
    return [Side(stood[0], frozenset(lines)) for stood, lines in before if stood is not None]


def _taken_out(
    records: Mapping[str, Record], moves: Moves, names: Collection[SourceName]
) -> dict[SourceName, list[Side]]:
    """Return where each of *names* stood last by the log of a commit before that has no pin of it any more.

    A table that was taken out by hand is no beginning; what a record says was removed stood nowhere.
    """
    found: dict[SourceName, list[Side]] = {}
    for lock, lines in zip(moves.before, moves.known, strict=False):
        absent, known = {name for name in names if name not in lock.pins}, frozenset(lines)
        told = {key: record for key, record in records.items() if absent and moves.lines[key] in known}
        absent &= {str(record.get("source")) for record in told.values() if record["event"] == "pin"}
        newest = last_pins(told, absent, ends=ANEW).newest if absent else {}
        for name in absent:
            left = [Side(str(records[digest]["after"]), known) for digest in sorted(newest.get(name, ()))]
            found.setdefault(name, []).extend(left)
    return found


def _is_moved(place: Place, before: Sequence[Place | None]) -> bool:
    """Tell whether *place* is not what all have that have the source *before*; where there is nothing, it is."""
    return {item for item in before if item is not None} != {place}


def _put_back(
    records: Mapping[str, Record], moves: Moves, pins: Mapping[SourceName, Pin], past: Past
) -> dict[SourceName, tuple[str, Odds]]:
    """Return by name the commit that moved a pin to where it stands, and what was at odds with that then."""
    seen: dict[str, Mapping[SourceName, Place]] = {}

    def stands(commit: str, name: SourceName) -> Place | None:
        if commit not in seen:
            seen[commit] = places(past.lock(commit), pins, moves.decode)
        return seen[commit].get(name)

    found = {name: _moved_by(records, moves, pin, past, stands) for name, pin in pins.items()}
    return {name: by for name, by in found.items() if by is not None}


def _moved_by(
    records: Mapping[str, Record], moves: Moves, pin: Pin, past: Past, stands: _Stands
) -> tuple[str, Odds] | None:
    name, pinned, open_, done = pin.source, place_of(pin), [past.head], set[str]()
    own = {moves.lines[digest] for digest, record in records.items() if record.get("source") == name}
    while open_:
        commit = open_.pop()
        parents = past.parents.get(commit, ())
        before = [stands(parent, name) for parent in parents]
        # What was there when history begins, or further back than a shallow clone knows, was brought by nobody.
        if commit in done or not parents:
            continue
        done.add(commit)
        kept = [parent for parent, item in zip(parents, before, strict=True) if item == pinned]
        is_moved = _is_moved(pinned, before)
        if not is_moved and None not in before:
            open_ += kept
            continue
        lines = {parent: lines_at(parent, past) for parent in parents}
        # Where no record of it was known yet, there was no pin before that could have been taken out.
        sides = [
            Side(at, lines[parent])
            for parent, item in zip(parents, before, strict=True)
            if item is not None or not lines[parent].isdisjoint(own)
            for at in _last_stood(parent, name, past, stands)
        ]
        if not is_moved and {side.stood for side in sides} == {pin.commit}:
            open_ += kept
            continue
        known = lines_at(commit, past)
        told = {digest: record for digest, record in records.items() if moves.lines[digest] in known}
        newest = newest_of(told, name)
        if None not in before and is_left(told, newest, pin, sides):
            open_ += parents
        elif (odds := at_odds(told, newest, pin, moves.lines, sides)) is not None:
            return commit, odds
        elif not is_moved:
            open_ += kept
    return None


def _last_stood(commit: str, name: SourceName, past: Past, stands: _Stands) -> list[str]:
    """Return where a pin stood in *commit*, or if it had none there, before it was taken out."""
    open_, known, found = [commit], {commit}, list[str]()
    for one in open_:
        place = stands(one, name)
        if place is not None:
            found.append(place[0])
            continue
        more = set(past.parents.get(one, ())) - known
        known |= more
        open_ += sorted(more)
    return found


def first_with(line: str, past: Past) -> list[str]:
    """Return the commits that first had *line* in the log; a merge brings it too, from the branch that has it.

    What was there when *past* begins was brought by nobody.
    """
    brought = [commit for commit, lines in past.added.items() if line in lines and commit in past.parents]
    return [commit for commit in brought if all(line not in lines_at(item, past) for item in past.parents[commit])]


def lines_at(commit: str, past: Past) -> frozenset[str]:
    """Return the lines that the log had in *commit* or one before it: also what was taken out for a while."""
    return frozenset[str]().union(*(past.added.get(one, frozenset()) for one in all_before(commit, past)))


def all_before(commit: str, past: Past) -> set[str]:
    """Return *commit* and all before it."""
    open_, before = [commit], set[str]()
    while open_:
        one = open_.pop()
        if one not in before:
            before.add(one)
            open_ += past.parents.get(one, ())
    return before


def places(
    text: bytes | None, names: Collection[SourceName], decode: Callable[[bytes], Lock | None]
) -> Mapping[SourceName, Place]:
    """Return where a lock has the pins of *names*; where it is as we write it, without reading all of it."""
    found: dict[SourceName, Place] = {}
    for name in names:
        _, header, rest = (text or b"").partition(f"\n[source.{name}]\n".encode("ascii"))
        place = place_in(rest.partition(b"\n[")[0].decode("utf-8", "replace")) if header else None
        if place is not None:
            found[name] = place
        elif text:
            lock = decode(text)
            return {} if lock is None else {item: place_of(pin) for item, pin in lock.pins.items()}
    return found
