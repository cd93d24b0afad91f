"""What to do where the disk and its rights are well: the machine gives too little of something, or a lock is held."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from git_hybrid.cli.remedy import Remedy
from git_hybrid.core.errors import LocalIo
from git_hybrid.core.machine import HELD

_TITLE = "cannot {operation} {path}: {reason}"
_ONE = "or take one source at a time, as -j 1 does: export GIT_HYBRID_JOBS=1"
_FILES = Remedy(
    74, _TITLE, "the system lets the program open no more files at once", ("to allow more: ulimit -n 8192", _ONE)
)
_MEMORY = Remedy(
    74,
    _TITLE,
    "a limit, or what else runs, leaves too little of it: with more the same command goes on",
    ("what limits it, if anything does: ulimit -a", _ONE),
)
_PROCESSES = Remedy(
    74,
    _TITLE,
    "the system lets you, or this container, have no more processes: when others have ended the same command goes on",
    ("what limits it, if anything does: ulimit -u; cat /sys/fs/cgroup/pids.max", _ONE),
)
_SIZE = Remedy(
    74,
    _TITLE,
    "what is written is larger than a limit on the size of files, or this file system, allows",
    ("what limits it, if anything does: ulimit -f", "to allow more: ulimit -f unlimited"),
)
_LOCK = Remedy(
    74, _TITLE, "run the command again when that has ended", ("where no git is at work any more: rm {path}",)
)
_THREAD = "start new thread"
"""What Python says that it cannot, where the system gives it none."""
_NO_ROOM = "the system has no room for it"
_NO_MEMORY = os.strerror(errno.ENOMEM)
SCARCE: Mapping[str, Remedy] = {
    os.strerror(errno.EMFILE): _FILES,
    os.strerror(errno.ENFILE): _FILES,
    _NO_MEMORY: _MEMORY,
    _NO_ROOM: _MEMORY,
    os.strerror(errno.EAGAIN): _PROCESSES,
    os.strerror(errno.EFBIG): _SIZE,
    "(ulimit -f)": _SIZE,
    HELD: _LOCK,
}
"""The remedies by what the reason of a :class:`git_hybrid.core.errors.LocalIo` holds."""
_SHORT = (_NO_MEMORY, "map segment from shared object", "malloc failure")
"""What the system, the loader of libraries and libgit2 say where there is no memory."""


def scarcity(error: Exception) -> LocalIo | None:
    """Return what *error* is where it tells of too little memory, which is no bug; else None."""
    words = str(error)
    if isinstance(error, RuntimeError) and _THREAD in words:
        return LocalIo(path="one more thread", operation="start", reason=_NO_ROOM)
    short = isinstance(error, MemoryError) or any(text in words for text in _SHORT)
    return LocalIo(path="more memory", operation="get", reason=_NO_MEMORY) if short else None
