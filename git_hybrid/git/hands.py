"""Processes that write trees, one after the other, as many as there are cores.

Writing hundreds of small files keeps the interpreter's lock: four threads that did it would not be done sooner than
one. A process of our own costs as much as two trees, so the first few are written here.
"""

from __future__ import annotations

import errno
import marshal
import os
import sys
import threading
import time
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

from git_hybrid.core.errors import LocalIo, ToolTooOld
from git_hybrid.git import hand as program
from git_hybrid.git.run import Runner
from git_hybrid.git.unpacking import Answer, KeptOrder, PackOrder, Torn, Unfit, Unlike, answered
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_hybrid.git.child import Talker

_HERE = 2
_KINDS = {kind.__name__: kind for kind in (Unlike, Torn, Unfit)}
_FRAME, _HASH = 8, 64
_POLL, _MOMENT = 0.1, 0.0005


class Hands:
    """Carries orders out. Safe to be used by many threads; *most* is how many processes there may be."""

    def __init__(self, runner: Runner, most: int | None = None) -> None:
        """Begin with no process."""
        self._runner = runner
        self._most = (os.cpu_count() or 1) if most is None else most
        self._free: list[Talker] = []
        self._begun = self._orders = 0
        self._changed = threading.Condition()
        self._stack = ExitStack()

    def unpack(self, order: KeptOrder) -> None:
        """Do as :func:`git_hybrid.git.unpacking.unpacked` does, here or in another process.

        Raises:
            Torn, Unlike: a pack or the kept tree is damaged.
            OSError: the file system refused, or the process is gone.
            Interrupted: the program was asked to stop.
        """
        self._do("unpacked", order)

    def pour(self, order: PackOrder) -> list[str]:
        """Do as :func:`git_hybrid.git.unpacking.poured` does, and return the SHA-256 of each file.

        Raises:
            Unfit: it is for git.
            OSError: the file system refused, or the process is gone.
            Interrupted: the program was asked to stop.
        """
        found = self._do("poured", order).hex()
        return [found[at : at + _HASH] for at in range(0, len(found), _HASH)]

    def _do(self, kind: str, order: KeptOrder | PackOrder) -> bytes:
        with TURN.waiting():
            hand = self._taken()
            answer = None if hand is None else self._given(hand, kind, order)
        if answer is None:
            answer = answered(kind, order, partial(self._runner.check, None))
        if isinstance(answer, bytes):
            return answer
        wrong, number, text = answer
        raise OSError(number, os.strerror(number), text) if wrong == "OSError" else _KINDS[wrong](text)

    def _given(self, hand: Talker, kind: str, order: KeptOrder | PackOrder) -> Answer:
        try:
            answer = _asked(hand, (kind, order), partial(self._runner.check, None))
        except BaseException:
            # What it does, or is about to say, is not known any more: it is not asked again, and no other in its place.
            hand.kill()
            hand.wait()
            with self._changed:
                self._most, self._begun = self._most - 1, self._begun - 1
                self._changed.notify()
            raise
        with self._changed:
            self._free.append(hand)
            self._changed.notify()
        return answer

    def _taken(self) -> Talker | None:
        """Return a process that has nothing to do, waiting for one; None where the order is to be carried out here."""
        with self._changed:
            self._orders += 1
            if self._orders <= _HERE or self._most <= 1:
                return None
            if not self._free and self._begun < self._most:
                self._begun += 1
                with suppress(LocalIo, ToolTooOld):
                    return self._stack.enter_context(self._runner.helping(_argv()))
                self._most = 0
                return None
            while not self._free and self._begun:
                self._runner.check(None)
                self._changed.wait(timeout=_POLL)
            return self._free.pop() if self._free else None

    def close(self) -> None:
        """End them."""
        for hand in self._free:
            assert hand.stdin is not None
            with suppress(OSError):
                hand.stdin.close()
        end = time.monotonic() + _POLL
        while any(hand.poll() is None for hand in self._free) and time.monotonic() < end:
            time.sleep(_MOMENT)
        self._stack.close()


def _argv() -> list[str]:
    """Return what starts the program, which needs nothing but Python."""
    # What the environment, which it does not read, would tell it of bytecode.
    bytecode = [f"-Xpycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    bytecode += ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable or "python3", "-I", "-S", *bytecode, str(program.__file__)]


def _asked(hand: Talker, order: tuple[str, KeptOrder | PackOrder], check: Callable[[], None]) -> Answer:
    from git_hybrid.git.receiving import reader, writer

    assert hand.stdin is not None
    assert hand.stdout is not None
    told = marshal.dumps(order)
    # Not into the buffer of the pipe, which would have to be written out once more when it is closed.
    writer(hand.stdin.fileno(), check)(len(told).to_bytes(_FRAME) + told)
    read, data = reader(hand.stdout.fileno(), check), b""
    while len(data) < _FRAME or len(data) < _FRAME + int.from_bytes(data[:_FRAME]):
        piece = read()
        if not piece:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE), sys.executable)
        data += piece
    # From a process of our own, through a pipe that nobody else has.
    answer: Answer = marshal.loads(data[_FRAME:])  # noqa: S302
    return answer
