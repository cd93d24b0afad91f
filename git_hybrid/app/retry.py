"""Try again what may pass. The only import of tenacity, after a first failure: nothing else needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from git_hybrid.core.errors import LATE, NetworkFailure
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
    is_over: Callable[[], object] = lambda: False,
) -> T:
    """Return what *step* returns, after as many tries as *policy* allows, or until *is_over* says that it is in vain.

    Only a NetworkFailure is tried again, but no deadline, after an exponential delay with full jitter, and not before
    ``Retry-After`` says; one that says more than the longest delay is not waited for. *on_failure* is told each, the
    number of the try and the delay, None at last. A failure after no try, of a *step* that asked nobody, is no try and
    ends it.

    Raises:
        NetworkFailure: the last one, with the number of tries.
        HybridError: any other error of *step*, at once.
    """
    try:
        return step()
    except NetworkFailure as error:
        if not _may_pass(error, policy.maximum):
            if error.attempts:
                on_failure(error, 1, None)
            raise
        first = error
    return _again(first, step, policy, sleep, on_failure, is_over)


def _again(
    first: NetworkFailure,
    step: Callable[[], T],
    policy: Retry,
    sleep: Callable[[float], None],
    on_failure: Callable[[NetworkFailure, int, float | None], None],
    is_over: Callable[[], object],
) -> T:
    """Go on after the *first* failure; what tenacity counts as the first try is that."""
    from tenacity import Retrying, retry_if_exception, wait_random_exponential

    longest = policy.maximum
    jitter = wait_random_exponential(multiplier=policy.initial.total_seconds(), max=longest.total_seconds())

    def wait(state: RetryCallState) -> float:
        asked = getattr(_failure(state), "retry_after", None)
        # A moment that is over is no pause.
        return max(float(jitter(state)), asked or 0.0)

    def before_sleep(state: RetryCallState) -> None:
        if (failure := _failure(state)) is not None:
            on_failure(failure, state.attempt_number, state.upcoming_sleep)

    retrying = Retrying(
        stop=lambda state: state.attempt_number >= policy.attempts or bool(is_over()),
        wait=wait,
        retry=retry_if_exception(lambda error: _may_pass(error, longest)),
        sleep=sleep,
        before_sleep=before_sleep,
        reraise=True,
    )
    failures = list[NetworkFailure]()

    def counted() -> T:
        if not failures:
            failures.append(first)
            raise first
        try:
            return step()
        except NetworkFailure as error:
            if error.attempts:
                failures.append(error)
            raise

    try:
        return retrying(counted)
    except NetworkFailure:
        last, tries = failures[-1], len(failures)
        last.attempts = tries
        on_failure(last, tries, None)
        raise last from None


def _may_pass(error: BaseException, longest: timedelta) -> bool:
    """Tell whether another try is worth it; where a server wants more than *longest* before it, note until when."""
    if not isinstance(error, NetworkFailure) or error.kind in LATE or not error.attempts:
        return False
    if error.retry_after is None or error.retry_after <= longest.total_seconds():
        return True
    error.until = format_time(datetime.now(UTC) + timedelta(seconds=min(error.retry_after, _FAR)))
    return False


def _failure(state: RetryCallState) -> NetworkFailure | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, NetworkFailure) else None
