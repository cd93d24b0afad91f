"""Tell whether content that is not what the lock names is upstream's fault, or the lock's."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import WrongContent
from git_hybrid.core.lock import Pin


def wrong_content(rt: Runtime, pin: Pin, *, what: str, expected: str, found: str) -> WrongContent:
    """Return the error for *found*, which is not what the lock has for *pin*.

    Where the audit log has something else for that commit too, the lock was edited.
    """
    told = [last for last in rt.ledger.last_pins(pin.source, pin.url) if last.commit == pin.commit]
    edited = bool(told) and all(expected not in (last.tree, last.content_sha256) for last in told)
    return WrongContent(name=pin.source, what=what, expected=expected, found=found, edited=edited)
