"""Show what goes on: one line on stderr that is drawn again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from git_hybrid.core.ports import ProgressKind
from git_hybrid.core.transfer import Transfer
from git_hybrid.core.value import Struct, field
from git_hybrid.threads import Worker
from git_hybrid.view.lines import Lines
from git_hybrid.view.progressline import Shown, progress_line, time_left

_INTERVAL = 0.1
_TICK = 0.5
# How long one source is shown before another may take the line: what changes faster cannot be read.
_HOLD = 1.0
_FRESH = 2.0


class _Item(Struct):
    """What is known of one source that is being worked on."""

    text: str
    heard: float
    transfer: Transfer | None = None


class OneLine(Struct):
    """Redraws one line: how many sources are done, and what is being done to the one that moves most.

    It draws nothing in the first *delay* seconds: a line that is gone before anybody reads it only flickers. With
    *ticks* it also draws while nothing is heard.
    """

    lines: Lines
    columns: int
    clock: Callable[[], float] = time.monotonic
    delay: float = 0.0
    ticks: bool = False
    _born: float = 0.0
    _what: str = ""
    _total: int = 0
    _begun: float = 0.0
    _started: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)
    _working: dict[str, _Item] = field(default_factory=dict)
    _name: str = ""
    _shown_since: float = 0.0
    _last: tuple[str, str] = ("", "")
    _drawn: float | None = None
    _dirty: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)
    _ticker: Worker | None = None

    def __post_init__(self) -> None:
        self._born = self.clock()

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Take one event; draws at most ten times a second."""
        with self._lock:
            now = self.clock()
            match kind:
                case "begin":
                    self._begin(name, int(text), now)
                case "retry" | "note":
                    self._clear()
                    self.lines(kind, name, text)
                case "done":
                    self._working.pop(name, None)
                    self._done.add(name)
                    self._last = (name, text)
                case "start" | "step":
                    self._started.add(name)
                    self._working[name] = _Item(text=text, heard=now)
            self._draw(now)

    def moved(self, name: str, transfer: Transfer) -> None:
        """Take what git says of how far it is with the source *name*."""
        with self._lock:
            now = self.clock()
            item = self._working.setdefault(name, _Item(text="", heard=now))
            item.transfer, item.heard = transfer, now
            self._draw(now)

    def clear(self) -> None:
        """Take the line away, so that something else may be said; the next event draws it again."""
        with self._lock:
            self._working.clear()
            self._dirty = False
            self._clear()

    def close(self) -> None:
        """Take the line away for good."""
        self._end.set()
        while self._ticker is not None and self._ticker.is_alive():
            self._ticker.join(_TICK)
        self.clear()

    def _begin(self, what: str, total: int, now: float) -> None:
        self._what, self._total, self._begun = what, total, now
        self._started.clear()
        self._done.clear()
        self._working.clear()
        self._name, self._last = "", ("", "")

    def _draw(self, now: float, *, again: bool = False) -> None:
        if self.ticks and self._ticker is None and not self._end.is_set():
            # The next event tries again where there was no room for it.
            with suppress(RuntimeError, MemoryError):
                self._ticker = Worker(self._tick, awaited=False)
        early = now - self._born < self.delay
        if early or (self._drawn is not None and now - self._drawn < _INTERVAL):
            self._dirty = True
            return
        if again and not (self._dirty or self._working):
            return
        self._drawn, self._dirty = now, False
        self._write("\r" + progress_line(self._shown(now), self.columns - 1))

    def _tick(self) -> None:
        """Draw now and then though nothing is heard: a line that stands still for a minute looks like a hang."""
        while not self._end.wait(_TICK):
            with self._lock:
                self._draw(self.clock(), again=True)

    def _shown(self, now: float) -> Shown:
        done, total = len(self._done), max(self._total, len(self._started | self._done))
        seconds = now - self._begun
        left = time_left(done=done, started=len(self._started | self._done), total=total, seconds=seconds)
        name = self._pick(now)
        if name is None:
            name, text = self._last
            return Shown(done=done, total=total, name=name, text=text or self._what, left=left)
        item = self._working[name]
        since = now - item.heard
        transfer = item.transfer if since < _FRESH or not item.text else None
        return Shown(done=done, total=total, name=name, text=item.text, transfer=transfer, since=since, left=left)

    def _pick(self, now: float) -> str | None:
        """Return the source to show: the one that moves most, or was heard of last; not another one all the time."""
        if self._name in self._working and now - self._shown_since < _HOLD:
            return self._name
        if not self._working:
            return None

        def moves(name: str) -> tuple[int, float]:
            item = self._working[name]
            rate = item.transfer.rate if item.transfer is not None and now - item.heard < _FRESH else None
            return (rate or 0, item.heard)

        best = max(self._working, key=moves)
        if best != self._name:
            self._name, self._shown_since = best, now
        return best

    def _clear(self) -> None:
        if self._drawn is not None:
            self._write("\r" + " " * (self.columns - 1) + "\r")
            self._drawn = None

    def _write(self, text: str) -> None:
        self.lines.stream.write(text)
        self.lines.stream.flush()
