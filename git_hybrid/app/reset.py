"""``git hybrid reset``: save all local work of a source, then go to its pin."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.observe import observe
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.app.sync import (
    broken_off,
    finish_first,
    left_over,
    merge,
    put_off,
    report_of,
    unchanged,
    without_left,
)
from git_hybrid.core.errors import DecidedOnly, HybridError, IndexLocked
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Clone, Looked, Snapshot, Task
from git_hybrid.core.planner import decide, pinned, source_path
from git_hybrid.core.reducer import intent_for
from git_hybrid.core.report import Report, Row, failed


def reset(rt: Runtime, names: Sequence[str], groups: Sequence[str] = ()) -> Report:
    """Bring the named sources to their pins, whatever stands there; what is not upstream's is saved first.

    Raises:
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun: an earlier run has sources left that are not named.
    """
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        selected = select(snapshot.manifest, names, groups)
        rows, notes = list[Row](), tuple[str, ...]()
        try:
            rows, snapshot, notes = finish_first(rt, snapshot, selected)
            others = without_left(snapshot, selected)
            if rows and rt.cancelled():
                rows = merge(rows, put_off(rt, snapshot, others, "reset"))
            else:
                rows = merge(rows, _reset_selected(rt, snapshot, others))
        except DecidedOnly as error:
            return broken_off(rt, "reset", rows, (*mended, *notes), error)
        return report_of(rt, "reset", rows, (*mended, *notes))


def _reset_selected(rt: Runtime, snapshot: Snapshot, selected: Sequence[SourceName]) -> list[Row]:
    seen = observe(rt, snapshot, selected, thorough=True)
    decided = {name: _task(snapshot, name, seen[name]) for name in selected}
    rows = [failed(name, item) for name, item in decided.items() if isinstance(item, HybridError)]
    rows += [unchanged(snapshot, name) for name, item in decided.items() if item is None]
    tasks = [task for task in decided.values() if isinstance(task, Task)]
    if tasks:
        from git_hybrid.app.install import carry_out

        left = left_over(snapshot)
        rt.ledger.begin(rt.info, (*left, *tasks), intent_for(rt.info, tasks, snapshot.state))
        rows += carry_out(rt, snapshot, tasks, seen, left, before=rows)
    return rows


def _task(snapshot: Snapshot, name: SourceName, seen: Looked) -> Task | HybridError | None:
    source = snapshot.manifest.sources[name]
    pin = pinned(snapshot, source)
    if isinstance(pin, HybridError):
        return pin
    if isinstance(seen, Clone):
        if seen.locked:
            return IndexLocked(name=name, path=source_path(name), lock=seen.locked)
        if seen.head != pin.commit or seen.dirty_count or seen.operation is not None or seen.branch is not None:
            return Task(source=source, pin=pin, action="reset", before=seen.head)
    return decide(source, pin, snapshot.state.sources.get(name), seen)
