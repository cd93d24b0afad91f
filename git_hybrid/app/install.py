"""Bring one source to its pin: fetch into quarantine, prove, install, look again. Used by sync, resume and reset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from git_hybrid.app.acquire import Acquired, acquire_pin, gate_pinned_tree, require_digest
from git_hybrid.app.bringing import bring, bring_lfs, origin_notes
from git_hybrid.app.caching import despite_cache, usable_cache
from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_slowest_first
from git_hybrid.app.remote import fetch_lfs
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.saving import Unsaved, save, telling, told_with, with_saved
from git_hybrid.app.submodules import acquire_submodules, clear_submodules, place_submodules
from git_hybrid.app.waiving import waivers
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import with_carrier
from git_hybrid.core.errors import (
    DecidedOnly,
    GitFailed,
    HybridError,
    Interrupted,
    LocalIo,
    NetworkFailure,
    Offline,
    RemoteError,
    UnexplainedMove,
)
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.plan import Action, Broken, Clone, Failed, Installed, Looked, Outcome, Snapshot, Task, Unfinished
from git_hybrid.core.planner import decide, differs_in_lfs, source_path
from git_hybrid.core.ports import Stage
from git_hybrid.core.reducer import reduce_failed, reduce_installed, unserved
from git_hybrid.core.report import Row, failure_word
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import typed
from git_hybrid.turn import TURN

WORDS: dict[Action, str] = {
    "clone": "cloned",
    "update": "updated",
    "repair": "repaired",
    "record": "recorded",
    "reset": "reset",
}
_SHOWN = 10
_BROKEN = "the broken clone"
_CUT_OFF = "its history is still cut off: it is not here, and nobody may be asked"
# git-failed too: killed in the middle of a checkout it leaves a tree that only a finished run makes whole.
_PENDING = (RemoteError, Offline, Interrupted, LocalIo, GitFailed)


class Run(Struct, frozen=True, kw_only=True):
    """What the tasks of one run share; ``moved`` has where pins stood that moved as none does without an override.

    ``before`` is the run that is finished with it, where there is one.
    """

    rt: Runtime
    manifest: Manifest
    seen: Mapping[SourceName, Looked]
    recorded: Mapping[SourceName, SourceState]
    before: Unfinished | None
    moved: Mapping[SourceName, str]


def carry_out(
    rt: Runtime,
    snapshot: Snapshot,
    tasks: Sequence[Task],
    seen: Mapping[SourceName, Looked],
    left: Sequence[Task],
    end: Event | None = None,
    *,
    before: Sequence[Row],
) -> list[Row]:
    """Do *tasks*, write what came of them, and return the rows that report it, in the order of the tasks.

    The journal must have been begun. What failed in passing, and what a signal kept from being done, stays pending, and
    so does what is *left* of the run before. Where nothing does, *end* is recorded too.

    Raises:
        DecidedOnly: not all of that could be written; it tells what came of the tasks, after the rows *before* those.
    """
    at_work = replace(rt.for_many(len(tasks)), waived=waivers(snapshot))
    moved = rt.ledger.bare_moves({task.name: task.pin for task in tasks}, snapshot.manifest.sources)
    recorded = snapshot.state.sources
    run = Run(
        rt=at_work, manifest=snapshot.manifest, seen=seen, recorded=recorded, before=snapshot.unfinished, moved=moved
    )
    rt.progress("begin", "bringing clones to their pins", str(len(tasks)))
    jobs = rt.jobs or snapshot.manifest.defaults.jobs
    results = run_slowest_first(
        lambda task: _attempt(run, task), tasks, rt=rt, jobs=jobs, name=lambda task: task.name, kind="sync"
    )
    outcomes = tuple(
        result or Failed(task=task, error=Interrupted(signal=rt.cancelled(), begun=False), pending=True)
        for task, result in zip(tasks, results, strict=True)
    )
    done = [outcome for outcome in outcomes if isinstance(outcome, Installed)]
    pending = [outcome.task for outcome in outcomes if isinstance(outcome, Failed) and outcome.pending]
    for outcome in outcomes:
        # Of the network each failed try stands there already, with its words.
        told = isinstance(outcome, Failed) and isinstance(outcome.error, Interrupted | NetworkFailure)
        if isinstance(outcome, Failed) and outcome.pending and not told:
            rt.ledger.attempt(rt.info, outcome.task.name, outcome.error.code)
    if done:
        rt.writer.flush()
    for outcome in done:
        rt.writer.drop_former(outcome.task)
        rt.writer.remember(outcome.task.name, outcome.task.pin, new=True)
    here = unserved(done, snapshot.state)
    decision = reduce_installed(done, snapshot.state, rt.info, rt.ledger.last_moves(here) if here else {})
    if rt.ledger.is_announced(rt.info):
        failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
        decision = replace(decision, events=(*decision.events, *reduce_failed(failures, snapshot.state)))
    if end is not None and not pending:
        decision = replace(decision, events=(*decision.events, end))
    rows = [_row_of(outcome) for outcome in outcomes]
    try:
        rt.ledger.record(rt.info, decision, [*left, *pending])
    except DecidedOnly as error:
        error.after([*before, *rows])
        raise
    return rows


def _row_of(outcome: Outcome) -> Row:
    """Return the row that reports *outcome*."""
    task = outcome.task
    row = Row(name=task.name, outcome=WORDS[task.action], before=task.before, after=task.pin.commit, ref=task.pin.ref)
    match outcome:
        case Installed(served_by=served_by, notes=notes, is_idle=is_idle):
            return replace(row, outcome="unchanged" if is_idle else row.outcome, served_by=served_by, notes=notes)
        case Failed(error=error):
            return replace(row, outcome=failure_word(error), error=error, notes=told_with(error))


def _attempt(run: Run, task: Task) -> Outcome:
    run.rt.progress("start", task.name, task.action)
    try:
        with of_source(task.name), TURN:
            outcome: Outcome = with_saved(run.rt, run.before, _install(run, task))
    except Unsaved as unsaved:
        # Nothing is half done, but where an earlier run has begun it.
        outcome = Failed(task=task, error=unsaved.error.about(task.name), pending=task.action == "repair")
    except HybridError as error:
        told = with_carrier(error, run.recorded.get(task.name), task.pin).about(task.name)
        outcome = Failed(task=task, error=told, pending=isinstance(error, _PENDING))
    run.rt.progress("done", task.name, outcome.error.code if isinstance(outcome, Failed) else WORDS[task.action])
    return outcome


def _install(run: Run, task: Task) -> Installed:
    rt, seen = run.rt, run.seen[task.name]
    rt.stop_if_cancelled()
    if (old := run.moved.get(task.name)) is not None:
        raise UnexplainedMove(name=task.name, tag=task.pin.ref, old=old, new=task.pin.commit)
    if isinstance(seen, Clone) and not seen.can_have(task.pin.commit):
        return _fresh(run, task, aside="the clone of another object format")
    if isinstance(seen, Clone) and not _is_whole(run, task, seen):
        return _fresh(run, replace(task, action="repair"), aside=_BROKEN)
    if task.action == "record":
        rt.writer.declare(task)
        served_by = run.before.served_by.get(task.name) if run.before is not None else None
        notes = origin_notes(task.source, seen, run.recorded.get(task.name))
        return Installed(task=task, served_by=served_by, notes=notes)
    if isinstance(seen, Clone):
        return _in_place(run, task, seen)
    return _fresh(run, task, aside=_BROKEN if isinstance(seen, Broken) else "")


def _is_whole(run: Run, task: Task, seen: Clone) -> bool:
    """Tell whether no object is missing in the clone; what this tool made itself is not searched again."""
    stage, objects = run.rt.clones.as_stage(task.name), run.rt.objects
    if seen.complete and seen.installed is None and not objects.has_content(stage, seen.head, history=True):
        return False
    return not seen.complete or not seen.has_pin or objects.has_content(stage, task.pin.commit)


def _built(run: Run, task: Task) -> tuple[Acquired, Stage, tuple[str, ...]]:
    """Return what was acquired, the stage in which the pinned commit is checked out and proved, and notes about it."""
    rt, source, pin = run.rt, task.source, task.pin
    acquired = acquire_pin(rt, source, pin, run.manifest, borrow=False)
    stage = _merged(rt, acquired, shallow=source.history == "shallow")
    # With LFS content the files will not be the blobs: those are read before, and no such tree is kept.
    cache = None if source.lfs == "fetch" else usable_cache(rt, source)
    kept = None if cache is None else cache.tree(source.name, source.url, pin)
    tree = gate_pinned_tree(rt, stage, source, pin, run.manifest, kept=kept)
    if source.lfs == "fetch":
        with rt.writer.keeping_lfs(stage, pin.commit):
            fetch_lfs(rt, source, run.manifest, stage, pin.commit)
    rt.writer.prepare_lfs(stage, fetch=source.lfs == "fetch")
    rt.progress("step", task.name, "checking out")
    rt.writer.prepare(stage, source, pin)
    if source.lfs == "fetch":
        require_digest(rt, pin, rt.objects.content_sha256(stage, tree.entries))
        rt.writer.write_lfs(stage, pin)
    elif kept is None or not kept.write(stage, pin.commit):
        with nullcontext() if cache is None else cache.keeping(source.name, source.url, pin, tree.entries) as keeper:
            require_digest(rt, pin, rt.writer.write(stage, pin, tree.entries, keeper))
            if keeper is not None:
                keeper.keep()
    return acquired, stage, (*acquired.notes, *tree.notes)


def _fresh(run: Run, task: Task, *, aside: str) -> Installed:
    """Make the clone anew; *aside* says what stands in its place and is kept, or nothing."""
    rt, source, pin = run.rt, task.source, task.pin
    acquired, stage, notes = despite_cache(rt, source, lambda rt: _built(replace(run, rt=rt), task))
    place_submodules(rt, stage, acquire_submodules(rt, run.manifest, source, stage, pin.commit))
    rt.stop_if_cancelled()
    rt.ledger.installing(rt.info, task.name, acquired.served_by)
    if aside and (kept := rt.writer.set_aside(task.name, rt.info.run)):
        notes = (*notes, f"{aside} is kept at {kept}")
    rt.writer.place(stage)
    return Installed(task=task, served_by=acquired.served_by, notes=notes)


def _merged(rt: Runtime, acquired: Acquired, *, shallow: bool) -> Stage:
    """Return the one stage that becomes the clone: for a treeless history both halves poured together."""
    if acquired.history == acquired.content or shallow:
        return acquired.content
    rt.writer.pour(acquired.content, acquired.history, boundaries=False)
    return acquired.history


def _in_place(run: Run, task: Task, seen: Clone) -> Installed:
    rt, source, pin = run.rt, task.source, task.pin
    clone = rt.clones.as_stage(task.name)
    served_by, notes = bring(rt, task, run.manifest, seen)
    if seen.borrows:
        notes = (*notes, rt.writer.own_objects(task.name))
    if served_by is None and _lacks_history_alone(run, task, seen):
        return Installed(task=task, notes=(_CUT_OFF,), is_idle=True)
    submodules = acquire_submodules(rt, run.manifest, source, clone, pin.commit, in_place=True)
    if source.lfs == "fetch":
        bring_lfs(rt, source, pin.commit, run.manifest)
    rt.progress("step", task.name, "checking out")
    rt.stop_if_cancelled()
    if task.action == "update":
        _look_again(run, task, seen)
    forced = task.action != "update" or differs_in_lfs(source, seen)
    saved = save(rt, task, [item.path for item in submodules if item.stands]) if forced else None
    kept = saved.notes if saved is not None else ()
    rt.ledger.installing(rt.info, task.name, served_by)
    with telling(kept):
        notes_of_submodules, lacking = clear_submodules(rt, task.name, submodules)
        kept = (*kept, *notes_of_submodules)
    with telling(kept):
        if forced or source.lfs == "fetch":
            rt.writer.prepare_lfs(clone, fetch=source.lfs == "fetch")
        if saved is not None:
            kept = (*kept, *rt.writer.force(task, saved, rt.info.run))
        else:
            rt.writer.switch(task)
        place_submodules(rt, clone, lacking)
    return Installed(task=task, served_by=served_by, notes=(*notes, *kept, *_left_branch(task, seen)))


def _left_branch(task: Task, seen: Clone) -> tuple[str, ...]:
    """Return from which branch of somebody's HEAD was taken to the pin: commits made since would be on none."""
    if seen.branch is None:
        return ()
    back = f"to go back to it: git -C {source_path(task.name)} switch {typed(seen.branch)}"
    return (f"left branch {seen.branch} at {seen.head[:_SHOWN]}; {back}",)


def _lacks_history_alone(run: Run, task: Task, seen: Clone) -> bool:
    """Tell whether nothing but history is to be brought to the clone."""
    recorded, whole = run.recorded.get(task.name), replace(seen, complete=True)
    return task.action == "update" and decide(task.source, task.pin, recorded, whole) is None


def _look_again(run: Run, task: Task, seen: Clone) -> None:
    """See to it that nobody has begun to work in the clone since the run looked at it: a fetch may take minutes.

    Raises:
        LocalWork: somebody has.
        LocalIo: it is no usable clone any more.
    """
    rt = run.rt
    if rt.clones.stands(task.name, seen.head):
        return
    now = rt.clones.inspect(task.name, task.pin.commit)
    step = decide(task.source, task.pin, run.recorded.get(task.name), now)
    if isinstance(step, HybridError):
        raise step
    if not isinstance(now, Clone):
        why = now.why if isinstance(now, Broken) else "the clone was removed meanwhile"
        raise LocalIo(path=source_path(task.name), operation="check out in", reason=why)
