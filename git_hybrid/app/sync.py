"""``git hybrid sync``: make the clones equal the lock. No pin is made or moved here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from git_hybrid.app.observe import look, observe
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import BadArgument, DecidedOnly, HybridError, LocalIo, NoPin, UnfinishedRun
from git_hybrid.core.governance import expiring
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Action, Clone, Looked, Snapshot, SyncPlan, Task, Unfinished
from git_hybrid.core.planner import pinned, plan_resume, plan_sync
from git_hybrid.core.reducer import intent_for
from git_hybrid.core.report import Report, Row, failed, run_words
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import some

_GONE = "sources.toml has no such source any more"


class SyncRequest(Struct, frozen=True, kw_only=True):
    """What the command line says: names and groups (none: all), a dry run, whether strangers are removed."""

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    dry_run: bool = False
    prune: bool = False


def sync(rt: Runtime, request: SyncRequest) -> Report:
    """Bring the selected sources to their pins and return what became of each.

    Raises:
        BadArgument: some are selected, and strangers are to be removed, which belong to none.
        UnfinishedRun: an earlier run has sources left that the selection does not cover, or files to write yet.
        UnknownSource: a name or group is not in the manifest.
        LockBusy, InvalidFile, NewerSchema: nothing was done.
    """
    if request.prune and (named := (*request.names, *request.groups)):
        reason = "is for all sources: it removes what belongs to none of them"
        raise BadArgument(what="--prune", value=" ".join(named), reason=reason, hint="git hybrid sync --prune")
    if request.dry_run:
        return _foretold(rt, request)
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        selected = select(snapshot.manifest, request.names, request.groups)
        rows, notes = list[Row](), tuple[str, ...]()
        try:
            rows, snapshot, notes = finish_first(rt, snapshot, selected)
            # Pruning comes first: it records at once, and what the sync leaves pending must be the last word.
            is_stopped, others = bool(rows and rt.cancelled()), without_left(snapshot, selected)
            rows += _pruned(rt, snapshot) if request.prune and not is_stopped else []
            rows = merge(rows, (put_off if is_stopped else sync_selected)(rt, snapshot, others))
        except DecidedOnly as error:
            return broken_off(rt, "sync", rows, (*mended, *notes), error)
        return report_of(rt, "sync", rows, (*mended, *notes), snapshot)


def _foretold(rt: Runtime, request: SyncRequest) -> Report:
    """Return what a sync would do, an unfinished run first; of one that is at work a note tells."""
    snapshot = rt.ledger.steady()
    selected = select(snapshot.manifest, request.names, request.groups)
    run, left, rows, notes = snapshot.unfinished, tuple[SourceName, ...](), list[Row](), tuple[str, ...]()
    if run is not None and (held_by := rt.ledger.at_work(run)):
        notes = (run_words(replace(run, held_by=held_by)),)
    elif run is not None:
        left = _covered(run, snapshot, selected)
        plan = plan_resume(run, snapshot, {name: look(rt, snapshot, name) for name in left})
        rows = [*_plan_rows(rt, snapshot, plan), *_gone(left, snapshot)]
        notes = (f"{run_words(run)}, and would be finished first: {some(left)}",)
    others = [name for name in selected if name not in left]
    rows += _plan_rows(rt, snapshot, _planned(rt, snapshot, observe(rt, snapshot, others), others))
    rows += _pruned(rt, snapshot, dry_run=True) if request.prune else []
    notes = (*notes, *expiring(snapshot.overrides, snapshot.clock, {row.name for row in rows}))
    return Report(command="sync", rows=_sorted(rows), notes=notes, dry_run=True)


def _planned(
    rt: Runtime, snapshot: Snapshot, seen: Mapping[SourceName, Looked], selected: Sequence[SourceName]
) -> SyncPlan:
    plan = plan_sync(snapshot, seen, selected)
    for name, error in plan.blocked.items():
        if isinstance(error, NoPin):
            from git_hybrid.app.unpinned import lock_back

            error.mend = lock_back(rt, snapshot, name) or error.mend
    return plan


def finish_first(
    rt: Runtime, snapshot: Snapshot, selected: Sequence[SourceName]
) -> tuple[list[Row], Snapshot, tuple[str, ...]]:
    """Finish an unfinished run whose sources are all *selected*; return its rows, what stands now, and notes.

    Whoever selects all that the manifest has means all: what it has no more is left as it is then.

    Raises:
        UnfinishedRun: it has sources left that are not selected.
    """
    if snapshot.unfinished is None:
        return [], snapshot, ()
    left = _covered(snapshot.unfinished, snapshot, selected)
    rows = finish(rt, snapshot)
    return rows, rt.ledger.snapshot(), (f"finishing run {snapshot.unfinished.run} first: {some(left)}",)


def _covered(run: Unfinished, snapshot: Snapshot, selected: Sequence[SourceName]) -> tuple[SourceName, ...]:
    """Return the sources that *run* has left, all of which are *selected*.

    Raises:
        UnfinishedRun: they are not.
    """
    left = tuple(task.name for task in run.tasks)
    if not set(left) <= set(selected) and not set(snapshot.manifest.sources) <= set(selected):
        raise UnfinishedRun(run=run.run, pending=left)
    return left


def left_over(snapshot: Snapshot) -> tuple[Task, ...]:
    """Return what is still to do of the unfinished run, as a run that goes on with others has to journal it along."""
    unfinished = snapshot.unfinished
    if unfinished is None:
        return ()
    # The new journal knows no phases: that a clone may be half changed is said by the action.
    begun = {name for name, phase in unfinished.phases.items() if phase == "installing"}
    return tuple(replace(task, action="repair") if task.name in begun else task for task in unfinished.tasks)


def without_left(snapshot: Snapshot, selected: Sequence[SourceName]) -> tuple[SourceName, ...]:
    """Return *selected* without the sources that the unfinished run could not finish just now."""
    left = {task.name for task in left_over(snapshot)}
    return tuple(name for name in selected if name not in left)


def report_of(
    rt: Runtime, command: str, rows: Sequence[Row], notes: Sequence[str], snapshot: Snapshot | None = None
) -> Report:
    """Return what a run that changes clones did: rows in name order, and what it left pending.

    *snapshot* has the overrides as they are now, None to read them.
    """
    snapshot = snapshot or rt.ledger.snapshot()
    after = rt.ledger.unfinished()
    return Report(
        command=command,
        rows=_sorted(rows),
        run=rt.info.run,
        notes=(*notes, *expiring(snapshot.overrides, snapshot.clock, {row.name for row in rows})),
        pending=tuple(task.name for task in after.tasks) if after else (),
        interrupted=rt.cancelled(),
    )


def broken_off(rt: Runtime, command: str, rows: Sequence[Row], notes: Sequence[str], error: DecidedOnly) -> Report:
    """Return what a run did, and left, that could not write all of what it decided; *rows* came before its own."""
    rows, left = merge(rows, error.rows), tuple[Task, ...]()
    with suppress(HybridError):
        after = rt.ledger.unfinished()
        left = after.tasks if after is not None else ()
    # The journal may not say yet what is done.
    done = {row.name for row in rows if row.error is None}
    return Report(
        command=command,
        rows=_sorted(rows),
        run=rt.info.run,
        notes=tuple(notes),
        pending=tuple(task.name for task in left if task.name not in done),
        interrupted=rt.cancelled(),
        error=error,
    )


def sync_selected(rt: Runtime, snapshot: Snapshot, selected: Sequence[SourceName]) -> list[Row]:
    """Bring *selected* to their pins; the writer lock is held, and no unfinished run has any of them left."""
    seen = observe(rt, snapshot, selected)
    plan = _planned(rt, snapshot, seen, selected)
    rows = [failed(name, error) for name, error in plan.blocked.items()]
    rows += [unchanged(snapshot, name) for name in plan.unchanged]
    for name in plan.unchanged:
        found = seen[name]
        if isinstance(found, Clone) and not found.settled and not found.dirty_count:
            rt.writer.remember(name, snapshot.lock.pins[name], new=False)
    if plan.tasks:
        # Imported here: where nothing has changed nothing of all that is needed.
        from git_hybrid.app.install import carry_out

        left = left_over(snapshot)
        rt.ledger.begin(rt.info, (*left, *plan.tasks), intent_for(rt.info, plan.tasks, snapshot.state))
        rows += carry_out(rt, snapshot, plan.tasks, seen, left, before=rows)
    return rows


def put_off(rt: Runtime, snapshot: Snapshot, selected: Sequence[SourceName], action: Action = "update") -> list[Row]:
    """Leave *selected* pending, beside what the earlier run has left: a signal came while that was finished.

    Nobody has looked at their clones, but for a glance where *action* is none to be done in any case: whoever goes on
    does.
    """
    from git_hybrid.app.install import carry_out

    pins = {name: pinned(snapshot, snapshot.manifest.sources[name]) for name in selected}
    usable = {name: pin for name, pin in pins.items() if isinstance(pin, Pin)}
    seen = rt.clones.glance(usable) if action == "update" else {}
    stand = plan_sync(snapshot, seen, [name for name in selected if name in seen]).unchanged
    tasks = [
        Task(source=snapshot.manifest.sources[name], pin=pin, action=action, before=None)
        for name, pin in usable.items()
        if name not in stand
    ]
    rows = [failed(name, error) for name, error in pins.items() if isinstance(error, HybridError)]
    rows += [unchanged(snapshot, name) for name in stand]
    left = left_over(snapshot)
    rt.ledger.begin(rt.info, (*left, *tasks))
    return rows + carry_out(rt, snapshot, tasks, seen, left, before=rows)


def finish(rt: Runtime, snapshot: Snapshot, end: Event | None = None) -> list[Row]:
    """Do what is left of the unfinished run of *snapshot*, at the pins of now; *end* is recorded with its end.

    A clone that cannot be read stays with the run: nobody knows whether it is half changed.
    """
    from git_hybrid.app.install import carry_out
    from git_hybrid.app.saving import told_of

    assert snapshot.unfinished is not None
    names = [task.name for task in snapshot.unfinished.tasks]
    seen = {name: look(rt, snapshot, name) for name in names}
    plan = plan_resume(snapshot.unfinished, snapshot, seen)
    left = [task for task in left_over(snapshot) if isinstance(plan.blocked.get(task.name), LocalIo)]
    # What is blocked, or no source any more, is at its end with the rest: whoever is killed before that tells it again.
    tasks = {task.name: task for task in (*left_over(snapshot), *plan.tasks)}
    rt.ledger.begin(rt.info, tuple(tasks.values()), intent_for(rt.info, plan.tasks, snapshot.state))
    rows = [failed(name, error) for name, error in plan.blocked.items()]
    rows += _gone(names, snapshot)
    rows += carry_out(rt, snapshot, plan.tasks, seen, left, None if left else end, before=rows)
    return told_of(rt, snapshot.unfinished.run, rows)


def _gone(names: Sequence[SourceName], snapshot: Snapshot) -> list[Row]:
    return [Row(name=name, outcome="left", notes=(_GONE,)) for name in names if name not in snapshot.manifest.sources]


def merge(first: Sequence[Row], then: Sequence[Row]) -> list[Row]:
    """Return one row a source: what the finished run did stands, unless what came after it did or found more."""
    told = {row.name: row for row in first}
    for row in then:
        if row.name not in told or row.outcome != "unchanged":
            told[row.name] = row
    return list(told.values())


def unchanged(snapshot: Snapshot, name: SourceName) -> Row:
    """Return what is said of a source that stands at its pin."""
    pin = snapshot.lock.pins[name]
    return Row(name=name, outcome="unchanged", before=pin.commit, after=pin.commit, ref=pin.ref)


def _plan_rows(rt: Runtime, snapshot: Snapshot, plan: SyncPlan) -> list[Row]:
    rows = [failed(name, error) for name, error in plan.blocked.items()]
    rows += [_would(rt, task) for task in plan.tasks]
    return rows + [unchanged(snapshot, name) for name in plan.unchanged]


def _would(rt: Runtime, task: Task) -> Row:
    """Return what *task* would do; a clone of what is nowhere here fails where nobody may be asked."""
    from git_hybrid.app.caching import usable_cache
    from git_hybrid.app.remote import nobody, servers

    source = task.source
    if task.action == "clone" and not servers(rt, source) and not rt.bundles(task.name):
        cache = usable_cache(rt, source)
        if cache is None or not cache.holds(source.url):
            return failed(task.name, nobody(rt, source))
    return Row(
        name=task.name, outcome=f"would-{task.action}", before=task.before, after=task.pin.commit, ref=task.pin.ref
    )


def _pruned(rt: Runtime, snapshot: Snapshot, *, dry_run: bool = False) -> list[Row]:
    from git_hybrid.app.pruning import pruned

    return pruned(rt, snapshot, left_over(snapshot), dry_run=dry_run)


def _sorted(rows: Sequence[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: row.name))
