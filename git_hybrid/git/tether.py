"""What ends a child and all that it started when this program dies, even by SIGKILL.

Linux sends a signal of our choice to the owner of a pipe's reading end once nobody holds the writing end any more:
``O_ASYNC``, ``F_SETOWN`` and ``F_SETSIG`` of fcntl(2). The owner is the child's process group, the reading end is the
child's, the writing end is ours alone: whatever kills us closes it. A program that closes what it inherits is not
reached; git is none, nor are the programs that it starts while it lives. Between the start of a child and its tie, well
below a millisecond where a core is free, it is not held: what it writes lies in quarantine, which the next run clears.
"""

from __future__ import annotations

import fcntl
import os
from typing import Self

from git_hybrid.git.ahead import let_go, tie

_HELD = 3
"""Descriptors below this one are those that every program has for itself."""


class Tether:
    """The tie between this program and one process group, for the block that it is entered for.

    Raises:
        OSError: there are no descriptors left.
    """

    def __init__(self) -> None:
        self._theirs, self._ours = os.pipe2(os.O_CLOEXEC) if hasattr(fcntl, "F_SETSIG") else (-1, -1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go: what the child has left running on purpose goes on."""
        if self._ours >= 0:
            let_go(self._ours, self._theirs)

    @property
    def inherited(self) -> tuple[int, ...]:
        """The descriptor that the child must keep; none where the system knows no such signal."""
        return () if self._theirs < _HELD else (self._theirs,)

    def tie(self, group: int) -> None:
        """Let the process group have SIGTERM when we die; a group that is gone already needs none."""
        if self.inherited:
            tie(self._theirs, group)
