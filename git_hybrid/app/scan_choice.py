"""Which sources a scan takes, and whether each can be scanned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.app.identities import identities
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.unpinned import unpinned
from git_hybrid.core.errors import HybridError, NotInstalled
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.scans import Identity, renewing, stale_reason
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age
from git_hybrid.core.words import some


def to_renew(
    rt: Runtime, snapshot: Snapshot, names: Sequence[SourceName]
) -> tuple[Snapshot, tuple[SourceName, ...], tuple[str, ...]]:
    """Return what a job is to judge by, the sources of *names* that it takes, and a note on those that it takes early.

    What it judges by asks for younger scans than policy does (:func:`git_hybrid.core.scans.renewing`), so that no
    older result stands in for a new one either.
    """
    known, judged = identities(rt, snapshot), replace(snapshot, manifest=renewing(snapshot.manifest))
    taken = tuple(name for name in names if not _is_fresh(rt, judged, name, known))
    early = [name for name in taken if _is_fresh(rt, snapshot, name, known)]
    age = format_age(snapshot.manifest.policy.scan_max_age)
    told = f"not stale yet, and renewed since half of scan_max_age ({age}) is over: {some(early)}"
    return judged, taken, (told,) if early else ()


def _is_fresh(rt: Runtime, snapshot: Snapshot, name: SourceName, known: Mapping[str, Identity]) -> bool:
    recorded, pin = snapshot.state.sources.get(name), snapshot.lock.pins.get(name)
    if recorded is None or pin is None or name in snapshot.scan_trail.unproved:
        return False
    why = stale_reason(recorded.scan, snapshot.manifest, name, pinned=pin.commit, now=rt.info.now, identities=known)
    return recorded.scan.state not in ("missing", "error") and not why


def pin_to_scan(rt: Runtime, snapshot: Snapshot, name: SourceName) -> Pin | HybridError:
    """Return the pin of *name*, or why it cannot be scanned: it has none, or was never installed.

    State has no place for a scan of what was never installed.
    """
    source, pin = snapshot.manifest.sources[name], snapshot.lock.pins.get(name)
    if pin is None or not is_valid(pin, source):
        return unpinned(rt, snapshot, source, pin)
    return pin if name in snapshot.state.sources else NotInstalled(name=name, commit=pin.commit)
