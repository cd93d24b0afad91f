"""Reading the files of a workspace together, beside a writer who writes one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from git_hybrid.core.errors import LockBusy, UnfinishedRun
from git_hybrid.store.filelock import holder, longer, stopped
from git_hybrid.store.layout import Layout
from git_hybrid.store.runs import read_unfinished

T = TypeVar("T")
_MOMENT = 0.02
_TRIES = 5
"""How often the files are read at least, where nobody is to be waited for: most runs write them in a moment."""
_LEFT = ("what it decided is not in all files yet",)
_SEVERAL = "one run after the other"


def steady(layout: Layout, read: Callable[[], T], *, patience: timedelta) -> T:
    """Return what *read* makes of the files at a time when no run is half way through them.

    While somebody writes them they are read again, as long as *patience* lasts, and a few times in any case.

    Raises:
        UnfinishedRun: a run was stopped while it wrote them; what they say together proves nothing.
        LockBusy: somebody writes them all the time.
        InvalidFile, NewerSchema, LocalIo: as *read*, or of the run's own files.
    """
    end, path = time.monotonic() + patience.total_seconds(), layout.writer_lock
    tries = 0
    while tries < _TRIES or time.monotonic() <= end:
        before = _stamps(layout)
        run = read_unfinished(layout)
        if run is None or not run.is_unwritten:
            found = read()
            if _stamps(layout) == before:
                return found
        else:
            _, is_held = holder(path)
            # It may have come to its end since.
            if not is_held and _stamps(layout) == before:
                raise UnfinishedRun(run=run.run, pending=_LEFT, is_unwritten=True)
        tries += 1
        time.sleep(_MOMENT)
    named, _ = holder(path)
    raise LockBusy(path=str(path), holder=named or _SEVERAL, stopped=stopped(path), longer=longer(patience))


def _stamps(layout: Layout) -> tuple[tuple[int, int, int] | None, ...]:
    """Return by what a change of the files of a run shows, the marker among them."""
    names = (layout.marker, layout.audit, layout.overrides, layout.state, layout.lock, layout.mirrors, layout.manifest)
    return tuple(_stamp(str(path)) for path in names)


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns
