"""Whether the run whose stages these are is at work: it keeps a file in their folder locked."""

from __future__ import annotations

import fcntl
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo

ALIVE = ".alive"
_OPENED = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


@contextmanager
def taken(home: Path) -> Iterator[bool]:
    """Hold the lock of the run whose folder is at *home*, for the block; yield whether it can be had.

    A run that has no such file is dead, or about to claim its folder, and makes it again. Of one that belongs to a
    user who alone may look, nobody else can tell.
    """
    alive: int | None = None
    is_dead = True
    # Locks of some network file systems take the right to write, which others may not have.
    for mode in (os.O_RDWR, os.O_RDONLY):
        try:
            alive, is_dead = os.open(home / ALIVE, mode | _OPENED), True
            break
        except PermissionError:
            is_dead = False
        except OSError:
            break
    try:
        if alive is not None:
            try:
                fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                is_dead = False
        yield is_dead
    finally:
        if alive is not None:
            os.close(alive)


def is_alive(home: Path) -> bool:
    """Tell whether the run whose folder is at *home* is at work."""
    try:
        alive = os.open(home / ALIVE, os.O_RDONLY | _OPENED)
    except OSError:
        return False
    try:
        fcntl.flock(alive, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(alive)
    return False


@contextmanager
def told_whose(path: Path) -> Iterator[None]:
    """Let an error of the block that is about rights say whose *path* is, if that is another user's."""
    try:
        yield
    except LocalIo as error:
        if not isinstance(error.__cause__, PermissionError):
            raise
        reason = f"{error.reason}{belonging(path)}"
        raise LocalIo(path=error.path, operation=error.operation, reason=reason) from error.__cause__


def belonging(path: Path) -> str:
    """Return whose *path* is, as it follows what is wrong there; nothing if it is ours, or nobody knows."""
    with suppress(OSError, KeyError):
        owner = path.stat().st_uid
        if owner != os.geteuid():
            return f": {path.name} belongs to {pwd.getpwuid(owner).pw_name}"
    return ""
