"""What the audit log and its archives tell of commits, gathered once: a run asks for each of its sources."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Generic, TypeVar

from git_hybrid.core.ahead import APART
from git_hybrid.core.audit import RESTS_ON, SCANNED, Record, detail_of, previous, records_of
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import Oid, RefName, SourceName, Url, is_oid
from git_hybrid.core.last_pins import ANEW, by_source, former_pins, last_pins, pins_of_log, without
from git_hybrid.core.last_told import brought_along, has_branches
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.named_overrides import as_made
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time, later, parse_time
from git_hybrid.store import archived, chain, reading
from git_hybrid.store.layout import Layout, archives
from git_hybrid.turn import TURN

T = TypeVar("T")
Key = tuple[str, str]
_Mark = tuple[object, ...]


class Told(Struct, frozen=True, kw_only=True):
    """What whole records tell.

    By source and commit, ``seen`` has the place of the first one that names the commit, ``before`` the commit that the
    last one of a pin moved from. ``times`` has of all, by place, the time and the places of those before it. ``scans``
    has those of scans, each with its place, by ``after`` and a commit and by ``tree`` and a tree. ``named`` are the
    sources. ``is_branched``: some records stand side by side. ``doubt`` is why the log as a whole is none, if it is
    not.
    """

    seen: Mapping[Key, int]
    times: Sequence[tuple[str, Sequence[int]]]
    before: Mapping[Key, str]
    scans: Mapping[Key, Sequence[tuple[int, Record]]]
    named: Collection[str]
    is_branched: bool
    doubt: InvalidFile | None


class _Memory(Generic[T]):
    """What was made of the files last, and what they were then; one thread makes it, and the others wait for it."""

    def __init__(self, make: Callable[[Layout], T]) -> None:
        self._make = make
        self._mutex = Lock()
        self._made: tuple[_Mark, T] | None = None

    def of(self, layout: Layout) -> T:
        with TURN.held_with(self._mutex):
            mark = _mark(layout)
            if self._made is None or self._made[0] != mark:
                self._made = None
                self._made = (mark, self._make(layout))
            return self._made[1]


def told_by_log(layout: Layout) -> Told:
    """Return what the audit log of *layout* and its archives tell, as the files are now.

    Raises:
        InvalidFile, LocalIo: a file cannot be read.
        NewerSchema: a newer version wrote a record.
    """
    return _told.of(layout)


def told_by_whole_log(layout: Layout) -> Told:
    """Return the same of a log in which nothing is wrong.

    Raises:
        InvalidFile: a line in the middle is no record, and no later record declares it torn; or as above.
        LocalIo, NewerSchema: as above.
    """
    told = told_by_log(layout)
    if told.doubt is not None:
        # Another error for each source: what is found out about one is written into it.
        raise InvalidFile(path=told.doubt.path, problems=told.doubt.problems, mend=told.doubt.mend)
    return told


def first_seen(layout: Layout, name: SourceName, commit: Oid, now: datetime) -> datetime | None:
    """Return when the log first names *commit* as something that upstream of *name* had; None if it does not.

    That is no earlier than what it follows: a clock that was set back for a moment makes no commit older. What is still
    to come *now* was written by a clock that was ahead, and makes none younger.

    Raises:
        InvalidFile, LocalIo, NewerSchema: as above.
    """
    told = told_by_log(layout)
    place = told.seen.get((name, commit))
    if place is None:
        return None
    known, limit = _latest.of(layout), format_time(later(now, APART))
    if limit not in known:
        known[limit] = _latest_times(told, limit)
    return parse_time(max(told.times[place][0], known[limit][place]))


def seen(layout: Layout, name: SourceName) -> Sequence[tuple[Oid, RefName]]:
    """Return each commit that the log names of a source, by the ref it was first named with, the last one first.

    Raises:
        LocalIo, NewerSchema: as above.
    """
    found = _commits.of(layout).get(name, {})
    return [(Oid(commit), RefName(ref)) for commit, ref in reversed(found.items()) if is_oid(commit)]


def _latest_times(told: Told, limit: str) -> Sequence[str]:
    """Return for each place the latest time up to *limit* of what stands there and of all that it follows."""
    latest: list[str] = []
    for at, before in told.times:
        latest.append(max([at if at <= limit else "", *(latest[place] for place in before)]))
    return latest


def pins_told(layout: Layout, name: SourceName, url: Url, left_out: Collection[str] = ()) -> tuple[Pin, ...]:
    """Return the last pin of a source that was not removed (:func:`git_hybrid.core.last_pins.pins_of_log`).

    The records *left_out*, by their hashes, do not count.

    Raises:
        InvalidFile, LocalIo, NewerSchema: as above.
    """
    return pins_of_log(_of(layout, name, left_out), name, url)


def former_pins_told(
    layout: Layout, name: SourceName, url: Url, ref: RefName | None, left_out: Collection[str] = ()
) -> tuple[Pin, ...]:
    """Return the last pins of a source that were of *url* and *ref* (:func:`git_hybrid.core.last_pins.former_pins`).

    Raises:
        InvalidFile, LocalIo, NewerSchema: as above.
    """
    return former_pins(_of(layout, name, left_out), name, url, ref)


def left_pins_told(layout: Layout, source: Source, left_out: Collection[str] = ()) -> tuple[Pin, ...]:
    """Return the pins that *source* left by following something else (:func:`git_hybrid.core.left_pins.left_pins`).

    Raises:
        InvalidFile, LocalIo, NewerSchema: as above.
    """
    from git_hybrid.core.left_pins import left_pins

    own = _of(layout, source.name, left_out)
    return left_pins({**_pins.of(layout), source.name: own}, _lifts.of(layout), source, source.url) if own else ()


def _of(layout: Layout, name: SourceName, left_out: Collection[str]) -> Sequence[Record]:
    told = _pins.of(layout).get(name, ()) if name in told_by_log(layout).named else ()
    return without(told, left_out) if left_out else told


def sides_told(layout: Layout, name: SourceName, left_out: Collection[str] = ()) -> tuple[Record, ...]:
    """Return the last records of a pin that several branches moved: each elsewhere, or some by an override.

    Nothing where one counts.

    Raises:
        InvalidFile, LocalIo, NewerSchema: as above.
    """
    told = _sides.of(layout).get(name, ()) if told_by_log(layout).is_branched else ()
    left = tuple(record for record in told if record["hash"] not in left_out)
    return left if _differ(left) else ()


def mirrors_told(layout: Layout, inventory: Inventory) -> Inventory:
    """Return *inventory* as far as the audit log bears it out (:func:`git_hybrid.core.mirror_told.believed`).

    Raises:
        LocalIo, NewerSchema: as above.
    """
    from git_hybrid.core.mirror_told import believed

    return believed(inventory, _by_hash.of(layout))


def absent_told(layout: Layout) -> str:
    """Return which archive of the log is not there as it was closed (:func:`git_hybrid.store.archived.absent`).

    Raises:
        LocalIo: as above.
    """
    return _absent.of(layout)


def _mark(layout: Layout) -> _Mark:
    """Return what tells the files from those that they were: whoever writes to one changes that."""
    paths = [layout.root / name for name in (*archives(layout), LOG)]
    found = [path.stat() if path.exists() else None for path in paths]
    return (layout.root, *(at and (at.st_ino, at.st_size, at.st_mtime_ns, at.st_ctime_ns) for at in found))


def _gathered(layout: Layout) -> Told:
    data, doubt = reading.whole_log(layout), None
    try:
        records: Iterable[Record] = chain.parse_log(data).records
    except InvalidFile as error:
        records, doubt = records_of([chain.segment_of(LOG, data, alone=True)]), error
    seen, before = dict[Key, int](), dict[Key, str]()
    has_beside = False
    times, places = list[tuple[str, Sequence[int]]](), dict[str, int]()
    scans = dict[Key, list[tuple[int, Record]]]()
    for place, record in enumerate(records):
        event, source, after = record["event"], str(record.get("source")), str(record.get("after"))
        seen.setdefault((source, after), place)
        times.append((str(record["at"]), [places[item] for item in previous(record) if item in places]))
        places[str(record["hash"])] = place
        has_beside = has_beside or bool(brought_along(record))
        if event == "pin" and record.get("before") != after:
            before[source, after] = str(record.get("before") or "")
        elif event in SCANNED and isinstance(record.get("detail"), Mapping):
            for key in (("after", after), ("tree", str(detail_of(record).get("tree")))):
                scans.setdefault(key, []).append((place, record))
    named, is_branched = {source for source, _ in seen}, has_beside or has_branches(records)
    return Told(seen=seen, times=times, before=before, scans=scans, named=named, is_branched=is_branched, doubt=doubt)


def _read(layout: Layout) -> Sequence[Record]:
    return tuple(as_made({str(record["hash"]): record for record in reading.records(layout)}).values())


def _hashed(layout: Layout) -> Mapping[str, Record]:
    return {str(record["hash"]): record for record in _records.of(layout)}


def _branched(layout: Layout) -> Mapping[str, tuple[Record, ...]]:
    records = _by_hash.of(layout)
    names = {str(record.get("source")) for record in records.values() if record["event"] == "pin"}
    newest = last_pins(records, names, ends=ANEW).newest
    last = {name: tuple(records[digest] for digest in records if digest in newest[name]) for name in newest}
    return {name: told for name, told in last.items() if _differ(told)}


def _differ(told: Sequence[Record]) -> bool:
    return len({(record.get("after"), RESTS_ON in detail_of(record)) for record in told}) > 1


def _lifted(layout: Layout) -> Mapping[str, frozenset[str]]:
    from git_hybrid.core.pin_steps import lifts_of

    return lifts_of(_by_hash.of(layout))


def _commits_of(layout: Layout) -> Mapping[str, dict[str, str]]:
    found = dict[str, dict[str, str]]()
    for record in _records.of(layout):
        commits = found.setdefault(str(record.get("source")), {})
        commits.setdefault(str(record.get("after")), str(detail_of(record).get("ref")))
    return found


_told = _Memory(_gathered)
_commits = _Memory(_commits_of)
_latest: _Memory[dict[str, Sequence[str]]] = _Memory(lambda _layout: {})
_records = _Memory(_read)
_absent = _Memory(archived.absent)
_pins = _Memory(lambda layout: by_source(_records.of(layout)))
_sides = _Memory(_branched)
_by_hash = _Memory(_hashed)
_lifts = _Memory(_lifted)
