"""Which objects may fail git's fsck: every run that fetches asks, and few have an override for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import Snapshot

if TYPE_CHECKING:
    from git_hybrid.app.force import Forced


def waivers(
    snapshot: Snapshot, name: SourceName | None = None, forced: Forced | None = None
) -> dict[SourceName, Sequence[Oid]]:
    """Return by source the objects that may fail git's fsck, as the overrides say that the pins rest on.

    For a pin of *name* that is *forced*, what the command line says takes their place.
    """
    if name is not None and forced is not None:
        return {name: forced.waived}
    found: dict[SourceName, Sequence[Oid]] = {}
    for source, pin in snapshot.lock.pins.items():
        record = snapshot.overrides.records.get(pin.override or "")
        if record is not None and record.source == source and record.status == "active":
            found[source] = record.waived
    return found
