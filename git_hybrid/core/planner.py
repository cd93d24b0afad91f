"""Decide what a sync does, from what was read and seen. Pure: no disk, no network, no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

from git_hybrid.core.errors import (
    DirtySource,
    DivergedSource,
    ForeignFolder,
    HostNotAllowed,
    HybridError,
    IndexLocked,
    LocalWork,
    OperationInProgress,
    OverrideEnded,
    UnsavedWork,
)
from git_hybrid.core.governance import governed, unapproved
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin, is_valid, no_pin, still_allowed
from git_hybrid.core.manifest import Source, allows_host
from git_hybrid.core.plan import (
    Absent,
    Action,
    Broken,
    Clone,
    Foreign,
    Looked,
    Observed,
    Phase,
    Snapshot,
    SyncPlan,
    Task,
    Unfinished,
    Unreadable,
)
from git_hybrid.core.scan_policy import scan_blocked
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import replace


def source_path(name: SourceName) -> str:
    """Return the path of a clone, relative to the workspace, as users see it."""
    return f"sources/{name}"


def pinned(snapshot: Snapshot, source: Source) -> Pin | HybridError:
    """Return the pin of *source* if it may be used, or the error that says why not."""
    pin = snapshot.lock.pins.get(source.name)
    if pin is None or not is_valid(pin, source):
        ended = governed(pin, snapshot.approvals) if pin and still_allowed(pin, source) else None
        if isinstance(ended, OverrideEnded):
            # Without a name the pin would keep its commit, and be refused.
            return ended
        # What was installed by a pin had one.
        return no_pin(source, pin, lost=source.name in snapshot.state.sources)
    if not allows_host(snapshot.manifest.policy, source.url):
        return HostNotAllowed(name=source.name, host=source.url.host)
    refused = unapproved(pin, source, snapshot.approvals)
    return refused or scan_blocked(snapshot, source.name, pin) or pin


def plan_sync(snapshot: Snapshot, observed: Mapping[SourceName, Looked], selected: Iterable[SourceName]) -> SyncPlan:
    """Return what must happen so that the *selected* sources stand at their pins."""
    tasks: list[Task] = []
    blocked: dict[SourceName, HybridError] = {}
    unchanged: list[SourceName] = []
    for name in sorted(selected):
        source = snapshot.manifest.sources[name]
        pin = pinned(snapshot, source)
        if isinstance(pin, HybridError):
            blocked[name] = pin
            continue
        step = decide(source, pin, snapshot.state.sources.get(name), observed[name])
        match step:
            case Task():
                tasks.append(step)
            case HybridError():
                blocked[name] = step
            case None:
                unchanged.append(name)
            case _:  # pragma: no cover
                assert_never(step)
    return SyncPlan(tasks=tuple(tasks), blocked=blocked, unchanged=tuple(unchanged))


def decide(source: Source, pin: Pin, recorded: SourceState | None, seen: Looked) -> Task | HybridError | None:
    """Return the task that brings one source to its pin, the error that blocks it, or None if nothing is to do."""
    name = source.name
    match seen:
        case Absent():
            return Task(source=source, pin=pin, action="clone", before=None)
        case Broken():
            return Task(source=source, pin=pin, action="repair", before=None)
        case Foreign(what):
            return ForeignFolder(name=name, path=source_path(name), what=what, command=f"sync {name}")
        case Unreadable(error):
            return error
        case Clone():
            return _blocking(source, pin, recorded, seen) or _movement(source, pin, recorded, seen)
        case _:  # pragma: no cover
            assert_never(seen)


def unfinished_work(name: SourceName, clone: Clone) -> LocalWork | None:
    """Return what somebody has begun in the clone and not committed, or None."""
    path = source_path(name)
    if clone.locked:
        return IndexLocked(name=name, path=path, lock=clone.locked)
    if clone.operation is not None:
        return OperationInProgress(name=name, path=path, operation=clone.operation)
    if clone.dirty_count:
        inside = clone.changed_inside
        return DirtySource(name=name, path=path, files=clone.dirty, count=clone.dirty_count, inside=inside)
    return None


def removal_blocked(name: SourceName, seen: Observed, unsaved: Callable[[], tuple[str, ...]]) -> LocalWork | None:
    """Return what would be lost with the folder of *name*, or None if it may be removed.

    *unsaved* returns what exists nowhere else; it is asked only of a usable clone.
    """
    path = source_path(name)
    match seen:
        case Absent():
            return None
        case Foreign(what):
            return ForeignFolder(name=name, path=path, what=what, command=f"remove {name}")
        case Broken(why):
            unread = f"a clone that cannot be read ({why})"
            return ForeignFolder(name=name, path=path, what=unread, command=f"remove {name}")
        case Clone():
            refs = () if (begun := unfinished_work(name, seen)) else unsaved()
            return begun or (UnsavedWork(name=name, path=path, refs=refs) if refs else None)
        case _:  # pragma: no cover
            assert_never(seen)


def _blocking(source: Source, pin: Pin, recorded: SourceState | None, clone: Clone) -> HybridError | None:
    name, path = source.name, source_path(source.name)
    if (begun := unfinished_work(name, clone)) is not None:
        return begun
    # State is committed and travels with branches; what was installed in this clone is known by its own ref.
    if clone.head not in (pin.commit, recorded.commit if recorded else None, clone.installed):
        expected = recorded.commit if recorded else pin.commit
        return DivergedSource(name=name, path=path, head=clone.head, expected=expected)
    return None


def _movement(source: Source, pin: Pin, recorded: SourceState | None, clone: Clone) -> Task | None:
    # The URLs of submodules are relative to that of the source, as a rule.
    elsewhere = has_other_origin(source, clone)
    moved = elsewhere or (recorded is not None and recorded.url != source.url)
    if clone.head != pin.commit or differs(source, clone) or (source.submodules and moved):
        return Task(source=source, pin=pin, action="update", before=clone.head)
    # Its own ref tells later that it is no work of somebody's, when state and pin have moved on together.
    is_ours = clone.intact and not elsewhere and clone.installed == pin.commit
    if is_ours and recorded is not None and is_recorded(source, pin, recorded):
        return None
    return Task(source=source, pin=pin, action="record", before=clone.head)


def differs(source: Source, clone: Clone) -> str:
    """Return what of the clone, at whatever commit, is not as *source* asks, and what a sync does; nothing if all is.

    A submodule that git itself has checked out is whose it is.
    """
    if differs_in_lfs(source, clone):
        return "its Git LFS files are not as the manifest asks: sync writes them"
    if clone.hollow if source.submodules else clone.filled:
        does = "fetches them" if source.submodules else "takes them out"
        return f"its submodules are not as the manifest asks: sync {does}"
    if clone.borrows:
        return "it borrows objects from another repository: sync makes them its own"
    if source.history == "full" and not clone.complete:
        return "its history is cut off, and the manifest asks for all of it: sync fetches it"
    return ""


def differs_in_lfs(source: Source, clone: Clone) -> bool:
    """Tell whether pointers, or damage, stand where *source* asks for the content of Git LFS, or the reverse."""
    return bool(clone.pointers) or clone.rotten or clone.lfs != (source.lfs == "fetch")


def has_other_origin(source: Source, clone: Clone) -> bool:
    """Tell whether the clone has another ``origin``: where the URL was changed elsewhere, state tells of no change."""
    return clone.origin is not None and clone.origin != str(source.url)


def same_facts(source: Source, pin: Pin, recorded: SourceState) -> bool:
    """Tell whether the state entry says of the source what is true once it stands at *pin*."""
    return (recorded.commit, recorded.url, recorded.track) == (pin.commit, source.url, source.track)


def is_recorded(source: Source, pin: Pin, recorded: SourceState) -> bool:
    """Tell whether the state entry, whole, says what is true at *pin* and names a record: one of version 0 does not."""
    return recorded.audit_hash is not None and not recorded.lacking and same_facts(source, pin, recorded)


def plan_resume(unfinished: Unfinished, snapshot: Snapshot, observed: Mapping[SourceName, Looked]) -> SyncPlan:
    """Return what is left of an unfinished run; what is no source any more is left out.

    The journal says which sources these are and how far each came. What is installed is what manifest and lock name
    now, and policy is asked again: nobody reviews a journal. A source whose checkout had begun may be half changed by
    us: it becomes a ``repair`` in place, which saves local work first.
    """
    tasks: list[Task] = []
    blocked: dict[SourceName, HybridError] = {}
    for task in unfinished.tasks:
        name, source = task.name, snapshot.manifest.sources.get(task.name)
        if source is None:
            continue
        pin = pinned(snapshot, source)
        if isinstance(pin, HybridError):
            blocked[name] = pin
            continue
        phase = unfinished.phases.get(name, "pending")
        done = Task(source=source, pin=pin, action="record", before=pin.commit)
        step = _resumed(replace(task, source=source, pin=pin), phase, snapshot, observed[name]) or done
        if isinstance(step, HybridError):
            blocked[name] = step
        else:
            tasks.append(step)
    return SyncPlan(tasks=tuple(tasks), blocked=blocked)


def _resumed(task: Task, phase: Phase, snapshot: Snapshot, seen: Looked) -> Task | HybridError | None:
    # A repair whose clone can be used was begun by an earlier run, and interrupted again before it wrote its phase.
    begun = phase == "installing" or task.action == "repair"
    if begun and isinstance(seen, Clone) and not seen.locked:
        action: Action = "record" if _is_done(seen, task) else "repair"
        return Task(source=task.source, pin=task.pin, action=action, before=seen.head)
    if task.action == "reset" and isinstance(seen, Clone) and not seen.locked:
        # What blocks a sync is what a reset is for: it saves the work first, begun or not.
        return Task(source=task.source, pin=task.pin, action="reset", before=seen.head)
    recorded = snapshot.state.sources.get(task.name)
    return decide(task.source, task.pin, recorded, seen)


def _is_done(clone: Clone, task: Task) -> bool:
    is_there = clone.head == task.pin.commit and clone.dirty_count == 0 and clone.operation is None
    return is_there and not differs(task.source, clone)
