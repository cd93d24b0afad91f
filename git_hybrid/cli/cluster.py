"""``--executor``: hand errands to a ``concurrent.futures`` executor, that of a Dask cluster above all.

Dask is imported when a cluster is asked for, and nowhere else.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from git_hybrid import __version__
from git_hybrid.cli.errand import Unfit, carry_out
from git_hybrid.core.errors import BadArgument, ClusterMismatch, ClusterUnreachable, ExecutorMissing, HybridError
from git_hybrid.core.errors import WorkerLost as Lost
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.value import Struct

R = TypeVar("R")
_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_POLL = 0.2
_ANSWER = 10.0
"""Seconds in which the scheduler must answer, and in which a first worker must be there."""
_WITHOUT_WORKERS = 60.0
"""Seconds after which a cluster whose last worker went away is given up."""
_TRIES = 2


class Crew:
    """The workers of a cluster; ``unfit`` are the addresses of those that could not do what they were handed."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.unfit: frozenset[str] = frozenset()

    def usable(self) -> frozenset[str]:
        """Return the addresses of the others that are there."""
        is_running = self._client.status == "running"
        workers = self._client.scheduler_info(n_workers=-1)["workers"] if is_running else ()
        return frozenset(workers) - self.unfit

    def without(self, worker: str) -> frozenset[str]:
        """Return them once *worker* is left out, or where it is not known, each without this version of the program."""
        self.unfit |= {worker} if worker else self._of_other_versions()
        return self.usable()

    def _of_other_versions(self) -> frozenset[str]:
        with suppress(OSError):
            told = self._client.get_versions(packages=["git_hybrid"])["workers"]
            found = {address: item["packages"].get("git_hybrid") for address, item in told.items()}
            return frozenset(address for address, version in found.items() if version != __version__)
        return frozenset()


class _Handed(Struct, frozen=True):
    """Which errand a future stands for, and the workers that alone may do it; none if all may."""

    at: int
    to: frozenset[str] = frozenset()


class Pool:
    """The spread of :mod:`git_hybrid.core.ports_spread` over an executor; *trouble* says why it works no more.

    With a *crew* what one worker could not do is handed to the others, and to nobody else.
    """

    def __init__(
        self, executor: Executor, *, root: str, trouble: Callable[[], str] = lambda: "", crew: Crew | None = None
    ) -> None:
        self._submit: Callable[..., Future[Any]] = executor.submit
        self._trouble = trouble
        self._crew = crew
        self.root = root
        self.version = __version__

    def run(
        self, work: Callable[..., R], errands: Sequence[Errand], *, cancelled: Callable[[], int]
    ) -> tuple[R | HybridError | None, ...]:
        """Return what *work* returned for each errand, or why not; None for what a signal stopped."""
        submit = partial(self._submit, carry_out, work)
        left = {submit(errand): _Handed(at) for at, errand in enumerate(errands)}
        settled: list[Any] = [None] * len(errands)
        why = ""
        while left and not cancelled() and not (why := self._trouble()):
            done, _ = wait(left, timeout=_POLL, return_when=FIRST_COMPLETED)
            ended = {future: _result(future) for future in done}
            for future in (*done, *self._stranded(left)):
                handed, result = left.pop(future), ended.get(future)
                if others := self._others(handed, result):
                    future.cancel()
                    left[submit(errands[handed.at], workers=sorted(others))] = _Handed(handed.at, others)
                else:
                    settled[handed.at] = _told(result)
        for future, handed in left.items():
            if future.done():
                settled[handed.at] = _told(_result(future))
            else:
                future.cancel()
                settled[handed.at] = None if cancelled() else Lost(name="", why=why)
        return tuple(settled)

    def _others(self, handed: _Handed, result: Any) -> frozenset[str]:
        """Return the workers that are to do what came back as *result*; none where it is done, or nobody is left."""
        if self._crew is None or not isinstance(result, Unfit | None):
            return frozenset()
        others = self._crew.without(result.worker) if result else self._crew.usable()
        # Where nobody that had it is left out now it would only fail again.
        return others if (handed.to or self._crew.unfit) - others else frozenset()

    def _stranded(self, left: Mapping[Future[Any], _Handed]) -> list[Future[Any]]:
        """Return those of *left* that were handed to workers none of which is there any more, while others are."""
        only = {future: handed.to for future, handed in left.items() if handed.to}
        usable = self._crew.usable() if self._crew and only else frozenset[str]()
        return [future for future, to in only.items() if usable and not (to & usable) and not future.done()]


def _told(result: Any) -> Any:
    return result.error if isinstance(result, Unfit) else result


def _result(future: Future[Any]) -> Any:
    if future.cancelled():
        return Lost(name="", why="the cluster dropped it")
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ImportError) or "deserializ" in str(error).lower():
        return Unfit("", ClusterMismatch(what=f"on a worker: {type(error).__name__}: {error}"[:300]))
    if isinstance(error, CancelledError | OSError) or type(error).__name__ == "KilledWorker":
        return Lost(name="", why=f"{type(error).__name__}: {error}"[:300])
    raise error


@contextmanager
def spread(text: str, *, root: str) -> Iterator[Pool]:
    """Yield what *text*, the value of ``--executor``, means.

    Raises:
        BadArgument: it is neither ``threads`` nor the address of a scheduler.
        ExecutorMissing: Dask is not installed.
        ClusterUnreachable: the scheduler does not answer, or has no worker.
        ClusterMismatch: workers or scheduler have other versions than this machine.
    """
    address = _address(text)
    try:
        distributed = import_module("distributed")
    except ModuleNotFoundError as error:
        raise ExecutorMissing(module=error.name or "distributed") from error
    with warnings.catch_warnings():
        # It warns of versions that differ in passing; those that matter are asked for below.
        warnings.simplefilter("ignore")
        client = _client(distributed, address, text)
    try:
        _versions(client)
        crew = Crew(client)
        executor = client.get_executor(pure=False, retries=_TRIES)
        yield Pool(executor, root=root, trouble=_Watch(crew, text, time.monotonic), crew=crew)
    finally:
        client.close(timeout=_ANSWER)


def _address(text: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(text)
        rest = (parts.path, parts.query, parts.fragment, parts.username)
        if parts.scheme in _SCHEMES and parts.hostname and parts.port and not any(rest):
            return f"{_SCHEMES[parts.scheme]}://{parts.netloc}"
    raise BadArgument(what="--executor", value=text, reason="must be threads, dask://HOST:PORT or dask+tls://HOST:PORT")


def _client(distributed: Any, address: str, text: str) -> Any:
    # What became of each source is told by its row; of a scheduler that goes away they log traces, on the terminal.
    for name in ("distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = distributed.Client(address, timeout=_ANSWER, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterUnreachable(address=text, why=f"{error}"[:300]) from error
    try:
        client.wait_for_workers(1, timeout=_ANSWER)
    except OSError as error:
        client.close(timeout=_ANSWER)
        raise ClusterUnreachable(address=text, why=f"it has no workers after {_ANSWER:.0f} s") from error
    return client


def _versions(client: Any) -> None:
    try:
        client.get_versions(check=True)
    except ValueError as error:
        raise ClusterMismatch(what=" ".join(str(error).split())[:500]) from error


class _Watch:
    """Says why the cluster works no more; a worker that goes away is made up for by the others."""

    def __init__(self, crew: Crew, text: str, clock: Callable[[], float]) -> None:
        self._crew = crew
        self._text = text
        self._clock = clock
        self._seen = clock()

    def __call__(self) -> str:
        """Return the reason, or "" while all is well."""
        now = self._clock()
        if self._crew.usable():
            self._seen = now
        if now - self._seen < _WITHOUT_WORKERS:
            return ""
        return f"{self._text} has had no worker for {_WITHOUT_WORKERS:.0f} s"
