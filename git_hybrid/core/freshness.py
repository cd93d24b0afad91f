"""Whether a mirror is fresh enough to pin from. Pure."""

from __future__ import annotations

from datetime import datetime

from git_hybrid.core.endpoints import Endpoint
from git_hybrid.core.errors import StaleMirror
from git_hybrid.core.manifest import Policy, Source
from git_hybrid.core.mirrors import Inventory, age, serving, update_target
from git_hybrid.core.values import format_age


def stale(
    inventory: Inventory, policy: Policy, source: Source, endpoint: Endpoint, now: datetime
) -> StaleMirror | None:
    """Return why *source* may not be pinned from *endpoint*, or None if it may.

    Of a mirror that is not in the inventory nothing is known, so nothing is refused: ``check mirrors`` tells of it.
    """
    mirror = None if endpoint.base is None else serving(inventory, endpoint.url, source.url, source.name)
    if mirror is None:
        return None
    old = age(mirror, source.name, now)
    if old <= policy.mirror_max_staleness:
        return None
    limit = format_age(policy.mirror_max_staleness)
    told = {"url": endpoint.url, "target": update_target(mirror)}
    return StaleMirror(name=source.name, mirror=mirror.name, age=format_age(old), limit=limit, **told)
