"""Run one function over many sources: bounded threads, results in the order of the input, stoppable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

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


def _unless(cancelled: Callable[[], int], work: Callable[[T], R]) -> Callable[[T], R | None]:
    return lambda item: None if cancelled() else work(item)


def _wait(futures: Sequence[Future[R]]) -> None:
    from concurrent.futures import FIRST_COMPLETED, wait

    # Short waits let signal handlers run, which Python does between bytecodes of the main thread only.
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_POLL, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
