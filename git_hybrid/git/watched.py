"""Read what a child writes while it runs: its progress is told at once, everything else is kept as it came."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import IO, TYPE_CHECKING, Self

from git_hybrid.core.pattern import pattern
from git_hybrid.core.transfer import LONGEST, Transfer, parse_transfer
from git_hybrid.core.value import Struct

if TYPE_CHECKING:
    from git_hybrid.threads import Worker

Watch = Callable[[Transfer], None]
SourceWatch = Callable[[str, Transfer], None]
"""The same for many sources: the name of the source comes first."""
MOST = 1 << 20
POLL = 0.1
_CHUNK = 1 << 16
LINGER = 1.0
_PIECE = pattern(rb"[^\r\n]*[\r\n]")


class Into(Struct, frozen=True, kw_only=True):
    """Where that goes, as it comes, which a child writes to stdout and stderr; ``check`` may raise meanwhile."""

    out: Callable[[bytes], object]
    err: Callable[[bytes], object]
    check: Callable[[], None]


def of_source(watch: SourceWatch | None, name: str) -> Watch | None:
    """Return the watch of one source, or None if nobody watches."""
    return None if watch is None else partial(watch, name)


def showing(arguments: list[str], watch: Watch | None) -> list[str]:
    """Return the command with ``--progress`` where somebody watches."""
    if watch is None:
        return arguments
    at = next(at for at, word in enumerate(arguments) if word in ("clone", "fetch")) + 1
    return [*arguments[:at], "--progress", *arguments[at:]]


class Sieve:
    """Takes stderr as it comes, tells the lines of progress to *watch*, and keeps the rest byte for byte.

    So whoever reads the words of a failed command finds those that it would have said without ``--progress``. Of a
    server that talks for ever, :data:`MOST` bytes of the beginning and of the end are kept, on lines of their own.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._kept = bytearray()
        self._rest = b""
        self._torn = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + data
        end = 0
        last: Transfer | None = None
        for match in _PIECE.finditer(data):
            end = match.end()
            piece = match[0]
            told = None if self._torn else parse_transfer(piece[:-1].decode("ascii", "replace"))
            self._torn = False
            if told is None:
                self._keep(piece)
            last = told or last
        self._rest = data[end:]
        if len(self._rest) > LONGEST:
            # No progress can come of it any more: what never ends is not looked through again and again.
            self._keep(self._rest)
            self._rest, self._torn = b"", True
        if last is not None:
            self._watch(last)

    def _keep(self, words: bytes) -> None:
        self._kept += words
        if len(self._kept) > 3 * MOST:
            self._kept[MOST:-MOST] = b"\n"

    def close(self) -> bytes:
        """Return everything that was no progress."""
        return bytes(self._kept + self._rest)


class Listener:
    """Takes what a child writes on stderr, in a thread of its own: its progress is told to *watch*, where it tells any.

    ``words`` is everything else, when it has ended.
    """

    def __init__(self, watch: Watch | None) -> None:
        """Listen to nobody yet."""
        self.words = b""
        self._watch = watch or (lambda _transfer: None)
        self._thread: Worker | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Wait for the end of what is listened to: whoever writes there must have ended."""
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(LINGER)

    def listen(self, stderr: IO[bytes]) -> None:
        """Listen to *stderr*, which may be closed meanwhile."""
        from git_hybrid.threads import Worker

        own = os.dup(stderr.fileno())
        self._thread = Worker(lambda: self._hear(own))

    def _hear(self, own: int) -> None:
        sieve = Sieve(self._watch)
        with open(own, "rb", buffering=0) as file:
            while data := file.read(_CHUNK):
                sieve.feed(data)
        self.words = sieve.close()
