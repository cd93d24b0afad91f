"""What an SBOM tells of the pinned sources, as values. Pure; the view writes it down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from git_hybrid.core.errors import NoPin
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.lock import Pin, is_valid, no_pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import IN_FORCE, phase
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.scans import stale_reason
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_time


class Component(Struct, frozen=True, kw_only=True):
    """One pinned source; ``facts`` are what is known of its pin besides, by name, each with one value or several."""

    pin: Pin
    version: str
    facts: Mapping[str, Sequence[str]]


def component(snapshot: Snapshot, source: Source, now: datetime) -> Component | NoPin:
    """Return what is told of *source*, or the error that says that it has no pin that the manifest asks for.

    Everything comes from the records, so that it is the same on every machine; a pin that policy refuses is told too,
    since it is what was built from.
    """
    pin = snapshot.lock.pins.get(source.name)
    if pin is None or not is_valid(pin, source):
        return no_pin(source, pin, lost=source.name in snapshot.state.sources)
    tagged = pin.ref.startswith("refs/tags/")
    facts: dict[str, Sequence[str]] = {
        "commit": [pin.commit],
        "tree": [pin.tree],
        "ref": [pin.ref],
        "reachable-from": [pin.reachable_from],
        "content-sha256": [pin.content_sha256],
        "commit-time": [format_time(pin.commit_time)],
        "first-seen": [format_time(pin.first_seen)],
        "root-commit": pin.root_commits,
        "group": source.groups,
        "submodules": ["true"] if source.submodules else [],
        **_scan_facts(snapshot, source.name, pin, now),
        **_override_facts(snapshot, pin, now),
    }
    return Component(pin=pin, version=short_ref(pin.ref) if tagged else pin.commit, facts=facts)


def _scan_facts(snapshot: Snapshot, name: SourceName, pin: Pin, now: datetime) -> dict[str, Sequence[str]]:
    recorded = snapshot.state.sources.get(name)
    scan = recorded.scan if recorded else ScanStatus()
    if scan.scanned_at is None or scan.commit != pin.commit:
        return {"scan": ["missing"]}
    stale = stale_reason(scan, snapshot.manifest, name, pinned=pin.commit, now=now)
    return {"scan": ["stale" if stale else scan.state], "scanned-at": [format_time(scan.scanned_at)]}


def _override_facts(snapshot: Snapshot, pin: Pin, now: datetime) -> dict[str, Sequence[str]]:
    override = snapshot.overrides.records.get(pin.override or "")
    if override is None:
        return {"override": [pin.override] if pin.override else []}
    return {
        "override": [override.id],
        "override-request": [override.request_id],
        "override-expires": [format_time(override.expires_at)],
        # One that was revoked has its time of expiry still, by which it would look as if it were in force.
        "override-status": ["active" if (word := phase(override, now)) in IN_FORCE else word],
        "override-closed-at": [] if override.closed_at is None else [format_time(override.closed_at)],
    }
