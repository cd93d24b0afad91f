"""SIGINT, SIGTERM and SIGHUP: the first asks the run to stop in good order, the second stops it at once.

What only reads is stopped so by the first too, where nobody asks for it: a file that a stranger wrote may take long.
"""

from __future__ import annotations

import signal
import time
from _thread import get_ident, start_new_thread
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What asks the program to stop."""

_STEP = 0.1
_PATIENCE = 3.0
"""How long a signal waits to be asked for where nothing is written, in seconds."""


class Cancel:
    """Remembers the signal that came; calling it returns its number, or 0.

    *reads*: nothing is written meanwhile, so a signal that nobody asks for comes once more after a while.
    """

    def __init__(self, *, reads: bool = False) -> None:
        self._number = 0
        self._hurried = False
        self._reads, self._is_heard = reads, False

    def hurried(self) -> bool:
        """Tell whether a second signal came: then nobody waits for a child any more."""
        return self._hurried

    def __call__(self) -> int:
        """Return the number of the signal that asked to stop, or 0."""
        self._is_heard = True
        return self._number

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; the second one raises KeyboardInterrupt with its number, which kills what runs."""
        if self._number:
            self._hurried = True
            raise KeyboardInterrupt(number)
        self._number = number
        if self._reads:
            with suppress(RuntimeError, MemoryError):
                start_new_thread(self._repeat, (get_ident(), number))

    def _repeat(self, thread: int, number: int) -> None:
        """Send the signal *number* once more to *thread*, as soon as nobody has asked for it for a while."""
        self._is_heard = True
        while self._is_heard:
            self._is_heard = False
            time.sleep(_PATIENCE)
        if self._reads:
            signal.pthread_kill(thread, number)

    def done(self) -> None:
        """Take no signal any more."""
        self._reads = False

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
        if cancel.handle not in before:
            cancel.done()
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
