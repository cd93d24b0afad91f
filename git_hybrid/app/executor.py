"""Run one function over many sources: bounded threads, results in the order of the input, stoppable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest
from git_hybrid.openfiles import allow_many

if TYPE_CHECKING:
    from git_hybrid.threads import Worker

T = TypeVar("T")
R = TypeVar("R")
_POLL = 0.2
_LAST, _MOMENT = 0.5, 0.05
"""How long a thread may take to see that all is over, in seconds."""
_SCARCE = 5.0
"""The same of one that may wait for what another held, which died for lack of memory."""


def run_all(
    work: Callable[[T], R], items: Sequence[T], *, jobs: int, cancelled: Callable[[], int], own: bool = True
) -> tuple[R | None, ...]:
    """Return ``work(item)`` for each of *items*, in their order; None for those that a signal kept from starting.

    *work* turns its own failures into values; what it raises all the same ends the run. The threads live until the end,
    since a child process is killed together with the thread that started it. Not *own*: commands of the user's are
    run, which get the limit of open files that the user has from their first moment on.
    """
    if len(items) <= 1 or jobs == 1:
        return tuple(None if cancelled() else work(item) for item in items)
    if own:
        allow_many()
    done, results = _Done(), list[R | None]([None] * len(items))

    left = iter([*enumerate(items)])

    def take() -> None:
        with done:
            # Each takes what is next: the interpreter's lock is held for that.
            for at, item in left:
                if done.over or cancelled():
                    return
                results[at] = work(item)

    threads: list[Worker] = []
    try:
        _begin(take, min(jobs, len(items)), threads)
        for thread in threads:
            # Short waits let signal handlers run, which Python does between bytecodes of the main thread only.
            while thread.is_alive() and not done.lacks_memory:
                thread.join(_POLL)
        # What no thread has taken, since there was no room for any.
        take()
    finally:
        done.over = True
        _let_end(threads, lacks_memory=done.lacks_memory)
    if done.error is not None:
        raise done.error
    return tuple(results)


def run_to_end(
    rt: Runtime, manifest: Manifest, title: str, work: Callable[[T], R | None], items: Sequence[T]
) -> tuple[R, ...]:
    """Return what *work* makes of the items, in their order and without None; the progress calls it *title*.

    Raises:
        Interrupted: a signal came: what it kept from starting is not left out without a word.
    """
    rt.progress("begin", title, str(len(items)))
    results = run_all(work, items, jobs=rt.jobs or manifest.defaults.jobs, cancelled=rt.cancelled)
    rt.stop_if_cancelled()
    return tuple(result for result in results if result is not None)


def _begin(work: Callable[[], None], most: int, threads: list[Worker]) -> None:
    """Start as many threads as the system has room for: the work of all can be done by one."""
    # Not concurrent.futures: it imports logging, which costs as much as an update of one source.
    from git_hybrid.threads import Worker

    with suppress(RuntimeError, MemoryError):
        threads.extend(Worker(work) for _ in range(most))


def _let_end(threads: Sequence[Worker], *, lacks_memory: bool) -> None:
    """Wait a moment for *threads*: a second signal ends their children, and what they wrote on would be in the way.

    One that is longer about it than after a lack of memory is waited for no more, also at the end of the process.
    """
    end = time.monotonic() + (_SCARCE if lacks_memory else _LAST)
    for thread in threads:
        while thread.is_alive() and time.monotonic() < end:
            thread.join(_MOMENT)
        if lacks_memory:
            thread.forget()


class _Done:
    """Whether the work is over; what is raised in its block ends it, and is for the thread that waits."""

    def __init__(self) -> None:
        self.over = False
        self.error: BaseException | None = None

    def __enter__(self) -> None: ...

    @property
    def lacks_memory(self) -> bool:
        """Whether a thread ended for lack of memory: Python keeps the lock of a module that it was about to import."""
        return isinstance(self.error, MemoryError | ImportError | SystemError)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None:
            self.over, self.error = True, error
        return error is not None


def run_slowest_first(
    work: Callable[[T], R], items: Sequence[T], *, rt: Runtime, jobs: int, name: Callable[[T], SourceName], kind: str
) -> tuple[R | None, ...]:
    """Do as :func:`run_all` does, beginning with what took longest last time: nothing long is left for the end.

    *kind* tells durations of one kind of work from those of another.
    """
    known = rt.durations.known(kind) if len(items) > jobs else {}
    order = sorted(range(len(items)), key=lambda at: -known.get(name(items[at]), 0.0))
    took: dict[SourceName, float] = {}

    def timed(at: int) -> R:
        begun = time.monotonic()
        try:
            return work(items[at])
        finally:
            took[name(items[at])] = time.monotonic() - begun

    done = dict(zip(order, run_all(timed, order, jobs=jobs, cancelled=rt.cancelled), strict=True))
    if len(items) > jobs:
        rt.durations.keep(kind, took)
    return tuple(done[at] for at in range(len(items)))
