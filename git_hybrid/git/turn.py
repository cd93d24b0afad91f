"""Whose turn it is among the threads that do many small things on the disk.

Each system call hands the interpreter's lock to another thread: four that look at many files take twice as long as one.
So short pieces of such work are done by one thread at a time. Nothing that waits for anybody belongs in a turn: no
lock, no child, no network, no fsync.
"""

from __future__ import annotations

from threading import RLock
from typing import Final

TURN: Final = RLock()
"""Held by the thread whose turn it is."""
