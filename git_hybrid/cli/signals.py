"""SIGINT, SIGTERM and SIGHUP: the first asks the run to stop in good order, the second stops it at once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks the program to stop."""

_STEP = 0.1


class Cancel:
    """Remembers the signal that came; calling it returns its number, or 0."""

    def __init__(self) -> None:
        self._number = 0
        self._hurried = False

    def hurried(self) -> bool:
        """Tell whether a second signal came: then nobody waits for a child any more."""
        return self._hurried

    def __call__(self) -> int:
        """Return the number of the signal that asked to stop, or 0."""
        return self._number

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; the second one raises KeyboardInterrupt with its number, which kills what runs."""
        if self._number:
            self._hurried = True
            raise KeyboardInterrupt(number)
        self._number = number

    def sleep(self, seconds: float) -> None:
        """Wait *seconds*, or until a signal comes."""
        end = time.monotonic() + seconds
        while not self() and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _STEP))


@contextmanager
def handled(cancel: Cancel) -> Iterator[None]:
    """Let *cancel* take the signals for the block; a SIGHUP that is ignored stays so (nohup(1))."""
    numbers = [number for number in ASKING if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = [signal.signal(number, cancel.handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
