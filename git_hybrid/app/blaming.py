"""Tell whether what is not as the lock says is upstream's fault, or the lock's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import (
    HybridError,
    IdentityChanged,
    MovedTag,
    RefMissing,
    RewrittenHistory,
    Unreachable,
    WrongContent,
)
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone

ACCUSING = (MovedTag, IdentityChanged, Unreachable, RefMissing, RewrittenHistory)
"""What says of upstream that it is no longer as it was pinned."""


def wrong_content(rt: Runtime, pin: Pin, *, what: str, expected: str, found: str) -> WrongContent:
    """Return the error for *found*, which is not what the lock has for *pin*."""
    edited = is_edited(rt, pin)
    return WrongContent(name=pin.source, what=what, expected=expected, found=found, edited=edited)


def is_edited(rt: Runtime, pin: Pin) -> bool:
    """Tell whether the audit log has *pin* otherwise last: then a hand or a merge put it into the lock."""
    return pin.source in rt.ledger.misplaced({pin.source: pin})


def blamed(rt: Runtime, pin: Pin, error: HybridError) -> HybridError:
    """Return *error*, which accuses upstream of *pin*; where the lock was edited, one that says so."""
    if not is_edited(rt, pin):
        return error
    if isinstance(error, Unreachable):
        # That it is in no history is true all the same, and worse than another content.
        return error.of_edited_lock()
    told = [str(last.commit) for last in rt.ledger.last_pins(pin.source, pin.url)]
    found = "the same commit with another entry" if pin.commit in told else " or ".join(dict.fromkeys(told))
    found = f"{found}, as the audit log has it"
    return WrongContent(name=pin.source, what=pin.ref, expected=pin.commit, found=found, edited=True)


def owned(rt: Runtime, error: HybridError) -> HybridError:
    """Return *error*; one about a commit that somebody has made in the clone, and upstream has not, says so."""
    if isinstance(error, Unreachable) and not error.mirror:
        seen = rt.clones.inspect(SourceName(error.name), None)
        if isinstance(seen, Clone) and seen.head == error.commit != seen.installed:
            error.own = seen.branch or "BRANCH"
    return error


@contextmanager
def blaming(rt: Runtime, pin: Pin) -> Iterator[None]:
    """Let what the block says of upstream be said of the lock where that was edited.

    Raises:
        WrongContent: it was.
        HybridError: as the block raised it; an Unreachable learns of it.
    """
    try:
        yield
    except ACCUSING as error:
        if (told := blamed(rt, pin, error)) is error:
            raise
        raise told from error
