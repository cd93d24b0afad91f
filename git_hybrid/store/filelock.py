"""The writer lock ``sources/.lock``: one writer at a time, by flock(2) through the library ``filelock``.

The file is never removed: a removed lock file splits its waiters. Its content says who holds it, for the message of
whoever waits in vain; only the lock itself decides.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout

from git_hybrid.core.errors import Interrupted, LocalIo, LockBusy, LockUnsupported
from git_hybrid.core.values import format_time

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)


@contextmanager
def writer_lock(
    path: Path, *, timeout: timedelta, command: str, now: datetime, cancelled: Callable[[], int]
) -> Iterator[None]:
    """Hold the lock at *path* for the block; *cancelled* returns the number of the signal that ended waiting, or 0.

    Raises:
        LockBusy: another writer held it for the whole *timeout*; the holder is named.
        LockUnsupported: the file system has no locks.
        Interrupted: a signal came while waiting.
    """
    lock = FileLock(path, timeout=timeout.total_seconds(), fallback_to_soft=False)
    try:
        lock.acquire(cancel_check=lambda: cancelled() != 0)
    except Timeout as error:
        if cancelled():
            raise Interrupted(signal=cancelled()) from error
        raise LockBusy(path=str(path), holder=_read_holder(path)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in _NO_LOCKS:
            raise LockUnsupported(path=str(path), reason=reason) from error
        raise LocalIo(path=str(path), operation="lock", reason=reason) from error
    try:
        holder = {"pid": os.getpid(), "host": socket.gethostname(), "command": command, "since": format_time(now)}
        _write_holder(path, holder)
        yield
    finally:
        _write_holder(path, None)
        lock.release()


def _write_holder(path: Path, holder: dict[str, object] | None) -> None:
    # Information for people, not state: no fsync, and a full disk must not stop the release of the lock.
    try:
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate(0)
            if holder is not None:
                json.dump(holder, file, sort_keys=True)
    except OSError:
        return


def _read_holder(path: Path) -> str:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
        return f"pid {holder['pid']} on {holder['host']} since {holder['since']}: {holder['command']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that did not say its name"
