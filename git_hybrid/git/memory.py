"""Bound the memory of what a server makes grow: an answer without an end would fill that of the machine."""

from __future__ import annotations

import errno
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

LISTING, FETCHING = 512 << 20, 8 << 30
"""How much data each process has that lists refs, two million of which fit, and one that reads packs."""


def memory_for(command: str) -> int:
    """Return how many bytes of data a git that talks to a server gets for *command*."""
    return LISTING if command == "ls-remote" else FETCHING


def bound_memory(pid: int, most: int) -> None:
    """Let the child *pid* that was just started, and what it starts, have at most so many bytes of data each.

    That costs no process and nothing before exec. Only Linux can do it; elsewhere the deadline alone bounds them.
    """
    if sys.platform != "linux":
        return
    # What it has started meanwhile is seen after its own limit: whatever comes later has that too.
    for process in (pid, *_started_by(pid)):
        try:
            soft, hard = resource.prlimit(process, resource.RLIMIT_DATA)
            resource.prlimit(process, resource.RLIMIT_DATA, (_least(most, soft), _least(most, hard)))
        except OSError as error:
            # It has ended, or is a program that belongs to somebody else.
            if error.errno not in (errno.ESRCH, errno.EPERM):
                raise


def _least(most: int, limit: int) -> int:
    return most if limit == resource.RLIM_INFINITY else min(most, limit)


def _started_by(pid: int) -> Iterator[int]:
    try:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, found):
        yield child
        yield from _started_by(child)
