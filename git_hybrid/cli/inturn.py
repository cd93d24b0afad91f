"""Show what commands of the user's write, in the order of their sources: of one whose turn it is while it runs."""

from __future__ import annotations

import codecs
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock

from git_hybrid.app.foreach import Ran
from git_hybrid.cli.output import Output
from git_hybrid.cli.spool import Kept, Spool
from git_hybrid.cli.streams import reporting
from git_hybrid.core.ids import SourceName
from git_hybrid.git.watched import Into

MOST = 64 << 20
"""How much a command may have written before its turn, in bytes; then it waits for that."""
_POLL = 100
_NAP = 0.05


class _Part:
    """What the command in one source has written that was not shown yet, and how it ended, if it has."""

    def __init__(self, name: SourceName, place: Spool) -> None:
        self.name, self._place = name, place
        self.out, self.err = Kept(place), Kept(place)
        self.words = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self.is_named = False
        self.ran: Ran | None = None

    def taken(self) -> tuple[Kept, Kept]:
        """Return what was kept of both streams, which is here no more."""
        found = self.out, self.err
        self.out, self.err = Kept(self._place), Kept(self._place)
        return found


class InTurn:
    """The turn of the commands: it is that of the first, in the order of the sources, that has not ended."""

    def __init__(self, output: Output, place: Spool, check: Callable[[], None]) -> None:
        """Show by *output*, and keep in *place* what others write meanwhile; *check* may raise while that waits."""
        self._output, self._place, self._check = output, place, check
        self._lock = Lock()
        self._parts: dict[SourceName, _Part] = {}
        self._left: list[_Part] = []

    def begin(self, order: Sequence[SourceName]) -> None:
        """Take the sources in their order, before the first command is started."""
        self._parts = {name: _Part(name, self._place) for name in order}
        self._left = [*reversed(self._parts.values())]

    def watch(self, name: SourceName) -> Into:
        """Return where that goes which the command in the source *name* writes."""
        part = self._parts[name]
        out, err = (partial(self._take, part, is_out=is_out) for is_out in (True, False))
        return Into(out=out, err=err, check=partial(self._look, part))

    def ended(self, ran: Ran) -> None:
        """Take how a command ended; if it was its turn, what was kept of those behind it that have ended is shown too.

        Raises:
            BrokenPipeError: nobody reads standard output any more.
            LocalIo: what was kept cannot be read.
        """
        with self._lock:
            self._parts[ran.name].ran = ran
            ended = self._first_ended() if self._is_on(self._parts[ran.name]) else None
        while ended is not None:
            self._close(*ended)
            with self._lock:
                self._left.pop()
                ended = self._first_ended()

    def _first_ended(self) -> tuple[_Part, Ran] | None:
        part = self._left[-1] if self._left else None
        return None if part is None or part.ran is None else (part, part.ran)

    def _is_on(self, part: _Part) -> bool:
        return self._left[-1] is part

    def _look(self, part: _Part) -> None:
        self._check()
        if self._is_on(part):
            self._catch_up(part)

    def _take(self, part: _Part, data: bytes, *, is_out: bool) -> None:
        if self._is_on(part):
            self._catch_up(part)
            self._show(part, data, is_out=is_out)
            return
        (part.out if is_out else part.err).add(data)
        while part.out.size + part.err.size > MOST and not self._is_on(part):
            self._check()
            time.sleep(_NAP)

    def _catch_up(self, part: _Part) -> None:
        """Show what was kept of a command whose turn it is."""
        if not part.is_named:
            self._output.talk(f"==> {part.name}")
            part.is_named = True
        for is_out, kept in zip((True, False), part.taken(), strict=True):
            for piece in kept:
                self._show(part, piece, is_out=is_out)

    def _close(self, part: _Part, ran: Ran) -> None:
        if ran.status is None:
            self._output.talk(f"{ran.name}: no clone, skipped")
            return
        if ran.instead:
            self._output.failure(f"the command was not run in {ran.name}: what stands there is {ran.instead}")
            self._output.hint("foreign-folder", f"git hybrid status {ran.name}")
            return
        self._catch_up(part)
        sys.stderr.write(part.words.decode(b"", final=True))
        if ran.error is not None:
            self._output.error(ran.error)
        elif ran.status:
            self._output.failure(f"the command failed in {ran.name} {_ended(ran.status)}")

    def _show(self, part: _Part, data: bytes, *, is_out: bool) -> None:
        if not is_out:
            sys.stderr.write(part.words.decode(data))
            sys.stderr.flush()
        elif not self._output.common.lost:
            with reporting(self._output.common):
                sys.stdout.flush()
                _write(sys.stdout.fileno(), data, self._check)


def _write(number: int, data: bytes, check: Callable[[], None]) -> None:
    """Write all of *data* to the descriptor *number*; *check* may raise while whoever reads it takes their time."""
    poll = select.poll()
    poll.register(number, select.POLLOUT)
    left = memoryview(data)
    while left:
        if not poll.poll(_POLL):
            check()
            continue
        # So much at least a pipe takes without a wait (pipe(7)).
        left = left[os.write(number, left[: select.PIPE_BUF]) :]


def _ended(status: int) -> str:
    if status > 0:
        return f"with status {status}"
    from signal import Signals

    with suppress(ValueError):
        return f"by {Signals(-status).name}"
    return f"by signal {-status}"
