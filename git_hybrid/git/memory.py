"""Bound the memory of what a server makes grow: an answer without an end would fill that of the machine."""

from __future__ import annotations

import errno
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

LISTING, FETCHING, OF_LFS = 512 << 20, 8 << 30, 1 << 30
"""How much data each process has that lists refs, two million of which fit, one that reads packs, and git-lfs."""
_AGAIN, _FORKING = 0.05, 1.0
"""How often, in seconds, and how long what a child has started is looked for."""


class Running(Protocol):
    """A child that was started, and how it ended, once that is known."""

    pid: int
    returncode: int | None


def memory_for(arguments: Sequence[str]) -> int:
    """Return how many bytes of data a git that talks to a server gets for the command in *arguments*."""
    if "lfs" in arguments:
        return OF_LFS
    return LISTING if arguments[0] == "ls-remote" else FETCHING


def bounding(child: Running, most: int, check: Callable[[], None]) -> Callable[[], None]:
    """Bound the memory of *child*, and return *check*, which does so again for a while.

    What the child was forking when it got its limit has the one of before, and is not among its children yet.
    """
    begun = looked = time.monotonic()
    bound_memory(child.pid, most)

    def checked() -> None:
        nonlocal looked
        now = time.monotonic()
        # One that was waited for has given its number back.
        if looked - begun < _FORKING and now - looked >= _AGAIN and child.returncode is None:
            looked = now
            bound_memory(child.pid, most)
        check()

    return checked


def bound_memory(pid: int, most: int) -> None:
    """Let the child *pid* that was just started, and what it starts, have at most so many bytes of data each.

    That costs no process and nothing before exec. Only Linux can do it; elsewhere the deadline alone bounds them.
    """
    if sys.platform != "linux":
        return
    # What it has started meanwhile is seen after its own limit: whatever comes later has that too.
    for process in (pid, *started_by(pid)):
        try:
            soft, hard = resource.prlimit(process, resource.RLIMIT_DATA)
            resource.prlimit(process, resource.RLIMIT_DATA, (least(most, soft), least(most, hard)))
        except OSError as error:
            # It has ended, or is a program that belongs to somebody else.
            if error.errno not in (errno.ESRCH, errno.EPERM):
                raise


def least(most: int, limit: int) -> int:
    """Return the lower of *most* and a *limit* of getrlimit(2), which may be none."""
    return most if limit == resource.RLIM_INFINITY else min(most, limit)


def files_are_bounded() -> bool:
    """Tell whether this machine lets what we start write no file beyond some size."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def started_by(pid: int) -> Iterator[int]:
    """Yield the children of *pid* and theirs; none where the system does not tell."""
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, found):
        yield child
        yield from started_by(child)
