"""Take out what belongs to no source of the manifest any more: ``git hybrid sync --prune``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from git_hybrid.app.edit import dropping, record_without
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import ForeignFolder
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Clone, Observed, Snapshot, Task
from git_hybrid.core.planner import removal_blocked, source_path
from git_hybrid.core.redact import redact_place
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row, failed
from git_hybrid.core.strays import is_ours, known_names, taking_over
from git_hybrid.core.value import replace


def pruned(rt: Runtime, snapshot: Snapshot, left: Sequence[Task], *, dry_run: bool) -> list[Row]:
    """Remove the clones that belong to no source of the manifest, unless work would be lost with them.

    What this tool did not make is left alone. *left* is what an unfinished run has still to do.
    """
    rows: list[Row] = []
    details: dict[SourceName, dict[str, str]] = {}
    known = known_names(snapshot)
    for name in _strays(rt, snapshot, known):
        seen = rt.clones.inspect(name, None)
        error = _not_ours(rt, name, seen, known) or removal_blocked(name, seen, partial(rt.clones.unsaved, name))
        if error is not None:
            rows.append(failed(name, error))
        else:
            rows.append(Row(name=name, outcome="would-remove" if dry_run else "removed"))
            details[name] = _detail(seen)
    if any(row.outcome == "removed" for row in rows):

        def decide(gone: Sequence[Row]) -> Decision:
            before = {name: entry.commit for name, entry in snapshot.state.sources.items()}
            names = [row.name for row in gone]
            events = {
                name: Event(event="prune", source=name, before=before.get(name), detail=details[name]) for name in names
            }
            return dropping(rt, snapshot, events)

        rows = record_without(rt, rows, decide, left)
    return [row if row.error is None else replace(row, error=row.error.about_a_stray()) for row in rows]


def _strays(rt: Runtime, snapshot: Snapshot, known: frozenset[SourceName]) -> list[SourceName]:
    """Return what has a folder, or is *known* otherwise, and is no source of the manifest."""
    sources = frozenset(snapshot.manifest.sources)
    return sorted({*map(SourceName, rt.clones.strangers(sources)), *known} - sources)


def _not_ours(rt: Runtime, name: SourceName, seen: Observed, known: frozenset[SourceName]) -> ForeignFolder | None:
    """Return the error for a clone that somebody else made; what else is no clone of ours is told as it is."""
    if not isinstance(seen, Clone) or is_ours(name, seen.installed, known):
        return None
    take = taking_over(name, rt.clones.stray(name))
    return ForeignFolder(
        name=name,
        path=source_path(name),
        what="a clone that git hybrid did not make",
        command=f"remove {name}",
        take=f"to make it a source: {take}" if take else "",
    )


def _detail(seen: Observed) -> dict[str, str]:
    """Return what the record keeps of a clone that goes: where to have it from again."""
    if not isinstance(seen, Clone):
        return {}
    return {"head": seen.head, **({"url": redact_place(seen.origin)} if seen.origin else {})}
