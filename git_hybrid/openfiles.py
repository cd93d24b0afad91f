"""How many files the program may have open at once, which many sources at a time need more of than one.

The system gives a process few and lets it ask for more. Its children get what it had itself: a command of the user's is
run as the user would run it.
"""

from __future__ import annotations

import resource
from typing import Final

_ENOUGH: Final = 8192
"""So many are enough for as many sources at a time as can be asked for."""


class _Before:
    """The limits that the process had before it asked for more; None while it has these."""

    limits: tuple[int, int] | None = None


def allow_many() -> None:
    """Let this process open as many files as it may need, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        # It goes on with those that it has: what it lacks then is told where it lacks it.
        return
    _Before.limits = (soft, hard)


def give_back(pid: int) -> None:
    """Give the child *pid* the limit that this process had, where the system has a call for that."""
    if _Before.limits is None or not hasattr(resource, "prlimit"):
        return
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, _Before.limits)
    except OSError:
        # It has ended, or has become somebody else's.
        return
