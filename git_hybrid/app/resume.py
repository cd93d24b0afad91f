"""``git hybrid resume``: finish, or give up, what an interrupted run left."""

from __future__ import annotations

from git_hybrid.app.ending import of_source
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.saving import telling, told_of
from git_hybrid.app.submodules import Submodule, acquire_submodules, clear_submodules, place_submodules
from git_hybrid.app.sync import broken_off, finish, left_over, report_of
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import DecidedOnly, HybridError, Interrupted
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.plan import Clone, Snapshot, Task, Unfinished
from git_hybrid.core.planner import differs
from git_hybrid.core.reducer import Decision, intent_of
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.value import replace

_AS_IT_IS = "left as it stands, and the run given up"


def resume(rt: Runtime, *, abort: bool) -> Report:
    """Finish the unfinished run at the pins of now, or go back to what was recorded before it.

    A run that was stopped while it wrote the files had decided: it is finished in any case, and its decision stands.

    Raises:
        LockBusy, InvalidFile: nothing was done; a marker that cannot be read is no obstacle to giving up.
    """
    unwritten = _unwritten(rt)
    with rt.ledger.writer(rt.info, gives_up=abort) as mended:
        snapshot = rt.ledger.snapshot()
        if snapshot.unfinished is None:
            return Report(command="resume", notes=(*mended, *_left(rt, unwritten, abort=abort)))
        rows = list[Row]()
        try:
            completed = Event(event="resume-completed", detail={"run": snapshot.unfinished.run})
            rows = _abort(rt, snapshot) if abort else finish(rt, snapshot, completed)
            report = report_of(rt, "resume", rows, mended)
        except DecidedOnly as error:
            report = broken_off(rt, "resume", rows, mended, error)
        return replace(report, gave_up=abort)


def _unwritten(rt: Runtime) -> Unfinished | None:
    """Return the run that was stopped while it wrote the files, which the next writer finishes; None if none was."""
    try:
        run = rt.ledger.unfinished()
    except HybridError:
        # Told by the writer, or dropped by it.
        return None
    return run if run is not None and run.is_unwritten and not rt.ledger.at_work(run) else None


def _left(rt: Runtime, unwritten: Unfinished | None, *, abort: bool) -> list[str]:
    """Return what is said where no source is left to do."""
    if unwritten is None:
        return ["nothing to resume"]
    told = told_of(rt, unwritten.run, [Row(name=task.name, outcome="left") for task in unwritten.tasks])
    saved = [f"{row.name}: {note}" for row in told for note in row.notes]
    if abort and not rt.ledger.is_announced(replace(rt.info, run=unwritten.run)):
        # Where the audit log has nothing of it, what it decided was given up with it.
        return saved
    if abort and "--abort" not in unwritten.command.split():
        return [f"run {unwritten.run} could not be given up, since it had decided: what it decided stands", *saved]
    return [f"run {unwritten.run} is at its end", *saved]


def _abort(rt: Runtime, snapshot: Snapshot) -> list[Row]:
    """Bring what was half changed back to the recorded commit, record that, and with it end the run."""
    assert snapshot.unfinished is not None
    tasks = left_over(snapshot)
    event = Event(event="abort", detail={"run": snapshot.unfinished.run, "sources": [task.name for task in tasks]})
    decision = Decision(events=[event])
    rt.ledger.begin(rt.info, tasks, intent_of(rt.info, decision))
    # What cannot be brought back stays as it is, and shows in status: to hold on to the run would block all others.
    rows = [_back_or_left(rt, snapshot, task) for task in tasks]
    try:
        rt.ledger.record(rt.info, decision, ())
    except DecidedOnly as error:
        error.after(rows)
        raise
    return told_of(rt, snapshot.unfinished.run, rows)


def _back_or_left(rt: Runtime, snapshot: Snapshot, task: Task) -> Row:
    try:
        with of_source(task.name):
            return _back(rt, snapshot, task)
    except Interrupted:
        raise
    except HybridError as error:
        return replace(failed(task.name, error), notes=(_AS_IT_IS,))


def _back(rt: Runtime, snapshot: Snapshot, task: Task) -> Row:
    """Bring one source back to what is recorded; to where the run found it, if that is not in this clone.

    State is committed: it may name a commit that a colleague installed and this clone has never seen. Its submodules
    are put there as far as they need no network.
    """
    recorded = snapshot.state.sources.get(task.name)
    seen = rt.clones.inspect(task.name, recorded.commit if recorded else None)
    if not isinstance(seen, Clone) or task.action != "repair":
        return Row(name=task.name, outcome="left", before=seen.head if isinstance(seen, Clone) else None)
    target = recorded.commit if recorded and seen.has_pin else task.before
    if target is None or not seen.can_have(target):
        return Row(name=task.name, outcome="left", before=seen.head)
    rt.ledger.installing(rt.info, task.name, None)
    notes = _gone_back(rt, snapshot.manifest, task.name, target)
    return Row(name=task.name, outcome="restored", before=seen.head, after=target, notes=notes)


def _gone_back(rt: Runtime, manifest: Manifest, name: SourceName, commit: Oid) -> tuple[str, ...]:
    """Bring the clone of *name* to *commit*, with its submodules as far as they are at hand.

    Returns what is kept where, and what a sync has to bring, in words.
    """
    source, clone = manifest.sources.get(name), rt.clones.as_stage(name)
    if source is None:
        return rt.writer.go_back(name, commit, rt.info.run)
    kept, lacking = tuple[str, ...](), list[Submodule]()
    if source.submodules:
        found = acquire_submodules(rt, manifest, source, clone, commit, in_place=True, at_hand=True)
        kept, lacking = clear_submodules(rt, name, found)
    with telling(kept):
        notes = (*kept, *rt.writer.go_back(name, commit, rt.info.run))
        place_submodules(rt, clone, lacking)
    seen = rt.clones.inspect(name, commit)
    why = differs(source, seen) if isinstance(seen, Clone) else ""
    return (*notes, f"{why}: git hybrid sync {name}") if why else notes
