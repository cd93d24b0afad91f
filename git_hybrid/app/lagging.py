"""Tell what a mirror lists that merely is behind from what upstream would not list any more."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import BadArgument, HybridError, RefMissing
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Commit, Source
from git_hybrid.core.plan import Clone
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.resolve import Candidate, asked_for, newest_allowed


def is_behind(rt: Runtime, source: Source, refs: RemoteRefs, pin: Pin | None, *, to: str | None = None) -> bool:
    """Tell whether *refs*, which a mirror lists, are surely older than *pin*, or lack *to* or the declared ref."""
    pinned = pin.ref if pin is not None and same_repository(pin.url, source.url) else ""
    if pinned.startswith("refs/tags/") and pinned not in refs.tips and not isinstance(source.track, Commit):
        return True
    try:
        newest = newest_allowed(source, refs) if to is None else asked_for(source, refs, to)
    except (RefMissing, BadArgument):
        return True
    except HybridError:
        return False
    return to is None and pin is not None and came_before(rt, source, newest, pin) is True


def came_before(rt: Runtime, source: Source, newest: Candidate, pin: Pin) -> bool | None:
    """Tell whether the tip *newest* of the pinned branch led to the commit that is pinned; None: the clone cannot tell.

    An override may have taken the pin off its branch, so of such a pin it is not told.
    """
    told = (pin.ref, pin.override) == (newest.ref, None) and isinstance(source.track, Branch)
    if not told or newest.commit is None or newest.commit == pin.commit or not same_repository(pin.url, source.url):
        return False
    clone, seen = rt.clones.as_stage(source.name), rt.clones.inspect(source.name, pin.commit)
    if not isinstance(seen, Clone) or not seen.has_pin:
        return None
    there = rt.objects.has_commit(clone, newest.commit)
    if there and rt.objects.is_ancestor(clone, newest.commit, pin.commit):
        return True
    # A clone with all that came before the pin would have it.
    is_known = seen.complete or (there and rt.objects.is_ancestor(clone, pin.commit, newest.commit))
    return False if is_known else None
