"""Bring into a clone what it lacks of its pin, and of the history that the manifest asks for."""

from __future__ import annotations

from git_hybrid.app.acquire import Acquired, acquire_pin, gate_pin
from git_hybrid.app.caching import despite_cache
from git_hybrid.app.proving import is_known
from git_hybrid.app.remote import fetch_lfs
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import BundlePrerequisites, Offline
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.plan import Clone, Looked, Task
from git_hybrid.core.planner import has_other_origin
from git_hybrid.core.ports import Stage
from git_hybrid.core.redact import redact_place
from git_hybrid.core.state import SourceState


def bring(rt: Runtime, task: Task, manifest: Manifest, seen: Clone) -> tuple[str | None, tuple[str, ...]]:
    """Fetch what the clone *seen* lacks, prove it and pour it in; return who served it and notes about the commit.

    Nobody did where nothing is lacking, or the history alone that nobody may be asked for.

    Raises:
        HybridError: what the servers answered, or the commit is not what was pinned.
    """
    clone, is_here = rt.clones.as_stage(task.name), _is_here(rt, task, seen)
    like = clone if seen.sure else None

    def gated(rt: Runtime) -> tuple[Acquired, tuple[str, ...]]:
        acquired = acquire_pin(rt, task.source, task.pin, manifest, borrow=True)
        notes = gate_pin(rt, acquired.content, task.source, task.pin, manifest, like=like)
        return acquired, (*acquired.notes, *notes)

    if not is_here or _is_cut_off(task, seen):
        try:
            acquired, notes = despite_cache(rt, task.source, gated)
        except (Offline, BundlePrerequisites):
            if not is_here:
                raise
        else:
            _pour(rt, task, acquired, clone)
            return acquired.served_by, notes
    return None, gate_pin(rt, clone, task.source, task.pin, manifest, like=like)


def bring_lfs(rt: Runtime, source: Source, commit: Oid, manifest: Manifest) -> None:
    """Fetch what the clone lacks of the Git LFS content of *commit*, which is there, in a stage, and move it in.

    git-lfs obeys the config of the repository that it works in, and that of a clone may have been written by anybody:
    it names servers, proxies and programs. What came is kept also where not all of it did.

    Raises:
        HybridError: what the servers answered.
    """
    clone = rt.clones.as_stage(source.name)
    stage = rt.quarantine.beside(source.name, oid_length=len(commit))
    rt.writer.lend_lfs(clone, stage, commit)
    try:
        fetch_lfs(rt, source, manifest, stage, commit)
    finally:
        rt.writer.pour_lfs(stage, clone)
    rt.quarantine.drop(stage)


def _pour(rt: Runtime, task: Task, acquired: Acquired, clone: Stage) -> None:
    history = task.source.history
    if acquired.history != acquired.content and history == "treeless":
        # Before the content: where its history is there, none is cut off.
        rt.writer.pour(acquired.history, clone, boundaries=False)
    rt.writer.pour(acquired.content, clone, boundaries=True, cut=history == "shallow")
    if history == "full":
        rt.writer.make_complete(task.name)


def _is_here(rt: Runtime, task: Task, seen: Clone) -> bool:
    """Tell whether the pinned commit needs no network: the clone has it, and it is known to be upstream's."""
    if not seen.has_pin:
        return False
    # Of a complete clone that is known already (install._is_whole).
    if not seen.complete and not rt.objects.has_content(rt.clones.as_stage(task.name), task.pin.commit):
        return False
    return is_known(rt, seen, task.pin)


def _is_cut_off(task: Task, seen: Clone) -> bool:
    return task.source.history == "full" and not seen.complete


def origin_notes(source: Source, seen: Looked, recorded: SourceState | None) -> tuple[str, ...]:
    """Return what is said where the clone gets another ``origin`` than it has, if somebody may have set that.

    Where it is the one that is *recorded* it was sources.toml that changed.
    """
    if not isinstance(seen, Clone) or not has_other_origin(source, seen):
        return ()
    if recorded is not None and str(recorded.url) == seen.origin:
        return ()
    return (f"its origin is {source.url} now; it was {redact_place(seen.origin or '')}",)
