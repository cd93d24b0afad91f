"""What is told of a source that has no pin, and what mends that."""

from __future__ import annotations

from contextlib import suppress

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import GitRefused, NoPin
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import LOCK_BACK, Pin, no_pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Snapshot


def unpinned(rt: Runtime, snapshot: Snapshot, source: Source, pin: Pin | None = None) -> NoPin:
    """Return the error for a *source* that has no pin, or a *pin* that is not valid."""
    error = no_pin(source, pin, lost=source.name in snapshot.state.sources)
    error.mend = lock_back(rt, snapshot, source.name) or error.mend
    return error


def lock_back(rt: Runtime, snapshot: Snapshot, name: SourceName) -> str:
    """Return what brings the lock back where it has no pin at all, and HEAD has one of *name*; nothing elsewhere.

    Nothing is decided by it, so there is none where git does not answer either.
    """
    with suppress(GitRefused):
        head = None if snapshot.lock.pins else rt.head()
        return LOCK_BACK if head is not None and name in head.pins else ""
    return ""
