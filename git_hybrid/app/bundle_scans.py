"""Scans of two sides: what is known here of a commit that a bundle brings, and which of its results count."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scanning import with_places
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import BundleContent
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.scan_policy import elsewhere, recorded_scan
from git_hybrid.core.scans import scan_detail, takes_back
from git_hybrid.core.state import ScanStatus, SourceState
from git_hybrid.core.value import replace


def known_scans(rt: Runtime, snapshot: Snapshot, pin: Pin) -> tuple[ScanStatus, ...]:
    """Return what scans on this side said of the commit of *pin*, which a bundle brings."""
    if snapshot.manifest.policy.scan_block_on == "none":
        return ()
    here = snapshot.lock.pins.get(pin.source)
    moves = here is None or here.commit != pin.commit
    own = recorded_scan(snapshot, pin.source, pin)
    others = (item.scan for item in elsewhere(snapshot, pin, own))
    found = (own, rt.scans.history.known_scan(pin.commit, pin.tree) if moves else None, *others)
    return tuple(with_places(snapshot, scan) for scan in found if scan is not None)


def take_scans(rt: Runtime, content: BundleContent) -> dict[SourceName, str | None]:
    """Record how the other side scanned the commits that are installed now.

    Returns the digests of its reports of what state tells as it does now.
    A result of this side gives way only to a newer one that takes nothing of it back, and one that its own log does not
    tell of is none.
    """
    snapshot = rt.ledger.snapshot()
    entries: dict[SourceName, SourceState] = {}
    for name, entry in snapshot.state.sources.items():
        theirs = None if name in content.scan_trail.unproved else content.state.sources.get(name)
        if theirs is not None and theirs.scan.commit == entry.commit and _counts(theirs.scan, snapshot, entry):
            entries[name] = replace(entry, scan=theirs.scan)
    if entries:
        events = [
            Event(
                event="bundle-scan",
                source=name,
                after=entry.commit,
                detail={**scan_detail(entry.scan), "bundle": content.sha256},
            )
            for name, entry in sorted(entries.items())
        ]
        pending = snapshot.unfinished.tasks if snapshot.unfinished is not None else ()
        rt.ledger.record(rt.info, Decision(events=events, entries=entries), pending)
    brought = {name: entry.scan for name, entry in content.state.sources.items() if entry.scan.scanned_at is not None}
    now = {name: entry.scan for name, entry in {**snapshot.state.sources, **entries}.items()}
    return {name: scan.report_sha256 for name, scan in now.items() if scan == brought.get(name)}


def _counts(theirs: ScanStatus, snapshot: Snapshot, entry: SourceState) -> bool:
    if theirs.scanned_at is None:
        return False
    told = snapshot.scan_trail.told.get(entry.name)
    for ours in (entry.scan, told):
        if ours is None or ours.commit != entry.commit or ours.scanned_at is None:
            continue
        if ours.scanned_at >= theirs.scanned_at or takes_back(theirs, ours):
            return False
    return True
