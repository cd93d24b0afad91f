"""Take out what belongs to no source of the manifest any more: ``git hybrid sync --prune``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from git_hybrid.app.edit import dropping, record_without
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.audit import Event
from git_hybrid.core.governance import unbound
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Snapshot, Task
from git_hybrid.core.planner import removal_blocked
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row, failed
from git_hybrid.core.value import replace


def pruned(rt: Runtime, snapshot: Snapshot, left: Sequence[Task], *, dry_run: bool) -> list[Row]:
    """Remove the clones that belong to no source of the manifest, unless work would be lost with them.

    *left* is what an unfinished run has still to do.
    """
    rows: list[Row] = []
    for name in _strays(rt, snapshot):
        error = removal_blocked(name, rt.clones.inspect(name, None), partial(rt.clones.unsaved, name))
        if error is not None:
            rows.append(failed(name, error))
        else:
            rows.append(Row(name=name, outcome="would-remove" if dry_run else "removed"))
    if any(row.outcome == "removed" for row in rows):

        def decide(gone: Sequence[Row]) -> Decision:
            before = {name: entry.commit for name, entry in snapshot.state.sources.items()}
            names = [row.name for row in gone]
            events = {name: Event(event="prune", source=name, before=before.get(name)) for name in names}
            return dropping(rt, snapshot, events)

        rows = record_without(rt, rows, decide, left)
    return [row if row.error is None else replace(row, error=row.error.about_a_stray()) for row in rows]


def _strays(rt: Runtime, snapshot: Snapshot) -> list[SourceName]:
    """Return what has a folder, a pin, an entry or an open override, and is no source of the manifest."""
    known = frozenset(snapshot.manifest.sources)
    named = {SourceName(text) for text in rt.clones.strangers(known)}
    named |= {*snapshot.lock.pins, *snapshot.state.sources}
    records = (item for item in snapshot.overrides.records.values() if item.status == "active")
    named |= {item.source for item in records if not unbound(item, snapshot.trail)}
    return sorted(named - known)
