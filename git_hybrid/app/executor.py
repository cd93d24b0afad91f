"""Run one function over many sources: bounded threads, results in the order of the input, stoppable."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import SourceName

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")
R = TypeVar("R")
_POLL = 0.2


def run_all(
    work: Callable[[T], R], items: Sequence[T], *, jobs: int, cancelled: Callable[[], int]
) -> tuple[R | None, ...]:
    """Return ``work(item)`` for each of *items*, in their order; None for those that a signal kept from starting.

    *work* turns its own failures into values; what it raises all the same ends the run. The threads live until the end,
    since a child process is killed together with the thread that started it.
    """
    if not items:
        return ()
    if len(items) == 1 or jobs == 1:
        return tuple(None if cancelled() else work(item) for item in items)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(jobs, len(items)), thread_name_prefix="source") as pool:
        futures = [pool.submit(_unless(cancelled, work), item) for item in items]
        try:
            _wait(futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return tuple(future.result() for future in futures)


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


def _unless(cancelled: Callable[[], int], work: Callable[[T], R]) -> Callable[[T], R | None]:
    return lambda item: None if cancelled() else work(item)


def _wait(futures: Sequence[Future[R]]) -> None:
    from concurrent.futures import FIRST_EXCEPTION, wait

    # Short waits let signal handlers run, which Python does between bytecodes of the main thread only.
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_POLL, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()
