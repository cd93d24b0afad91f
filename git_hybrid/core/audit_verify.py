"""What a whole audit log must satisfy, and what it proves where it does not. Pure.

A hash chain shows edits, deletions and reordering by itself. That its end was cut off, that an older copy was put back
or that all of it was written anew shows only against what lies outside of it: the hashes that state, overrides and
mirrors carry, and what git has committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.ahead import APART
from git_hybrid.core.audit import MALFORMED, ROTATED, Line, Record, Segment, odd_key, previous, seq_of, torn_of
from git_hybrid.core.audit_archives import (
    AGAIN,
    FROM_GIT,
    GROWING,
    NO_GIT,
    RESTORE,
    UNDO,
    Breach,
    Files,
    breach_at,
    picked,
    put_back,
    restore_from,
    unheld,
)
from git_hybrid.core.audit_overrides import borne_out
from git_hybrid.core.audit_witness import against_files
from git_hybrid.core.committed_policy import against_committed
from git_hybrid.core.files import LOG
from git_hybrid.core.lock_moves import Moves, against_moves
from git_hybrid.core.value import replace
from git_hybrid.core.values import parse_time
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import counted

_IN_ORDER = f"if a merge did it: git hybrid merge; else {RESTORE}"
ONE_BEGINNING = (
    "one side begins anew: git merge --abort, git merge --squash BRANCH, git checkout HEAD -- sources.toml state,"
    " then git hybrid add what BRANCH had"
)
_UNDO = f"set the clock, and do again what was recorded meanwhile, after: {UNDO}"
_MAY_BE_ARCHIVED = frozenset({"missing", "second-beginning", "reordered", "inserted", "junk", "archive-foreign"})
"""What is told of lines that follow, or are declared torn, where no record says so: it may stand in an archive."""


def verify(segments: Sequence[Segment], witnesses: Witnesses, *, now: datetime | None = None) -> tuple[Breach, ...]:
    """Return every breach of the log in *segments*, in the order of the lines; then what is missing from it.

    With *now*, also records that are not committed yet and were made later than that.
    """
    files = Files(segments)
    texts = _texts(segments, files)
    if any(item.id == "conflict" for item in texts):
        # What else is wrong may be the other side's, which stands there: no mend comes before this one.
        return texts
    records: Mapping[str, Record] = {str(record["hash"]): record for record in _whole(files.ours)}
    committed = None if witnesses.committed is None else files.vouched(witnesses.committed)
    found = [*texts, *_lines(files.ours, witnesses), *_links(files.ours, records)]
    found += [
        *_unexplained(files.ours, committed or frozenset(), witnesses),
        *files.breaches(committed, witnesses.archived),
    ]
    if now is not None and committed is not None:
        found += _ahead(files.ours, committed, now)
    order = {segment.file: number for number, segment in enumerate(files.ordered)}
    found.sort(key=lambda breach: (order[breach.file], breach.line))
    nowhere = NO_GIT if witnesses.committed is None else RESTORE
    changed = files.changed()
    if changed or files.missing():
        # What else is not there may be in the archive: it is one thing that is wrong, and this is its name.
        mends = {name: put_back(name, witnesses.archived(name, sha256)) for name, sha256 in changed.items()}
        found = [item for item in found if item.file in changed or item.id not in _MAY_BE_ARCHIVED]
        return _mended((replace(item, mend=mends.get(item.file, item.mend)) for item in found), nowhere)
    moves = _moves(files.ours, witnesses)
    foreign, records = borne_out(records, witnesses.lock.pins)
    moved = [*foreign, *against_moves(records, moves), *_published(segments, witnesses)]
    if now is not None:
        moved += against_committed(records, moves.lines, witnesses, now)
    whole = [line.sha256 for item in files.ours if item.file == LOG for line in item.lines if line.whole]
    is_known = committed is None or committed.issuperset(whole)
    from_head = restore_from("HEAD") if is_known else AGAIN
    lost = _lost(files, witnesses, restore_from("HEAD", GROWING) if is_known else AGAIN)
    told: Sequence[Breach] = (*found, *lost, *against_files(records, witnesses), *moved)
    if told and not any(segment.lines for segment in segments if segment.file == LOG):
        # All that does not agree with it follows from that.
        what, proves = "is missing or empty, and other files tell of its records", "it was deleted, or never committed"
        told = (Breach(id="log-missing", file=LOG, line=0, what=what, proves=proves),)
    if lost or not told or not _is_whole_in_head(files.ours, witnesses):
        mended = _mended(told, next((item.mend for item in lost), nowhere))
        return mended if lost or witnesses.committed is None else tuple(map(picked, mended))
    is_since = not witnesses.is_made and witnesses.past is not None and records.keys() >= witnesses.hashes.keys()
    mends = {"cut": AGAIN} if is_since else {}
    return tuple(
        picked(replace(item, mend=from_head if item.line else mends.get(item.id, RESTORE)))
        if item.mend == RESTORE
        else item
        for item in told
    )


def _texts(segments: Sequence[Segment], files: Files) -> tuple[Breach, ...]:
    """Return what was done to the text of *segments*; of the conflicts in it alone if there are any."""
    if not any(segment.converted or any(line.marker for line in segment.lines) for segment in segments):
        return ()
    from git_hybrid.core.audit_texts import conflicts_in, endings_of

    return tuple(conflicts_in(segments)) or tuple(endings_of(files.ours))


def _published(segments: Sequence[Segment], witnesses: Witnesses) -> Iterator[Breach]:
    if witnesses.published:
        from git_hybrid.core.published import against_published

        yield from against_published(segments, witnesses.published)


def _lost(files: Files, witnesses: Witnesses, from_head: str) -> tuple[Breach, ...]:
    present = {line.sha256 for segment in files.ours for line in segment.lines}
    if present.issuperset(witnesses.head) and present.issuperset(witnesses.ever):
        return ()
    from git_hybrid.core.audit_lost import against_commits

    return tuple(against_commits(files, witnesses, from_head, present))


def _mended(breaches: Iterable[Breach], known: str) -> tuple[Breach, ...]:
    """Return *breaches* with the mend that is *known* for records that are missing."""
    return tuple(
        replace(item, mend=known)
        if item.mend in (RESTORE, AGAIN) or (known == NO_GIT and item.mend.startswith(FROM_GIT))
        else item
        for item in breaches
    )


def _is_whole_in_head(segments: Sequence[Segment], witnesses: Witnesses) -> bool:
    """Tell whether the log that HEAD has is whole by itself: then all of its lines are among *segments*."""
    known = {line.sha256: line for segment in segments for line in segment.lines}
    if not known.keys() >= set(witnesses.head):
        return False
    lines = tuple(replace(known[sha256], number=number) for number, sha256 in enumerate(witnesses.head, 1))
    then = [*(item for item in segments if item.file != LOG), Segment(file=LOG, lines=lines)]
    records = {str(record["hash"]): record for record in _whole(then)}
    found = (*_lines(then, witnesses), *_links(then, records))
    return bool(lines) and not any(item.file == LOG for item in found)


def _moves(segments: Sequence[Segment], witnesses: Witnesses) -> Moves:
    whole = (line for segment in segments for line in segment.lines if line.record is not None and line.whole)
    return Moves(
        lock=witnesses.lock,
        sources=witnesses.manifest.sources,
        before=witnesses.locks_before,
        known=witnesses.lines_before,
        lines={str((line.record or {})["hash"]): line.sha256 for line in whole},
        past=witnesses.past,
        decode=witnesses.decode_lock,
        signed=witnesses.has_keys,
        is_made=witnesses.is_made,
        replaced=witnesses.replaced,
    )


def no_records(segments: Sequence[Segment]) -> tuple[Breach, ...]:
    """Return the lines that readers of the log leave out, since they are no records as they were written."""
    return tuple(breach for breach in _lines(segments, Witnesses()) if breach.id not in ("repeated", "malformed"))


def _whole(segments: Iterable[Segment]) -> Iterator[Record]:
    for segment in segments:
        yield from (line.record for line in segment.lines if line.record is not None and line.whole)


def _lines(segments: Sequence[Segment], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield the lines that are no records, unless a later record declares them torn, or the last was just torn."""
    declared = {(item["len"], item["sha256"]) for record in _whole(segments) for item in torn_of(record)}
    for segment in segments:
        last = segment.lines[-1].number if segment.lines else 0
        seen: set[str] = set()
        for line in segment.lines:
            if line.record is not None and not line.whole:
                from git_hybrid.core.audit_texts import altered, joinable

                yield joinable(altered(segment.file, line, line.record), line, witnesses)
            elif line.record is not None and str(line.record["event"]).startswith(MALFORMED):
                event = str(line.record["event"]).removeprefix(MALFORMED)
                key = odd_key({**line.record, "event": event}) or "event"
                what = f"tells of {event}, and its {key} is missing or nothing that such a record has"
                proves = "it was forged: no command writes that"
                yield breach_at("malformed", segment.file, line, what, proves)
            elif line.record is None and (line.size, line.sha256) not in declared:
                if line.number == last and not segment.ended:
                    continue
                what, proves = "is no audit record, and no later record declares it torn", "it was put in or damaged"
                from git_hybrid.core.audit_texts import joinable

                yield joinable(breach_at("junk", segment.file, line, what, proves), line, witnesses)
            elif line.record is not None and line.sha256 in seen and line.sha256 not in witnesses.twice:
                yield breach_at("repeated", segment.file, line, "stands twice in the log", "it was copied in")
            seen.add(line.sha256)


def _links(segments: Sequence[Segment], records: Mapping[str, Record]) -> Iterator[Breach]:
    """Yield the records whose predecessors are not before them, or that do not count on from them."""
    seen: set[str] = set()
    first = True
    for segment in segments:
        for line in segment.lines:
            # Where one side of a merge had rotated, the log may have lines again that stand in the archive.
            if line.record is None or str(line.record["hash"]) in seen:
                continue
            named = previous(line.record)
            archived = first and line.record["event"] == ROTATED
            if not named and not first:
                what, proves = "begins a log of its own", "another log was put in here, or two beginnings were merged"
                yield replace(breach_at("second-beginning", segment.file, line, what, proves), mend=ONE_BEGINNING)
            for digest_ in named:
                if digest_ in seen or archived:
                    continue
                if digest_ in records:
                    what, proves = f"names {digest_[:12]}, which stands later", "records were put into another order"
                    yield replace(breach_at("reordered", segment.file, line, what, proves), mend=_IN_ORDER)
                else:
                    what = f"names {digest_[:12]} as the record before it, which is not in the log"
                    yield breach_at("missing", segment.file, line, what, "a record before it was taken out or edited")
            counts = [seq_of(records[item]) for item in named if item in records]
            if line.whole and len(counts) == len(named) and seq_of(line.record) != max(counts, default=0) + 1:
                what, proves = f"has number {seq_of(line.record)}, not {max(counts, default=0) + 1}", "it was forged"
                yield breach_at("miscounted", segment.file, line, what, proves)
            seen.add(str(line.record["hash"]))
            first = False


def _named_by(segments: Sequence[Segment], committed: frozenset[str]) -> frozenset[str]:
    """Return *committed* with the lines of all records before these: each is the one that was named, by its hash.

    Where a commit was picked onto a branch that never had them, they come after it.
    """
    lines = [line for segment in segments for line in segment.lines if line.whole]
    records = [(line.record or {"prev": []}, line.sha256) for line in lines]
    fresh = {str(record["hash"]): (record, sha256) for record, sha256 in records if sha256 not in committed}
    if not fresh:
        return committed
    todo = [digest for record, sha256 in records if sha256 in committed for digest in previous(record)]
    named = set[str]()
    while todo:
        if (found := fresh.pop(todo.pop(), None)) is not None:
            named.add(found[1])
            todo += previous(found[0])
    return committed | named


def _unexplained(segments: Sequence[Segment], committed: frozenset[str], witnesses: Witnesses) -> Sequence[Breach]:
    """Return what :func:`_forks` finds; what an earlier commit had, and one since has lost, was committed too."""
    found = tuple(_forks(segments, _named_by(segments, committed)))
    known = committed | witnesses.once() if found else committed
    if found and not known:
        return (unheld(found),)
    return tuple(_forks(segments, _named_by(segments, known))) if known != committed else found


def _forks(segments: Sequence[Segment], committed: frozenset[str]) -> Iterator[Breach]:
    """Yield records that no append and no merge explains.

    What git has not committed yet stands at the end. Two records after the same one come from two branches, so that
    one of them at least is committed.
    """
    after: dict[str, list[tuple[str, Line]]] = {}
    for segment in segments:
        end = max((line.number for line in segment.lines if line.sha256 in committed), default=0)
        for line in (line for line in segment.lines if line.whole):
            if line.number < end and line.sha256 not in committed:
                what = "stands before records that git has committed, and is not committed itself"
                yield breach_at("inserted", segment.file, line, what, "it was put in later")
                continue
            for digest_ in previous(line.record or {"prev": []}):
                after.setdefault(digest_, []).append((segment.file, line))
    for followers in after.values():
        fresh = [(file, line) for file, line in followers if line.sha256 not in committed]
        if len({line.sha256 for _, line in fresh}) > 1:
            # What was put in has nothing after it; what it was put before goes on.
            leaves = [(file, line) for file, line in fresh if (line.record or {})["hash"] not in after]
            what = f"{counted(len(fresh), 'record')} follow the same one, and no merge in git explains it"
            yield breach_at("inserted", *(leaves or fresh)[0], what, "a record was put in, or logs were joined by hand")


def _ahead(segments: Sequence[Segment], committed: frozenset[str], now: datetime) -> Iterator[Breach]:
    """Yield what is not committed yet and was made at a time still to come: every override would end by that clock."""
    for segment in segments:
        for line in segment.lines:
            at = "" if line.record is None or not line.whole or line.sha256 in committed else str(line.record["at"])
            if at and parse_time(at) > now + APART:
                what, proves = f"was made at {at}, which is still to come", "the clock of whoever made it was wrong"
                yield replace(breach_at("future", segment.file, line, what, proves), mend=_UNDO)
