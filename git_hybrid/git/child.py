"""Start a child process and end it. Imported when the first is started: subprocess costs as much as our own part."""

from __future__ import annotations

import io
import os
import select
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from git_hybrid.git.cage import end_group
from git_hybrid.git.limits import TalksOn
from git_hybrid.git.watched import LINGER, POLL, Into, Sieve, Watch
from git_hybrid.openfiles import give_back

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST_WORDS = 16 << 20
_CHUNK = 1 << 16
_ASKED_TO_END = (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP)
# Until a child has become its program it shares our memory, and is counted with it: one at a time is enough.
_STARTING = threading.Lock()
Source = IO[bytes] | Literal["pipe", "nothing"]
Talker = subprocess.Popen[bytes]
Judge = Callable[[int], None]
Words = Sequence[str]
Heard = io.BufferedReader


@contextmanager
def started(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None,
    stdin: Source,
    stdout: Source = "pipe",
    stderr: Source = "pipe",
    inherited: tuple[int, ...] = (),
    hurried: Callable[[], bool],
) -> Iterator[Talker]:
    """Yield a child in a process group of its own; leaving the block ends it, at once where *hurried* says so.

    *inherited* are the descriptors that it keeps, beside its standard ones.

    Raises:
        OSError: it could not be started.
    """
    with _STARTING:
        child = subprocess.Popen(
            argv,
            stdin=_end(stdin),
            stdout=_end(stdout),
            stderr=_end(stderr),
            env=env,
            cwd=cwd,
            start_new_session=True,
            pass_fds=inherited,
        )
    give_back(child.pid)
    try:
        yield child
    finally:
        try:
            if child.poll() is None:
                end_group(child, hurried)
        finally:
            for pipe in (child.stdout, child.stderr, child.stdin):
                if pipe is not None:
                    pipe.close()


def _end(source: Source) -> IO[bytes] | int:
    return {"pipe": subprocess.PIPE, "nothing": subprocess.DEVNULL}[source] if isinstance(source, str) else source


class _Heard(io.RawIOBase):
    """The bytes of a pipe as they come; *check* may raise before each piece, and while none comes."""

    def __init__(self, child: Talker, pipe: IO[bytes], check: Callable[[], None], judge: Judge) -> None:
        self._child, self._descriptor, self._check, self._judge = child, pipe.fileno(), check, judge
        self._ready = select.poll()
        self._ready.register(self._descriptor)

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._check()
        while not self._ready.poll(POLL * 1000):
            self._check()
        size = os.readv(self._descriptor, [buffer])
        if not size:
            _settle(self._child, self._check)
            self._judge(self._child.returncode or 0)
        return size


def heard(child: Talker, check: Callable[[], None], judge: Judge) -> Heard:
    """Return what *child* writes to stdout, to be read as it comes; *check* may raise while that takes.

    *judge* is told at the end how the child ended, and may raise too.
    """
    assert child.stdout is not None
    return Heard(_Heard(child, child.stdout, check, judge), _CHUNK)


def told_by(
    child: Talker, data: bytes | None, watch: Watch | Into | None, check: Callable[[], None], asks: Words = ()
) -> tuple[bytes, bytes]:
    """Return all that the child writes to its pipes, once it has ended; *check* may raise while that takes.

    It is given *data*. *watch* is told what it says of its progress, which is not returned then, or gets all that it
    writes. What it leaves behind may keep its pipes open, as a wrapper of ssh does: nobody waits for the end of that.
    With *asks*, the arguments by which git asks a server, it gets no more memory than that takes
    (:mod:`git_hybrid.git.memory`).

    Raises:
        TalksOn: with *asks*, it says more than anybody would read.
    """
    if asks:
        from git_hybrid.git.memory import bounding, memory_for

        check = bounding(child, memory_for(asks), check)
    if data is not None:
        _give(child, data)
    out, words = bytearray(), Sieve(watch) if callable(watch) else _Words(_MOST_WORDS if asks else None)
    if isinstance(watch, Into):
        _give_away(child, watch.out, watch.err, partial(_both, check, watch.check))
    else:
        _give_away(child, out.extend, words.feed, check)
    _settle(child, check)
    return bytes(out), words.close()


class _Words:
    """Takes stderr as it comes and keeps all of it, up to *most* bytes."""

    def __init__(self, most: int | None) -> None:
        self._most, self._kept = most, bytearray()

    def feed(self, data: bytes) -> None:
        self._kept += data
        if self._most is not None and len(self._kept) > self._most:
            raise TalksOn

    def close(self) -> bytes:
        return bytes(self._kept)


def _both(check: Callable[[], None], also: Callable[[], None]) -> None:
    check()
    also()


def _give_away(
    child: Talker, out: Callable[[bytes], object], err: Callable[[bytes], object], check: Callable[[], None]
) -> None:
    """Give what comes from both pipes of *child* to *out* and *err* as it comes, until it has ended; *check* may raise.

    Popen.communicate() would give it only at the end.
    """
    assert child.stdout is not None
    assert child.stderr is not None
    lingers = _lingering(lambda: child.poll() is not None)
    # It takes no file of its own: there may be none left.
    with selectors.PollSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ, out)
        selector.register(child.stderr, selectors.EVENT_READ, err)
        while selector.get_map() and not lingers():
            ready = selector.select(POLL)
            check()
            for key, _ in ready:
                data = os.read(key.fd, _CHUNK)
                if data:
                    key.data(data)
                else:
                    selector.unregister(key.fileobj)
    while child.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(POLL)
        check()


def _lingering(ended: Callable[[], bool]) -> Callable[[], bool]:
    """Return what tells whether a child *ended* so long ago that all it wrote must have been read."""
    since: list[float] = []

    def lingers() -> bool:
        if not since and ended():
            since.append(time.monotonic())
        return bool(since) and time.monotonic() > since[0] + LINGER

    return lingers


def _settle(child: Talker, check: Callable[[], None]) -> None:
    """Let *check* raise where a child that has written all was ended by a signal that came to this program as well.

    A signal from a terminal reaches the child too, as long as it has no process group of its own: how it ended then
    says nothing of what it was asked.
    """
    with suppress(subprocess.TimeoutExpired):
        if child.wait(POLL) in _ASKED_TO_END:
            # The signal may have come to the child first.
            time.sleep(POLL)
            check()


def _give(child: Talker, data: bytes) -> None:
    """Write all of *data* to the child, which may take its time over it.

    Popen.communicate() would do so, and forgets what is not yet written when its time is over (python/cpython#141473).
    """
    pipe, child.stdin = child.stdin, None
    assert pipe is not None

    def write() -> None:
        # It need not want all of it.
        with suppress(BrokenPipeError), pipe:
            pipe.write(data)

    if len(data) <= select.PIPE_BUF:
        write()
    else:
        from git_hybrid.threads import Worker

        Worker(write, awaited=False)
