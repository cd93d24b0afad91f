"""Pins that a plain ``pin`` leaves to the override that they rest on."""

from __future__ import annotations

from git_hybrid.app.bases import bases_of
from git_hybrid.app.evidence import Resolved, Wish
from git_hybrid.core.governance import governed, lifted
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Source
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.value import replace

_REPLACED = frozenset({"moved-tag", "rewritten-history", "identity-changed"})


def unless_held(snapshot: Snapshot, found: Resolved | Pin, source: Source, wish: Wish) -> Resolved | Pin:
    """Return *found*, or the old pin where a plain one may not take the place of its override.

    A pin that only the log has comes back with its override.

    Raises:
        OverrideEnded, OverrideUnrecorded, OverrideUnsigned: the override is not in force either.
    """
    if isinstance(found, Pin):
        return found
    before = wish.lost if found.old is None else (found.old,)
    held = next((old for old in before if _is_held(snapshot, old, found.pin, source)), None)
    if held is None:
        return found
    told = (snapshot.overrides, snapshot.trail, snapshot.clock, snapshot.doubt)
    if (ended := governed(held, *told, signed=snapshot.has_keys)) is not None:
        raise ended
    return found.old or replace(found, pin=replace(found.pin, override=held.override))


def _is_held(snapshot: Snapshot, old: Pin, new: Pin, source: Source) -> bool:
    """Tell whether *new* would make for good what only the override of *old* allows: upstream's own past is gone.

    A moved tag looks like any other once it is pinned. Who wants to stay with it says so in the manifest.
    Where upstream is again what was pinned before anything was forced, there is no exception.
    """
    if old.override is None or (old.commit, old.url, old.ref) != (new.commit, new.url, new.ref):
        return False
    is_back = any(base.why and base.pin.commit == new.commit for base in bases_of(snapshot, old))
    if isinstance(source.track, Commit) or is_back:
        return False
    told = lifted(old.override, old.source, snapshot.overrides, snapshot.trail)
    return told is None or bool(_REPLACED & set(told.lifts))
