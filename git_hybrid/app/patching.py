"""``git hybrid diff --patch``: bring both sides of a difference here, to be read before a pin moves."""

from __future__ import annotations

from git_hybrid.app.acquire import fetch_content, gate_tree
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.difference import Difference, Side
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.plan import Clone, Looked
from git_hybrid.core.ports import Stage
from git_hybrid.core.report import Row


def to_disk(rt: Runtime, source: Source, pin: Pin, row: Row, seen: Looked) -> Difference | None:
    """Return what the clone, which was *seen*, has otherwise than its pin; None where *row* says that it has nothing.

    A pin that was not fetched yet cannot be compared by its files.
    """
    if row.outcome == "same" or not isinstance(seen, Clone) or not (seen.has_pin or seen.head == pin.commit):
        return None
    return Difference(
        pin.source, _side(rt, rt.clones.as_stage(pin.source), pin.commit), None, lfs=source.lfs == "fetch"
    )


def to_upstream(
    rt: Runtime, source: Source, manifest: Manifest, pin: Pin, new: tuple[Oid, str], fetched: tuple[Stage, str]
) -> Difference | None:
    """Return what the commit of *new*, with its ref, has otherwise than the pinned one; None if that is nowhere.

    *fetched* is the stage with the history, and who served it. Of a history that is not full the files are fetched too.

    Raises:
        HostileTree: the new tree may not be checked out.
        HybridError: what the servers answered.
    """
    (commit, ref), (history, served_by) = new, fetched
    content, served_by = fetch_content(rt, source, manifest, history, commit, ref, served_by=served_by)
    gate_tree(rt, content, source, commit, manifest)
    places = [content]
    if isinstance(rt.clones.inspect(pin.source, None), Clone):
        places.append(rt.clones.as_stage(pin.source))
    old = next((place for place in places if rt.objects.has_content(place, pin.commit)), None)
    if old is None and source.history == "full":
        return None
    if old is None:
        old, _ = fetch_content(rt, source, manifest, history, pin.commit, pin.ref, served_by=served_by, suffix="pinned")
    return Difference(pin.source, _side(rt, old, pin.commit), _side(rt, content, commit))


def _side(rt: Runtime, stage: Stage, commit: Oid) -> Side:
    return Side(rt.objects.facts(stage, commit, complete=False).tree, stage.git_dir)
