"""No host is asked too much at once, however many jobs there are: it would refuse us, or slow everybody down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

MOST = 16
_POLL = 0.1


class HostGate:
    """Lets at most :data:`MOST` threads in for each host; ``cancelled`` ends the waiting."""

    def __init__(self, cancelled: Callable[[], int], most: int = MOST) -> None:
        self._cancelled, self._most = cancelled, most
        self._gates: dict[str, BoundedSemaphore] = {}
        self._lock = Lock()

    @contextmanager
    def __call__(self, host: str) -> Iterator[None]:
        """Hold a place at *host* for the block; the empty name is this machine, which has no limit."""
        if not host:
            yield
            return
        with self._lock:
            gate = self._gates.setdefault(host, BoundedSemaphore(self._most))
        inside = False
        while not inside and not self._cancelled():
            inside = gate.acquire(timeout=_POLL)
        try:
            yield
        finally:
            if inside:
                gate.release()
