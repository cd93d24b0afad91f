"""Which objects may fail git's fsck: every run that fetches asks, and few have an override for that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from git_hybrid.core.governance import governed
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import Snapshot

if TYPE_CHECKING:
    from git_hybrid.app.force import Forced


def waivers(
    snapshot: Snapshot, name: SourceName | None = None, forced: Forced | None = None
) -> dict[SourceName, Sequence[Oid]]:
    """Return by source the objects that may fail git's fsck, as the overrides in force say that the pins rest on.

    A source that an override was ever made so for is there also if none of its objects may any more. For a pin of
    *name* that is *forced*, what the command line says takes their place.
    """
    found: dict[SourceName, Sequence[Oid]] = {
        record.source: () for record in snapshot.overrides.records.values() if record.waived
    }
    if name is not None and forced is not None:
        return {name: forced.waived} if forced.waived or name in found else {}
    for source in found.keys() & snapshot.lock.pins.keys():
        pin = snapshot.lock.pins[source]
        if pin.override is not None and governed(pin, snapshot.approvals) is None:
            found[source] = snapshot.overrides.records[pin.override].waived
    return found
