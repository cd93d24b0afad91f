"""Try again what may pass. The only import of tenacity, after a first failure: nothing else needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from git_hybrid.core.errors import DEADLINE, NetworkFailure
from git_hybrid.core.manifest import Retry
from git_hybrid.core.values import format_time

if TYPE_CHECKING:
    from tenacity import RetryCallState

T = TypeVar("T")
_FAR = 10 * 365 * 86400.0
"""Later than that, in seconds, is never."""


def with_retry(
    step: Callable[[], T],
    *,
    policy: Retry,
    sleep: Callable[[float], None],
    on_failure: Callable[[NetworkFailure, int, float | None], None],
) -> T:
    """Return what *step* returns, after as many tries as *policy* allows.

    Only a NetworkFailure is tried again, but no deadline, after an exponential delay with full jitter, or what
    ``Retry-After`` says; one that says more than the longest delay is not waited for. *on_failure* is told each, the
    number of the try and the delay, None at last.

    Raises:
        NetworkFailure: the last one, with the number of tries.
        HybridError: any other error of *step*, at once.
    """
    try:
        return step()
    except NetworkFailure as error:
        if not _may_pass(error, policy.maximum):
            on_failure(error, 1, None)
            raise
        first = error
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

    longest = policy.maximum
    jitter = wait_random_exponential(multiplier=policy.initial.total_seconds(), max=longest.total_seconds())

    def wait(state: RetryCallState) -> float:
        asked = getattr(_failure(state), "retry_after", None)
        return float(jitter(state) if asked is None else asked)

    def before_sleep(state: RetryCallState) -> None:
        if (failure := _failure(state)) is not None:
            on_failure(failure, state.attempt_number, state.upcoming_sleep)

    retrying = Retrying(
        stop=stop_after_attempt(policy.attempts),
        wait=wait,
        retry=retry_if_exception(lambda error: _may_pass(error, longest)),
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


def _may_pass(error: BaseException, longest: timedelta) -> bool:
    """Tell whether another try is worth it; where a server wants more than *longest* before it, note until when."""
    if not isinstance(error, NetworkFailure) or error.kind == DEADLINE:
        return False
    if error.retry_after is None or error.retry_after <= longest.total_seconds():
        return True
    error.until = format_time(datetime.now(UTC) + timedelta(seconds=min(error.retry_after, _FAR)))
    return False


def _failure(state: RetryCallState) -> NetworkFailure | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, NetworkFailure) else None
