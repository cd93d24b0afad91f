"""Try again what may pass. The only import of tenacity, after a first failure: nothing else needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from git_hybrid.core.errors import DEADLINE, NetworkFailure
from git_hybrid.core.manifest import Retry

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")


def with_retry(
    step: Callable[[], T],
    *,
    policy: Retry,
    sleep: Callable[[float], None],
    on_failure: Callable[[NetworkFailure, int, float | None], None],
) -> T:
    """Return what *step* returns, after as many tries as *policy* allows.

    Only a NetworkFailure is tried again, but no deadline, after an exponential delay with full jitter; ``Retry-After``
    is honoured up to the longest. *on_failure* is told each, the number of the try and the delay, None at last.

    Raises:
        NetworkFailure: the last one, with the number of tries.
        HybridError: any other error of *step*, at once.
    """
    try:
        return step()
    except NetworkFailure as error:
        if not _may_pass(error):
            on_failure(error, 1, None)
            raise
        first = error
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    maximum = policy.maximum.total_seconds()
    jitter = wait_random_exponential(multiplier=policy.initial.total_seconds(), max=maximum)

    def wait(state: RetryCallState) -> float:
        failure = _failure(state)
        asked = failure.retry_after if failure is not None else None
        return min(asked, maximum) if asked is not None else float(jitter(state))

    def before_sleep(state: RetryCallState) -> None:
        if (failure := _failure(state)) is not None:
            on_failure(failure, state.attempt_number, state.upcoming_sleep)

    retrying = Retrying(
        stop=stop_after_attempt(policy.attempts),
        wait=wait,
        retry=retry_if_exception(_may_pass),
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    tries = 0

    def counted() -> T:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise first
        return step()

    try:
        return retrying(counted)
    except NetworkFailure as error:
        error.attempts = tries
        on_failure(error, tries, None)
        raise


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, NetworkFailure) and error.kind != DEADLINE


def _failure(state: RetryCallState) -> NetworkFailure | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, NetworkFailure) else None
