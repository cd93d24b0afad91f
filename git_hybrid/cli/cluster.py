"""``--executor``: hand errands to a ``concurrent.futures`` executor, that of a Dask cluster above all.

Dask is imported when a cluster is asked for, and nowhere else.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlsplit

from git_hybrid import __version__
from git_hybrid.cli.crew import ANSWER, POLL, Crew, Silent, Watch, answered
from git_hybrid.cli.errand import Unfit, carry_out
from git_hybrid.cli.wiring import Session
from git_hybrid.core.errors import BadArgument, ClusterMismatch, ClusterUnreachable, ExecutorMissing, HybridError
from git_hybrid.core.errors import WorkerLost as Lost
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.value import Struct

R = TypeVar("R")
_SCHEMES = {"dask": "tcp", "dask+tls": "tls"}
_TRIES = 2
_DROPPED = "the cluster dropped it"


class _Handed(Struct, frozen=True):
    """Which errand a future stands for, and the workers that alone may do it; none if all may."""

    at: int
    to: frozenset[str] = frozenset()


class Pool:
    """The spread of :mod:`git_hybrid.core.ports_spread` over an executor; *trouble* says why it works no more.

    With a *crew* what one worker could not do is handed to the others, and to nobody else.
    """

    def __init__(
        self,
        executor: Executor,
        *,
        root: str,
        trouble: Callable[[], HybridError | None] = lambda: None,
        crew: Crew | None = None,
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
        lost: HybridError | None = None
        while left and not cancelled() and not (lost := self._trouble()):
            done, _ = wait(left, timeout=POLL, return_when=FIRST_COMPLETED)
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
                settled[handed.at] = None if cancelled() else lost
        return tuple(self._explained(result) for result in settled)

    def _explained(self, result: Any) -> Any:
        """Return *result*, or why the cluster works no more where that is why it was dropped."""
        is_dropped = isinstance(result, Lost) and result.why == _DROPPED
        return (is_dropped and self._trouble()) or result

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
        return Lost(name="", why=_DROPPED)
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, ImportError) or "deserializ" in str(error).lower():
        return Unfit("", ClusterMismatch(what=f"on a worker: {type(error).__name__}: {error}"[:300]))
    if isinstance(error, CancelledError | OSError) or type(error).__name__ == "KilledWorker":
        return Lost(name="", why=f"{type(error).__name__}: {error}"[:300])
    raise error


@contextmanager
def spread(text: str, session: Session) -> Iterator[Pool]:
    """Yield what *text*, the value of ``--executor``, means for the run of *session*.

    Raises:
        BadArgument: it is neither ``threads`` nor the address of a scheduler.
        ExecutorMissing: Dask is not installed.
        ClusterUnreachable: the scheduler does not answer, or has no worker.
        ClusterMismatch: workers or scheduler have other versions than this machine.
        Interrupted: a signal came while the scheduler was waited for.
    """
    address, cancelled = _address(text), session.runtime.cancelled
    try:
        distributed = import_module("distributed")
    except ModuleNotFoundError as error:
        raise ExecutorMissing(module=error.name or "distributed") from error
    with warnings.catch_warnings():
        # It warns of versions that differ in passing; those that matter are asked for below.
        warnings.simplefilter("ignore")
        client = _client(distributed, address, text, cancelled)
    try:
        _ready(client, text, cancelled)
        crew = Crew(client, cancelled)
        executor = client.get_executor(pure=False, retries=_TRIES)
        trouble = Watch(crew, text, session.runtime.info.command)
        yield Pool(executor, root=str(session.layout.root), trouble=trouble, crew=crew)
    finally:
        client.close(timeout=ANSWER)


def _address(text: str) -> str:
    with suppress(ValueError):
        parts = urlsplit(text)
        rest = (parts.path, parts.query, parts.fragment, parts.username)
        if parts.scheme in _SCHEMES and parts.hostname and parts.port and not any(rest):
            return f"{_SCHEMES[parts.scheme]}://{parts.netloc}"
    raise BadArgument(what="--executor", value=text, reason="must be threads, dask://HOST:PORT or dask+tls://HOST:PORT")


def _client(distributed: Any, address: str, text: str, cancelled: Callable[[], int]) -> Any:
    # What became of each source is told by its row; of a scheduler that goes away they log traces, on the terminal.
    for name in ("distributed.client", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    begun = partial(distributed.Client, address, timeout=ANSWER, set_as_default=False)
    try:
        return answered(begun, cancelled, 2 * ANSWER)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterUnreachable(address=text, why=f"{error}"[:300]) from error


def _ready(client: Any, text: str, cancelled: Callable[[], int]) -> None:
    """See that the cluster has a worker, and that all in it have the same versions."""
    try:
        answered(partial(client.wait_for_workers, 1, timeout=ANSWER), cancelled, 2 * ANSWER)
        answered(partial(client.get_versions, check=True), cancelled)
    except Silent as error:
        raise ClusterUnreachable(address=text, why=f"{error}") from error
    except OSError as error:
        raise ClusterUnreachable(address=text, why=f"it has no workers after {ANSWER:.0f} s") from error
    except ValueError as error:
        raise ClusterMismatch(what=" ".join(str(error).split())[:500]) from error
