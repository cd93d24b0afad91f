"""Make a folder a workspace for one run, which takes that back where it fails; of several at a time one makes it.

The folder itself is locked (flock(2)): alone while the files of the workspace are made or taken back, and together with
others while a run is in it. The writer lock is no help, since it is in one of the folders that come and go.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from git_hybrid.core.errors import LockBusy
from git_hybrid.store.scaffold import Scaffold, undo

_PATIENCE, _MOMENT = 5.0, 0.01
_OTHER = "one that makes the folder a workspace, or takes that back"


@contextmanager
def begun(root: Path, *, is_there: Callable[[], bool], make: Callable[[], Scaffold]) -> Iterator[Callable[[], None]]:
    """Have a workspace at *root* for the time of the block, which calls what is yielded for it to stay.

    Where none *is_there*, *make* makes it. It stays also where another run has come to it by then.

    Raises:
        LockBusy: others make it, or take it back, all the time.
        HybridError: what *make* raises.
    """
    number, kept = _opened(root), list[bool]()
    try:
        made = _made(root, number, is_there, make)
        try:
            yield partial(kept.append, True)
        finally:
            # Also where a signal or the machine ended it.
            if not kept and made.created and _locks(number, fcntl.LOCK_EX):
                undo(root, made)
    finally:
        if number is not None:
            os.close(number)


def _made(root: Path, number: int | None, is_there: Callable[[], bool], make: Callable[[], Scaffold]) -> Scaffold:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        # Whoever had the lock may have made it, or taken it back.
        if is_there():
            if _locks(number, fcntl.LOCK_SH) and is_there():
                return Scaffold()
        elif _locks(number, fcntl.LOCK_EX) and not is_there():
            made = make()
            _locks(number, fcntl.LOCK_SH)
            return made
        time.sleep(_MOMENT)
    raise LockBusy(path=str(root), holder=_OTHER)


def _opened(root: Path) -> int | None:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None


def _locks(number: int | None, how: int) -> bool:
    """Tell whether the folder is locked so now; where the file system locks no folders, nobody else is known of."""
    try:
        if number is not None:
            fcntl.flock(number, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
