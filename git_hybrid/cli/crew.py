"""The workers of a cluster, asked for so that a scheduler that does not answer keeps nobody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from git_hybrid import __version__
from git_hybrid.core.errors import ClusterLost, Interrupted
from git_hybrid.threads import Worker

R = TypeVar("R")
POLL = 0.2
ANSWER = 10.0
"""Seconds in which the scheduler must answer at the start, and in which a first worker must be there."""
_WITHOUT_WORKERS = 60.0
"""Seconds after which a cluster whose last worker went away, or whose scheduler is silent, is given up."""


class Silent(TimeoutError):
    """The scheduler did not answer in time."""


def answered(question: Callable[[], R], cancelled: Callable[[], int], seconds: float = ANSWER) -> R:
    """Return the answer to *question*, a call of Dask's client, which may know no limit of time.

    Raises:
        Silent: none came in *seconds*.
        Interrupted: a signal came while waiting.
    """
    future, end = _asked(question), time.monotonic() + seconds
    while not future.done():
        if number := cancelled():
            raise Interrupted(signal=number)
        if time.monotonic() > end:
            raise Silent(f"its scheduler does not answer: nothing came in {seconds:.0f} s")
        wait([future], timeout=POLL)
    return future.result()


def _asked(question: Callable[[], R]) -> Future[R]:
    """Ask in a thread of its own, whose end nobody waits for."""
    future: Future[R] = Future()
    Worker(partial(_answer, future, question), awaited=False)
    return future


def _answer(future: Future[R], question: Callable[[], R]) -> None:
    with _Told(future):
        future.set_result(question())


class _Told:
    """What is raised in its block is for whoever waits for the answer."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


class Crew:
    """The workers of a cluster; ``unfit`` are the addresses of those that could not do what they were handed.

    ``answers`` tells whether the scheduler does.
    """

    def __init__(self, client: Any, cancelled: Callable[[], int] = lambda: 0) -> None:
        self._client, self._cancelled = client, cancelled
        self._question: Future[Any] | None = None
        self._workers = frozenset[str]()
        self.unfit: frozenset[str] = frozenset()
        self.answers = True

    @property
    def is_connected(self) -> bool:
        """Whether the scheduler is there; with the connection to it all that was handed to it is lost."""
        return bool(self._client.status == "running")

    def usable(self) -> frozenset[str]:
        """Return the addresses of the others that are there, by what the scheduler said last."""
        if not self.is_connected:
            return frozenset()
        if self._question is None:
            self._question = _asked(partial(self._client.scheduler_info, n_workers=-1))
        wait([self._question], timeout=POLL)
        self.answers = self._question.done()
        if self.answers:
            if self._question.exception() is None:
                self._workers = frozenset(self._question.result()["workers"])
            self._question = None
        return self._workers - self.unfit

    def without(self, worker: str) -> frozenset[str]:
        """Return them once *worker* is left out, or where it is not known, each without this version of the program."""
        self.unfit |= {worker} if worker else self._of_other_versions()
        return self.usable()

    def _of_other_versions(self) -> frozenset[str]:
        with suppress(OSError, Interrupted):
            told = answered(partial(self._client.get_versions, packages=["git_hybrid"]), self._cancelled)["workers"]
            found = {address: item["packages"].get("git_hybrid") for address, item in told.items()}
            return frozenset(address for address, version in found.items() if version != __version__)
        return frozenset()


class Watch:
    """Says why the cluster works no more; a worker that goes away is made up for by the others.

    *text* is the value of ``--executor``, *again* the command that was typed.
    """

    def __init__(self, crew: Crew, text: str, again: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._crew, self._text, self._again = crew, text, again
        self._clock = clock
        self._seen = clock()

    def __call__(self) -> ClusterLost | None:
        """Return the reason, or None while all is well."""
        if not self._crew.is_connected:
            return self._lost("its scheduler went away")
        now = self._clock()
        if self._crew.usable() and self._crew.answers:
            self._seen = now
        if now - self._seen < _WITHOUT_WORKERS:
            return None
        what = "it has had no worker" if self._crew.answers else "its scheduler has not answered"
        return self._lost(f"{what} for {_WITHOUT_WORKERS:.0f} s")

    def _lost(self, why: str) -> ClusterLost:
        return ClusterLost(address=self._text, why=why, again=self._again)
