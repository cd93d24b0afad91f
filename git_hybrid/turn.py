"""Whose turn it is among the threads that do many small things.

Each system call hands the interpreter's lock to another thread: four that look at many files take twice as long as one.
So a thread at work on a source has its turn until it has to wait, for a child, a server, a lock or the disk
(:meth:`Turn.waiting`), and then another goes on. A turn protects nothing: whoever does not get it soon goes on without,
so that a wait which nobody thought of costs a moment and not the run.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PATIENCE = 0.2
"""How long a thread waits for its turn, in seconds."""


class _Own(threading.local):
    """What a thread has: in how many blocks it asked for its turn, whether it got it, and when it last did not."""

    depth = 0
    has = False
    refused = -1


class Turn:
    """The turn that threads take, by a ``with`` block; within another of the same thread it changes nothing."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        """Begin with nobody's turn; a thread waits *patience* seconds for it."""
        self._patience = patience
        self._lock = threading.Lock()
        self._own = _Own()
        self._taken = 0

    def _ask(self, own: _Own) -> None:
        # Nobody waits twice for the same one to be done.
        own.has = self._lock.acquire(timeout=0 if own.refused == self._taken else self._patience)
        if own.has:
            self._taken += 1
        else:
            own.refused = self._taken

    def __enter__(self) -> None:
        own = self._own
        if not own.depth:
            self._ask(own)
        own.depth += 1

    def __exit__(self, *_error: object) -> None:
        own = self._own
        own.depth -= 1
        if not own.depth and own.has:
            own.has = False
            self._lock.release()

    @contextmanager
    def waiting(self, *, back: bool = True) -> Iterator[None]:
        """Give the turn away for the block, and ask for it again at its end, if the thread had asked for it.

        One that does not want it *back* goes on without, until it has waited once more: for the many short waits for a
        disk, each of which would end at the end of the queue.
        """
        own = self._own
        depth, own.depth = own.depth, 0
        if own.has:
            own.has = False
            self._lock.release()
        try:
            yield
        finally:
            own.depth = depth
            if depth and back:
                self._ask(own)

    @contextmanager
    def held_with(self, mutex: threading.Lock | threading.RLock) -> Iterator[None]:
        """Hold *mutex* for the block, waiting for it without the turn."""
        if not mutex.acquire(blocking=False):
            with self.waiting():
                mutex.acquire()
        try:
            yield
        finally:
            mutex.release()


TURN: Final = Turn()
"""The turn of this process."""
