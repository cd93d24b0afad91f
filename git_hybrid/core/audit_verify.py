"""What a whole audit log must satisfy, and what it proves where it does not. Pure.

A hash chain shows edits, deletions and reordering by itself. That its end was cut off, that an older copy was put back
or that all of it was written anew shows only against what lies outside of it: the hashes that state, overrides and
mirrors carry, and what git has committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from git_hybrid.core.audit import ROTATED, Line, Record, Segment, previous
from git_hybrid.core.canonical import Json
from git_hybrid.core.lock import Lock
from git_hybrid.core.override import Overrides, binds, trail_of
from git_hybrid.core.state import State
from git_hybrid.core.value import Struct, field
from git_hybrid.core.words import counted, plural

LOG = "state/sources-audit.jsonl"
_INSTALLED = frozenset({"clone", "update", "repair", "record", "reset"})
_PINNED = frozenset({"pin", "override", "bundle-apply"})


class Breach(Struct, frozen=True, kw_only=True):
    """One thing that a log does not satisfy: where, what, and what that proves. ``id`` is stable."""

    id: str
    file: str
    line: int
    what: str
    proves: str
    seq: int | None = None


class Witnesses(Struct, frozen=True, kw_only=True):
    """What lies outside of the log and says what must be in it.

    ``committed`` holds the SHA-256 of every line that HEAD and the other side of a merge have (None: the log is not
    in a repository), ``head`` those of HEAD in their order, ``ever`` those of every earlier commit that was looked at;
    ``hashes`` the record hashes that were ever committed in other files, each with where.
    """

    state: State = field(default_factory=State)
    overrides: Overrides = field(default_factory=Overrides)
    lock: Lock = field(default_factory=Lock)
    mirrors: Mapping[str, str] = field(default_factory=dict)
    committed: frozenset[str] | None = None
    hashes: Mapping[str, str] = field(default_factory=dict)
    head: tuple[str, ...] = ()
    ever: tuple[str, ...] = ()


def verify(segments: Sequence[Segment], witnesses: Witnesses) -> tuple[Breach, ...]:
    """Return every breach of the log in *segments*, in the order of the lines; then what is missing from it."""
    records = {str(record["hash"]): record for record in _whole(segments)}
    found = [*_lines(segments), *_links(segments, records), *_forks(segments, witnesses)]
    found += _archives(segments)
    order = {segment.file: number for number, segment in enumerate(segments)}
    found.sort(key=lambda breach: (order[breach.file], breach.line))
    if missing_archives(segments):
        # What else is not there may be in the archive: it is one thing that is wrong, and this is its name.
        return tuple(found)
    return (*found, *_against_commits(segments, witnesses), *_against_files(records, witnesses))


def _whole(segments: Iterable[Segment]) -> Iterator[Record]:
    for segment in segments:
        yield from (line.record for line in segment.lines if line.record is not None and line.whole)


def _lines(segments: Sequence[Segment]) -> Iterator[Breach]:
    """Yield the lines that are no records, unless a later record declares them torn, or the last was just torn."""
    declared = {(item["len"], item["sha256"]) for record in _whole(segments) for item in _torn(record)}
    for segment in segments:
        last = segment.lines[-1].number if segment.lines else 0
        seen: set[str] = set()
        for line in segment.lines:
            if line.record is not None and not line.whole:
                what, proves = "the record's hash is not that of its content", "it was edited after it was written"
                yield _breach("edited", segment.file, line, what, proves)
            elif line.record is None and (line.size, line.sha256) not in declared:
                if line.number == last and not segment.ended:
                    continue
                what, proves = "is no audit record, and no later record declares it torn", "it was put in or damaged"
                yield _breach("junk", segment.file, line, what, proves)
            elif line.record is not None and line.sha256 in seen:
                yield _breach("repeated", segment.file, line, "stands twice in the log", "it was copied in")
            seen.add(line.sha256)


def _torn(record: Record) -> list[Mapping[str, Json]]:
    torn = record.get("torn", [])
    items = torn if isinstance(torn, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def _links(segments: Sequence[Segment], records: Mapping[str, Record]) -> Iterator[Breach]:
    """Yield the records whose predecessors are not before them, or that do not count on from them."""
    seen: set[str] = set()
    first = True
    for segment in segments:
        for line in segment.lines:
            if line.record is None:
                continue
            named = previous(line.record)
            archived = first and line.record["event"] == ROTATED
            if not named and not first:
                what, proves = "begins a log of its own", "another log was put in here"
                yield _breach("second-beginning", segment.file, line, what, proves)
            for digest_ in named:
                if digest_ in seen or archived:
                    continue
                if digest_ in records:
                    what, proves = f"names {digest_[:12]}, which stands later", "records were put into another order"
                    yield _breach("reordered", segment.file, line, what, proves)
                else:
                    what = f"names {digest_[:12]} as the record before it, which is not in the log"
                    yield _breach("missing", segment.file, line, what, "a record before it was taken out or edited")
            counts = [_seq(records[item]) for item in named if item in records]
            if line.whole and len(counts) == len(named) and _seq(line.record) != max(counts, default=0) + 1:
                what, proves = f"has number {_seq(line.record)}, not {max(counts, default=0) + 1}", "it was forged"
                yield _breach("miscounted", segment.file, line, what, proves)
            seen.add(str(line.record["hash"]))
            first = False


def _seq(record: Record) -> int:
    number = record["seq"]
    return number if isinstance(number, int) else 0


def _forks(segments: Sequence[Segment], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield records that no append and no merge explains.

    What git has not committed yet stands at the end. Two records after the same one come from two branches, so that
    one of them at least is committed.
    """
    committed = witnesses.committed or frozenset()
    after: dict[str, list[tuple[str, Line]]] = {}
    for segment in segments:
        end = max((line.number for line in segment.lines if line.sha256 in committed), default=0)
        for line in segment.lines:
            if not line.whole:
                continue
            if line.number < end and line.sha256 not in committed:
                what = "stands before records that git has committed, and is not committed itself"
                yield _breach("inserted", segment.file, line, what, "it was put in later")
                continue
            for digest_ in previous(line.record or {"prev": []}):
                after.setdefault(digest_, []).append((segment.file, line))
    for followers in after.values():
        fresh = [(file, line) for file, line in followers if line.sha256 not in committed]
        if len({line.sha256 for _, line in fresh}) > 1:
            # What was put in has nothing after it; what it was put before goes on.
            leaves = [(file, line) for file, line in fresh if (line.record or {})["hash"] not in after]
            file, line = (leaves or fresh)[0]
            what = f"{counted(len(fresh), 'record')} follow the same one, and no merge in git explains it"
            yield _breach("inserted", file, line, what, "a record was put in, or logs were joined by hand")


def _archives(segments: Sequence[Segment]) -> Iterator[Breach]:
    """Yield what does not fit where one file of the log goes on from another."""
    by_name = {segment.file: segment for segment in segments}
    for segment in segments:
        for line in segment.lines:
            if not (told := _archived(line)):
                continue
            name, sha256 = f"state/{told['archive']}", str(told.get("sha256"))
            archive = by_name.get(name)
            if archive is None:
                what, proves = f"goes on from {name}, which is not there", "the archive was deleted, or never committed"
                yield _breach("archive-missing", segment.file, line, what, proves)
            elif archive.sha256 != sha256:
                what = f"says that {name} has the SHA-256 {sha256[:12]}…, and it has {archive.sha256[:12]}…"
                proves = "the archive was changed after it was closed"
                yield _breach("archive-changed", segment.file, line, what, proves)


def _archived(line: Line) -> Mapping[str, Json]:
    """Return what the first record of a file tells of the archive that it goes on from; nothing if it is no such."""
    if line.record is None or line.record["event"] != ROTATED or not line.whole:
        return {}
    detail = _detail(line.record)
    return detail if "archive" in detail else {}


def missing_archives(segments: Sequence[Segment]) -> tuple[str, ...]:
    """Return the names of the archived files that the log goes on from and that are not there."""
    there = {segment.file for segment in segments}
    named = [f"state/{told['archive']}" for segment in segments for line in segment.lines if (told := _archived(line))]
    return tuple(name for name in named if name not in there)


def _breach(identity: str, file: str, line: Line, what: str, proves: str) -> Breach:
    seq = None if line.record is None else _seq(line.record)
    return Breach(id=identity, file=file, line=line.number, what=what, proves=proves, seq=seq)


def _against_commits(segments: Sequence[Segment], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield the first committed line that the log no longer has: it only ever grows."""
    present = {line.sha256 for segment in segments for line in segment.lines}
    missing = [number for number, sha256 in enumerate(witnesses.head, 1) if sha256 not in present]
    if missing:
        what = f"line {missing[0]} of the log in HEAD is not in it ({len(missing)} in all)"
        proves = "the log was cut, rolled back or written anew since it was committed"
        yield Breach(id="not-append-only", file=LOG, line=missing[0], what=what, proves=proves)
    lost = [sha256 for sha256 in witnesses.ever if sha256 not in present]
    if lost and not missing:
        was, not_in = plural(len(lost), "was"), f"{plural(len(lost), 'is')} not in it"
        what = f"{counted(len(lost), 'record')} that {was} committed once {not_in}"
        proves = "a commit took records out of the log, or a merge lost them"
        yield Breach(id="lost-by-commit", file=LOG, line=0, what=what, proves=proves)


def _against_files(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    yield from _against_state(records, witnesses.state)
    yield from _against_overrides(records, witnesses.overrides)
    for name, audit_hash in witnesses.mirrors.items():
        if audit_hash not in records:
            yield _gone(f"state/sources-mirrors.json: {name}", audit_hash)
    for audit_hash, where in witnesses.hashes.items():
        if audit_hash not in records:
            yield _gone(where, audit_hash)
    pinned = {(item.get("source"), item.get("after")) for item in records.values() if item["event"] in _PINNED}
    for name, pin in witnesses.lock.pins.items():
        if (name, pin.commit) not in pinned:
            what = f"no record tells that {name} was pinned to {pin.commit[:12]}, as state/sources.lock says"
            proves = "the log was cut or replaced, or the lock was edited by hand"
            yield Breach(id="unexplained-pin", file=LOG, line=0, what=what, proves=proves)


def _against_state(records: Mapping[str, Record], state: State) -> Iterator[Breach]:
    for name, entry in state.sources.items():
        if entry.audit_hash is None:
            continue
        record = records.get(entry.audit_hash)
        if record is None:
            yield _gone(f"state/sources.json: {name}", entry.audit_hash)
        elif record.get("source") != name or (record["event"] in _INSTALLED and record.get("after") != entry.commit):
            what = f"record {entry.audit_hash[:12]} does not tell of {name} at {entry.commit[:12]}, as its state does"
            yield Breach(id="foreign-record", file=LOG, line=0, what=what, proves="the state entry was edited by hand")


def _against_overrides(records: Mapping[str, Record], overrides: Overrides) -> Iterator[Breach]:
    for item in overrides.records.values():
        record = records.get(item.audit_hash or "")
        if record is None:
            yield _gone(f"state/sources-overrides.json: {item.id}", item.audit_hash or "none")
        elif not binds(record, item):
            what = f"{item.id} is not what record {(item.audit_hash or '')[:12]} tells of it"
            yield Breach(id="override-edited", file=LOG, line=0, what=what, proves="the override was edited by hand")
    told = trail_of(tuple(records.values())).latest
    for identity in sorted(set(told) - set(overrides.records)):
        what = f"{identity} is in the log and not in state/sources-overrides.json"
        yield Breach(id="override-deleted", file=LOG, line=0, what=what, proves="its record was taken out by hand")


def _detail(record: Mapping[str, Json]) -> Mapping[str, Json]:
    detail = record.get("detail")
    return detail if isinstance(detail, Mapping) else {}


def _gone(where: str, audit_hash: str) -> Breach:
    what = f"{where} names record {audit_hash[:12]}, which is not in the log"
    proves = "the end of the log was cut off, or an older copy or another log was put in its place"
    return Breach(id="cut", file=LOG, line=0, what=what, proves=proves)
