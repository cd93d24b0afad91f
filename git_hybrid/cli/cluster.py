"""``--executor``: hand errands to a ``concurrent.futures`` executor, that of a Dask cluster above all.

Dask is imported when a cluster is asked for, and nowhere else.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from git_hybrid import __version__
from git_hybrid.cli.errand import carry_out
from git_hybrid.core.errors import BadArgument, ClusterMismatch, ClusterUnreachable, ExecutorMissing, HybridError
from git_hybrid.core.errors import WorkerLost as Lost
from git_hybrid.core.ports_spread import Errand

R = TypeVar("R")
_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_POLL = 0.2
_ANSWER = 10.0
"""Seconds in which the scheduler must answer, and in which a first worker must be there."""
_WITHOUT_WORKERS = 60.0
"""Seconds after which a cluster whose last worker went away is given up."""
_TRIES = 2


class Pool:
    """The spread of :mod:`git_hybrid.core.ports_spread` over an executor; *trouble* says why it works no more."""

    def __init__(self, executor: Executor, *, root: str, trouble: Callable[[], str] = lambda: "") -> None:
        self._executor = executor
        self._trouble = trouble
        self.root = root
        self.version = __version__

    def run(
        self, work: Callable[..., R], errands: Sequence[Errand], *, cancelled: Callable[[], int]
    ) -> tuple[R | HybridError | None, ...]:
        """Return what *work* returned for each errand, or why not; None for what a signal stopped."""
        futures: list[Future[R]] = [self._executor.submit(carry_out, work, errand) for errand in errands]
        why = ""
        left = set(futures)
        while left and not cancelled() and not (why := self._trouble()):
            _, left = wait(left, timeout=_POLL, return_when=FIRST_COMPLETED)
        left = {future for future in left if not future.done()}
        for future in left:
            future.cancel()
        stopped = left if cancelled() else set()
        settled = [None if future in stopped else _result(future, why) for future in futures]
        return tuple(settled)


def _result(future: Future[Any], why: str) -> Any:
    if not future.done() or future.cancelled():
        return Lost(name="", why=why or "the cluster dropped it")
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, HybridError):
        return error
    if isinstance(error, ImportError) or "deserializ" in str(error).lower():
        return ClusterMismatch(what=f"{type(error).__name__}: {error}"[:300])
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
        yield Pool(
            client.get_executor(pure=False, retries=_TRIES), root=root, trouble=_Watch(client, text, time.monotonic)
        )
    finally:
        client.close(timeout=_ANSWER)


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        rest = (parts.path, parts.query, parts.fragment, parts.username)
        if parts.scheme in _SCHEMES and host and port and not any(rest):
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

    def __init__(self, client: Any, text: str, clock: Callable[[], float]) -> None:
        self._client = client
        self._text = text
        self._clock = clock
        self._seen = clock()

    def __call__(self) -> str:
        """Return the reason, or "" while all is well."""
        now = self._clock()
        if self._client.status == "running" and self._client.scheduler_info(n_workers=-1)["workers"]:
            self._seen = now
        if now - self._seen < _WITHOUT_WORKERS:
            return ""
        return f"{self._text} has had no worker for {_WITHOUT_WORKERS:.0f} s"
