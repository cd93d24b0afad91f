"""How many threads a git process may take that works on packs, when others of ours do so at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Share:
    """Counts who is at work. Safe to be used by many threads."""

    def __init__(self, cores: int | None = None) -> None:
        """Begin with nobody at work on so many *cores*, by default those of the machine."""
        self._cores = cores or os.cpu_count() or 1
        self._busy = 0
        self._lock = threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[tuple[str, ...]]:
        """Be at work for the block; yield the settings that keep a git process to its share of the cores.

        git takes a thread for each core: several at once only get in each other's way. One that is alone gets none
        of these settings.
        """
        with self._lock:
            self._busy += 1
            share = max(self._cores // self._busy, 1)
        try:
            yield () if share == self._cores else (f"pack.threads={share}",)
        finally:
            with self._lock:
                self._busy -= 1
