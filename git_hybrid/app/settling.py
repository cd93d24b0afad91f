"""Whoever decides something does so after an interrupted run has come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from git_hybrid.core.errors import UnfinishedRun

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
