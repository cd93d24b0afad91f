"""``git hybrid add``, ``remove`` and ``init --import``: change the manifest, and the pins with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from git_hybrid.app.executor import run_to_end
from git_hybrid.app.force import closing_events, superseded
from git_hybrid.app.pin import How, pin_one
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.app.settling import refuse_unfinished
from git_hybrid.app.unnamed import Telling, nothing_told, with_default_branch
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import DuplicateSource, HybridError, LocalWork, OffBranch, RefMissing
from git_hybrid.core.ids import SourceName, parse_oid
from git_hybrid.core.manifest import Branch, Commit, History, Manifest, Source, Track, track_field
from git_hybrid.core.plan import Snapshot, Task
from git_hybrid.core.planner import removal_blocked
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.taking import told_missing
from git_hybrid.core.value import Struct, field, replace

BEGINNING = Decision(events=[Event(event="init")])
"""What begins the audit log: its first record says who made the workspace, and gives the log its random id."""


class Editor(Struct, frozen=True, kw_only=True):
    """How the text of the manifest is edited: the adapter's functions."""

    add: Callable[[str, Sequence[Source]], str]
    remove: Callable[[str, Sequence[SourceName]], str]
    follow: Callable[[str, Source, Track], str | None]


class Wanted(Struct, frozen=True, kw_only=True):
    """A source to add.

    ``track`` None takes upstream's default branch, ``history`` None the manifest's default; ``commit`` is where it
    must be pinned. The first of ``hoped`` that upstream has, and that has the commit, is followed instead. ``notes``
    and ``detail`` go into its row. ``typed`` is the URL as it was typed.
    """

    source: Source
    track: Track | None
    history: History | None = None
    commit: str | None = None
    hoped: tuple[Track, ...] = ()
    typed: str = ""
    notes: tuple[str, ...] = ()
    detail: Mapping[str, str] = field(default_factory=dict)


def add(
    rt: Runtime,
    editor: Editor,
    wanted: Sequence[Wanted],
    *,
    imported: str = "",
    listed: bool = False,
    begins: bool = False,
) -> Report:
    """Add sources to the manifest and pin them, all or none.

    *imported* is the file that ``init`` takes them from, with the commits where these are *listed* in it; where that
    *begins* the workspace, so does its audit log.
    What an interrupted run had decided to add is there by then, and is not added again.

    Raises:
        DuplicateSource: a name is taken.
        UnfinishedRun: an interrupted sync has to be finished first.
        InvalidFile: an archive of the audit log, which may say when and how a commit was seen before, is not there.
        HybridError: one of them could not be pinned; nothing was written.
    """
    command = "init" if imported else "add"
    with rt.ledger.writer(rt.info) as mended:
        rt.ledger.require_archives()
        snapshot = rt.ledger.snapshot()
        refuse_unfinished(snapshot)
        known = _imported if imported else partial(_added_before, rt.ledger.finished)
        there = tuple(row for item in wanted if (row := known(snapshot, item)) is not None)
        wanted = [item for item in wanted if all(item.source.name != row.name for row in there)]
        if there and not wanted:
            return Report(command=command, rows=there, notes=tuple(mended))
        for item in wanted:
            _refuse_taken(snapshot.manifest, item.source.name, "" if imported else "--name gives another name")
        asking = rt.for_many(len(wanted))
        done = run_to_end(rt, snapshot.manifest, "pinning", lambda item: _resolve_one(asking, snapshot, item), wanted)
        rows = tuple(sorted((row for _, row, _ in done), key=lambda row: row.name))
        if any(row.error is not None for row in rows):
            seen = [event for _, _, decision in done for event in decision.events if event.event == "seen"]
            if seen:
                rt.ledger.record(rt.info, Decision(events=seen), ())
            urls = {item.source.name: item.typed or str(item.source.url) for item in wanted}
            rows = tuple(_not_added(row, imported, urls[row.name], listed=listed) for row in rows)
            return Report(command=command, rows=(*there, *rows), notes=tuple(mended))
        text = rt.ledger.manifest_text()
        edited = editor.add(text, [source for source, _, _ in done])
        events = [event for source, _, decision in done for event in (added(source), *decision.events)]
        pins = {name: pin for _, _, decision in done for name, pin in decision.pins.items()}
        edit = ManifestEdit(before=text, text=edited)
        if begins:
            rt.ledger.record(rt.info, BEGINNING, ())
        rt.ledger.record(rt.info, Decision(events=events, pins=pins, manifest=edit), ())
        return Report(command=command, rows=(*there, *rows), run=rt.info.run, notes=tuple(mended))


def _resolve_one(rt: Runtime, snapshot: Snapshot, item: Wanted) -> tuple[Source, Row, Decision]:
    tell: Telling = nothing_told
    told: dict[str, str] = {}
    for hoped in item.hoped:
        tried = replace(item, source=replace(item.source, track=hoped), track=hoped, hoped=())
        source, row, decision = _resolve_one(rt, snapshot, tried)
        if not isinstance(row.error, OffBranch | RefMissing):
            return source, row, decision
    if item.hoped and item.commit is not None:
        names = ", ".join(dict.fromkeys(track_field(hoped)[1] for hoped in item.hoped))
        item = replace(item, notes=(*item.notes, f"it followed {names}, on which upstream does not have this commit"))
    source = replace(item.source, history=item.history or snapshot.manifest.defaults.history)
    try:
        if item.track is None:
            source, tell = with_default_branch(rt, snapshot.manifest, source)
    except HybridError as error:
        if not isinstance(error, RefMissing) or item.commit is None:
            return source, failed(source.name, error), Decision()
        # There is no default branch that the commit could be on.
        source = replace(source, track=Commit(parse_oid(item.commit)))
    how = How(to=item.commit, move=True, keep=True, look=lambda found: told.update(tell(found)))
    row, decision = pin_one(rt, snapshot, source, how)
    if isinstance(row.error, OffBranch) and item.track is None and item.commit is not None:
        # An imported commit that is not on the default branch: the exact commit matters, so it is what is followed.
        source = replace(source, track=Commit(parse_oid(item.commit)))
        row, decision = pin_one(rt, snapshot, source, how)
    if row.error is None:
        row = replace(row, outcome="added", detail={**item.detail, **told}, notes=(*row.notes, *item.notes))
    return source, row, decision


def _not_added(row: Row, imported: str, url: str, *, listed: bool) -> Row:
    """Return what is said of a source where one of them could not be added, and so none was."""
    if row.error is None:
        return Row(name=row.name, outcome="not-added")
    error = told_missing(row.error) if listed else row.error
    return replace(row, error=error.while_adding(imported, url, listed=listed))


def added(source: Source, **more: str) -> Event:
    """Return the event with which a source begins; *more* are details."""
    key, value = track_field(source.track)
    return Event(event="add", source=source.name, detail={"url": str(source.url), key: value, **more})


def _imported(snapshot: Snapshot, item: Wanted) -> Row | None:
    """Return the row of *item* if just that is in the manifest already, and pinned."""
    name = item.source.name
    source, pin = snapshot.manifest.sources.get(name), snapshot.lock.pins.get(name)
    if source is None or pin is None or source.url != item.source.url or item.commit not in (None, pin.commit):
        return None
    return Row(name=name, outcome="added", after=pin.commit, ref=pin.ref, detail=item.detail, notes=item.notes)


def _added_before(finished: Decision, snapshot: Snapshot, item: Wanted) -> Row | None:
    """Return the row of *item* if just that was *finished*, as an interrupted run had decided it."""
    name = item.source.name
    source, pin = snapshot.manifest.sources.get(name), finished.pins.get(name)
    if source is None or pin is None:
        return None
    # Which branch was upstream's default one is not asked again.
    track = item.track or (source.track if isinstance(source.track, Branch) else None)
    wanted = replace(item.source, track=track, history=item.history or snapshot.manifest.defaults.history)
    is_added = any((event.event, event.source) == ("add", name) for event in finished.events)
    return Row(name=name, outcome="added", after=pin.commit, ref=pin.ref) if is_added and wanted == source else None


def _refuse_taken(manifest: Manifest, name: SourceName, renaming: str) -> None:
    """Raise if *name* is taken, also in another case; *renaming* says how it gets another.

    Raises:
        DuplicateSource: it is.
    """
    for other in manifest.sources:
        if other.casefold() == name.casefold():
            raise DuplicateSource(name=name, taken_by=other, renaming=renaming)


def remove(rt: Runtime, editor: Editor, names: Sequence[str]) -> Report:
    """Take sources out of manifest, lock and state, and remove their clones unless work would be lost.

    What an interrupted run had decided to remove is gone by then.

    Raises:
        UnknownSource: a name is not in the manifest.
        UnfinishedRun: an interrupted sync has to be finished first.
    """
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        ours = {event.source: event for event in rt.ledger.finished.events if event.event == "remove"}
        gone = {name: ours[SourceName(name)] for name in names if name in ours.keys() - snapshot.manifest.sources}
        before = tuple(Row(name=SourceName(name), outcome="removed", before=gone[name].before) for name in gone)
        if before and gone.keys() >= {*names}:
            return Report(command="remove", rows=before, notes=tuple(mended))
        selected = select(snapshot.manifest, [name for name in names if name not in gone])
        refuse_unfinished(snapshot)
        rows = [_removable(rt, snapshot, name) for name in selected]

        def decide(gone: Sequence[Row]) -> Decision:
            text, names = rt.ledger.manifest_text(), [row.name for row in gone]
            edit = ManifestEdit(before=text, text=editor.remove(text, names))
            events = {row.name: Event(event="remove", source=row.name, before=row.before) for row in gone}
            return replace(dropping(rt, snapshot, events), manifest=edit)

        rows = record_without(rt, rows, decide)
        return Report(command="remove", rows=(*before, *rows), run=rt.info.run, notes=tuple(mended))


def dropping(rt: Runtime, snapshot: Snapshot, events: Mapping[SourceName, Event]) -> Decision:
    """Return the decision that drops each source of *events* with its event, and ends its overrides."""
    ended = {key: item for name in events for key, item in superseded(rt, snapshot, name, commit=None).items()}
    return Decision(events=[*events.values(), *closing_events(ended)], dropped=frozenset(events), overrides=ended)


def record_without(
    rt: Runtime, rows: Sequence[Row], decide: Callable[[Sequence[Row]], Decision], pending: Sequence[Task] = ()
) -> list[Row]:
    """Withdraw the clones of those *rows* that have no error, and write what *decide* makes of these; return the rows.

    The clones go first, out of sight, and one in which somebody has begun to work by now is refused. Whatever ends the
    run before its decision is in the journal, they come back, here or by the next writer. What is *pending* of this run
    stays so.
    """
    told = {row.name: row for row in rows}
    kept: dict[SourceName, str | None] = {}
    is_recorded = False
    try:
        for name in [row.name for row in rows if row.error is None]:
            kept[name] = None
            try:
                kept[name] = rt.writer.withdraw(name, rt.info.run)
            except LocalWork as error:
                del kept[name]
                told[name] = failed(name, error)
        if kept:
            rt.ledger.record(rt.info, decide([told[name] for name in kept]), pending)
        is_recorded = True
    finally:
        # Once it is in the journal, the next writer carries the decision out: then they must not come back.
        if not is_recorded and not rt.ledger.is_decided(rt.info):
            for name, place in kept.items():
                rt.writer.give_back(name, place)
    told |= {name: replace(told[name], notes=_still_there(rt, name, place)) for name, place in kept.items()}
    return list(told.values())


def _still_there(rt: Runtime, name: SourceName, kept: str | None) -> tuple[str, ...]:
    if kept is not None:
        return (f"saved work is kept at {kept}",)
    left = rt.writer.discard(name)
    return () if left is None else (f"its clone could not be removed: {left}",)


def _removable(rt: Runtime, snapshot: Snapshot, name: SourceName) -> Row:
    pin = snapshot.lock.pins.get(name)
    error = removal_blocked(name, rt.clones.inspect(name, None), lambda: rt.clones.unsaved(name))
    if error is not None:
        return failed(name, error)
    return Row(name=name, outcome="removed", before=pin.commit if pin else None)
