"""Read a file as a whole, up to a bound: whoever can write it could make it larger than the memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from git_hybrid.core.files import LOG_LIMIT

SIZE_LIMIT = 64 * 2**20


def limit_of(shown: str) -> int:
    """Return how large the file *shown*, named by its path in the workspace, may be."""
    return LOG_LIMIT if shown.startswith("state/sources-audit.") and shown.endswith(".jsonl") else SIZE_LIMIT


def content(path: Path, limit: int) -> bytes:
    """Return what is in the file at *path*; of one that is larger than *limit*, one byte more than that.

    Python makes room for as much as it is asked for, so it is asked for as much as there is.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        return _read(file, limit)


def regular(path: Path, limit: int = SIZE_LIMIT) -> bytes:
    """Return what is in the file at *path*, as :func:`content` does, where it is one: no link, pipe, folder or device.

    Raises:
        OSError: it cannot be read, or is no regular file, of which none is waited for.
    """
    with open_regular(path) as file:
        return _read(file, limit)


def open_regular(path: Path) -> BinaryIO:
    """Open the file at *path* for reading, where it is one: no link, pipe, folder or device.

    Raises:
        OSError: it cannot be read, or is no regular file, of which none is waited for.
    """
    return open(path, "rb", opener=_regular)


def _regular(path: str, _flags: int) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no regular file", path)
    return descriptor


def _read(file: BinaryIO, limit: int) -> bytes:
    wanted = min(os.fstat(file.fileno()).st_size, limit) + 1
    data = file.read(wanted)
    # Somebody writes to it.
    return data + file.read(limit + 1 - wanted) if len(data) == wanted <= limit else data
