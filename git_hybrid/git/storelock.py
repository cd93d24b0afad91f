"""The lock of one store of the object cache, between the threads of a run and between processes."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.turn import TURN

LOCKS = ".locks"
_TICK = 0.05


class Unusable(Exception):
    """The store, or the whole cache, cannot be used; the text says why."""


class Busy(Unusable):
    """Another process works on the store."""


class StoreLock:
    """The lock of the store *name* of the cache at *root*: a file that is locked, and one owner among the threads."""

    def __init__(self, root: Path, name: str) -> None:
        """Be the lock; nothing is held yet."""
        self._root, self._name = root, name
        self._mutex = threading.RLock()
        self._is_held = False

    @contextmanager
    def held(self, *, patience: float, cancelled: Callable[[], int]) -> Iterator[None]:
        """Hold the lock for the block; another thread of this run is waited for as long as it has it.

        Who holds it already goes on.

        Raises:
            Busy: other processes hold it for longer than *patience* (s).
            Unusable: it cannot be locked.
        """
        with TURN.held_with(self._mutex):
            if self._is_held:
                yield
                return
            descriptor = self._file()
            try:
                _wait(descriptor, patience=patience, cancelled=cancelled)
                self._is_held = True
                yield
            finally:
                self._is_held = False
                os.close(descriptor)

    def _file(self) -> int:
        folder = f"{self._root}/{LOCKS}"
        try:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(f"{folder}/{self._name}", flags, 0o600)
        except OSError as error:
            raise Unusable(f"it cannot be locked: {error.strerror}") from error


def _wait(descriptor: int, *, patience: float, cancelled: Callable[[], int]) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= end or cancelled():
                raise Busy("another process works on it") from error
        except OSError as error:
            raise Unusable(f"it cannot be locked: {error.strerror}") from error
        with TURN.waiting():
            time.sleep(_TICK)
