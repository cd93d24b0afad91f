"""Whoever decides something does so after an interrupted run has come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from git_hybrid.app.force import expiry_note
from git_hybrid.core.errors import UnfinishedRun
from git_hybrid.core.ids import SourceName
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row
from git_hybrid.core.value import replace

if TYPE_CHECKING:
    from git_hybrid.app.runtime import Runtime
    from git_hybrid.core.plan import Snapshot


def refuse_unfinished(snapshot: Snapshot) -> None:
    """Raise if an earlier run still has sources to do.

    Raises:
        UnfinishedRun: it has.
    """
    if snapshot.unfinished is not None:
        pending = tuple(task.name for task in snapshot.unfinished.tasks)
        raise UnfinishedRun(run=snapshot.unfinished.run, pending=pending)


def settled(rt: Runtime) -> tuple[Snapshot, tuple[str, ...]]:
    """Return what the files say when no other run has anything left to do, and what was mended for that, in words.

    One that had decided is written out, and one that is at work is waited for.

    Raises:
        UnfinishedRun: it has sources left.
        LockBusy: it does not end in time.
    """
    snapshot = rt.ledger.snapshot()
    if snapshot.unfinished is None:
        return snapshot, ()
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        refuse_unfinished(snapshot)
        return snapshot, tuple(mended)


def decided_before(rt: Runtime) -> Decision:
    """Return what an interrupted run of this very command had decided, where the writer has just written that out.

    Whoever types it again after it was killed wants that done, not once more. Else it is an empty decision.
    """
    return rt.ledger.finished if rt.ledger.finished_by == rt.info.command else Decision()


@contextmanager
def deciding(rt: Runtime) -> Iterator[Snapshot]:
    """Hold the writer lock for the block and give it what the files say, for a command without a report.

    Raises:
        UnfinishedRun: an interrupted run has to be finished first.
        LockBusy, InvalidFile, LocalIo: nothing was done.
    """
    with rt.writing():
        snapshot = rt.ledger.snapshot()
        refuse_unfinished(snapshot)
        yield snapshot


def forced_before(rt: Runtime, snapshot: Snapshot) -> tuple[Row, ...]:
    """Return the rows of forced pins that an interrupted run of this very command had decided, and that stand now."""
    decided, rows = decided_before(rt), list[Row]()
    for event in decided.events:
        pin = snapshot.lock.pins.get(SourceName(event.source or "")) if event.event == "pin" else None
        made = decided.overrides.get(pin.override or "") if pin is not None else None
        if pin is not None and made is not None:
            note, detail = expiry_note(made, named=True), {"override": made.id}
            row = Row(name=pin.source, outcome="pinned", before=event.before, after=pin.commit, ref=pin.ref)
            rows.append(replace(row, notes=(note,), detail=detail))
    return tuple(rows)
