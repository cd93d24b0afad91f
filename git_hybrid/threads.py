"""Threads whose start waits for nothing.

``threading.Thread.start`` waits until the new thread has said that it runs: for ever if it had no memory to say so and
died (python/cpython#140746). Here whoever waits for the end of a thread sees also that nothing is left of it.
"""

from __future__ import annotations

import time
from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from weakref import ref

_POLL = 0.05


class _Life:
    """Held by a thread alone: it is gone when the thread is, however that has ended."""

    __slots__ = ("__weakref__",)


_LIVING: set[ref[_Life]] = set()
_AWAITED: set[ref[_Life]] = set()


class Worker:
    """A thread that does *work*, which raises nothing; not *awaited*: the process may end before it.

    Raises:
        RuntimeError, MemoryError: there is no room for one more.
    """

    def __init__(self, work: Callable[[], None], *, awaited: bool = True) -> None:
        """Begin."""
        life = _Life()
        self._life, self._over = ref(life), allocate_lock()
        self._over.acquire()
        try:
            _LIVING.add(self._life)
            if awaited:
                _AWAITED.add(self._life)
            start_new_thread(_run, (work, self._over.release, life))
        finally:
            # An error keeps this frame, and what is held here would count as a thread that never ends.
            del life

    def is_alive(self) -> bool:
        """Tell whether the work goes on."""
        return self._over.locked() and self._life() is not None

    def join(self, seconds: float) -> None:
        """Wait until the work is done, at most so long."""
        if self._over.acquire(timeout=seconds):
            self._over.release()

    def forget(self) -> None:
        """Let the process end before the work does."""
        _AWAITED.discard(self._life)


def _run(work: Callable[[], None], over: Callable[[], None], life: _Life) -> None:
    # The arguments that the thread was started with hold it: an error keeps this frame, and would keep it too.
    del life
    try:
        work()
    finally:
        over()


def _is_any_left(lives: set[ref[_Life]]) -> bool:
    # Looked at here, and by no callback: one that dies without memory has none for that either.
    lives -= {life for life in tuple(lives) if life() is None}
    return bool(lives)


def are_at_work() -> bool:
    """Tell whether any thread of these is left; ``threading`` does not know them."""
    return _is_any_left(_LIVING)


def wait_for_all() -> None:
    """Wait until no thread is left that is awaited."""
    while _is_any_left(_AWAITED):
        time.sleep(_POLL)
