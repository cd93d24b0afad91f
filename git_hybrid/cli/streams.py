"""The three streams that a program begins with, whatever whoever started it did to them, and how it ends."""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress

from git_hybrid.core.words import escaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Protocol

    class Reported(Protocol):
        """What keeps why stdout could not take a report; the types of its module lead to pygit2, which hooks lack."""

        lost: str


_WITHOUT = "git-hybrid-without"
"""The error handler of streams whose encoding has not every character: no character stops what is said."""
_IO = 74
_NEAREST = {"→": "->", "…": "...", "–": "-", "·": "-"}


def _without(error: UnicodeError) -> tuple[str, int]:
    """Return what stands for characters that a stream does not have: those of our own in ASCII, others escaped."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    told = (_NEAREST.get(char) or escaped(char) for char in lacking)
    return "".join(told), error.end


class Unsaid(OSError):
    """Standard output cannot take what the command says, for another reason than that nobody reads it any more."""


class _Report(io.TextIOWrapper):
    """What is said on stdout, also by libraries; that it cannot be written is told apart from all other trouble.

    It is told again at each flush: what could not be written may be lost, and an empty buffer knows nothing of it.
    """

    _refused: OSError | None = None

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self._refused = _unsaid(error)
            raise self._refused from error

    def flush(self) -> None:
        if self._refused is not None:
            # Another one: what is raised again while it is told grows with each try.
            raise type(self._refused)(*self._refused.args)
        try:
            super().flush()
        except OSError as error:
            self._refused = _unsaid(error)
            raise self._refused from error


def _unsaid(error: OSError) -> OSError:
    return error if isinstance(error, BrokenPipeError) else Unsaid(error.errno, error.strerror)


class _Talk(io.TextIOWrapper):
    """What is said to a person, which nobody may hear: where it goes is full or gone, and the work goes on.

    Where both streams are one, as in the log of a CI, it comes after the part of the report that was made before it.
    """

    def write(self, text: str) -> int:
        # What stdout cannot take is told by whoever flushes it at the end.
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def make_sure_of_streams() -> None:
    """Open what was closed onto nothing, and let no trouble with stderr and no character end a command.

    Else a file of ours would get the number of a closed stream, and whatever is written there.
    """
    codecs.register_error(_WITHOUT, _without)
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            os.open(os.devnull, os.O_RDWR)
    if sys.stdout is None:
        sys.stdout = _Report(io.FileIO(1, "w", closefd=False), encoding="utf-8", errors=_WITHOUT)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        made = sys.stdout
        sys.stdout = _Report(
            made.buffer,
            encoding=_of_lines(made.encoding),
            errors=_WITHOUT,
            line_buffering=made.line_buffering,
            write_through=made.write_through,
        )
    talk = io.FileIO(2, "w", closefd=False) if sys.stderr is None else sys.stderr.buffer
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = _Talk(talk, encoding=_of_lines(encoding), errors=_WITHOUT, line_buffering=True)


def _of_lines(encoding: str) -> str:
    """Return *encoding*, or UTF-8 where ASCII is other bytes in it, as in UTF-16: no reader of lines or JSON asks."""
    return encoding if "{\n".encode(encoding) == b"{\n" else "utf-8"


@contextmanager
def reporting(reported: Reported) -> Iterator[None]:
    """Note in *reported* what stdout cannot take of the block's report: the work goes on, and errors are told yet."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reported.lost = reported.lost or error.strerror or str(error)


@contextmanager
def apart_from(path: Path) -> Iterator[None]:
    """Let the block print to stderr where *path*, to which it writes a file, is standard output itself."""
    # Imported here: few commands write a file.
    from git_hybrid.store.outputfile import is_stdout

    if not is_stdout(path):
        yield
        return
    with redirect_stdout(sys.stderr):
        yield


def stop_if_unheard() -> None:
    """Raise BrokenPipeError where stdout is a pipe or a socket whose reader has gone, before anything is written."""
    import select
    import stat

    number = sys.stdout.fileno()
    mode = os.fstat(number).st_mode
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        # Not one object for all: two threads must not ask the same at a time.
        poll = select.poll()
        poll.register(number, 0)
        if any(found & (select.POLLERR | select.POLLHUP) for _, found in poll.poll(0)):
            raise BrokenPipeError


def end(code: int) -> int:
    """End the process with the exit status *code*, or return it where there is more to do than to end.

    An interpreter that is taken down frees what was made piece by piece, which takes as long as a hook's checks.
    """
    if (workers := sys.modules.get("git_hybrid.threads")) is not None:
        workers.wait_for_all()
    # A cluster's client has threads and handlers of its own for the end.
    threading = sys.modules.get("threading")
    if "distributed" not in sys.modules and (threading is None or threading.active_count() == 1):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except (OSError, ValueError):
                code = code or _IO
        os._exit(code)
    # What lives until the end need not be searched for garbage once more.
    gc.freeze()
    return code
