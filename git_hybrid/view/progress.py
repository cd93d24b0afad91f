"""Show what goes on: one line on stderr that is drawn again, or nothing."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TextIO

from git_hybrid.core.ports import ProgressKind
from git_hybrid.view.term import fit, safe

_INTERVAL = 0.1


def quiet(kind: ProgressKind, name: str, text: str) -> None:
    """Show nothing."""


@dataclass(slots=True)
class Lines:
    """Tells retries and notes as lines on stderr: what ``-v`` shows, and the part of it that always matters."""

    verbose: bool = False
    stream: TextIO = field(default_factory=lambda: sys.stderr)

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Print one event if it is worth a line."""
        if kind in ("retry", "note") or self.verbose:
            # One write a line: threads tell their events at the same time.
            self.stream.write(f"{safe(name)}: {safe(text)}\n")


@dataclass(slots=True)
class OneLine:
    """Redraws one line: how many sources are done, and what is being done to the last one."""

    lines: Lines
    columns: int
    _started: set[str] = field(default_factory=set, init=False)
    _done: set[str] = field(default_factory=set, init=False)
    _drawn: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Take one event; draws at most ten times a second."""
        with self._lock:
            if kind in ("retry", "note"):
                self._write("\r" + " " * (self.columns - 1) + "\r")
                self.lines(kind, name, text)
            if kind == "start":
                self._started.add(name)
            if kind == "done":
                self._done.add(name)
            now = time.monotonic()
            if now - self._drawn >= _INTERVAL:
                self._drawn = now
                count = f"[{len(self._done)}/{len(self._started | self._done)}]"
                self._write("\r" + fit(f"{count} {safe(name)}: {safe(text)}", self.columns - 1))

    def close(self) -> None:
        """Clear the line."""
        if self._drawn:
            self._write("\r" + " " * (self.columns - 1) + "\r")

    def _write(self, text: str) -> None:
        self.lines.stream.write(text)
        self.lines.stream.flush()
