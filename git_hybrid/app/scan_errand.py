"""Scan the sources of one tree; on a worker, and where no clone has it, a commit that is fetched and proved for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from git_hybrid.app.acquire import acquire_pin, gate_pin
from git_hybrid.app.ending import of_source
from git_hybrid.app.permitting import require_host
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scanning import Scan, scan_commit, scanned_before
from git_hybrid.app.waiving import waivers
from git_hybrid.core.errors import HybridError, NotInstalled
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.state import State
from git_hybrid.core.value import replace


def scan_group(
    rt: Runtime, names: Sequence[SourceName], pins: Mapping[SourceName, Pin], look: Callable[[SourceName], Scan]
) -> dict[SourceName, Scan | HybridError]:
    """Return the scan of each of *names*, which have the same tree; *look* scans it for one of them."""
    result: dict[SourceName, Scan | HybridError] = {}
    first: Scan | None = None
    for name in names:
        rt.progress("start", name, "scan")
        try:
            with of_source(name):
                made = of_commit(first, pins[name]) if first is not None else look(name)
            first = first or made
            result[name] = made
        except HybridError as error:
            result[name] = error.about(name)
        item = result[name]
        rt.progress("done", name, item.status.state if isinstance(item, Scan) else item.code)
    return result


def of_commit(scan: Scan, pin: Pin) -> Scan:
    """Return *scan* as that of another commit with the same files."""
    return replace(scan, status=replace(scan.status, commit=pin.commit))


def fetched_scan(
    rt: Runtime, snapshot: Snapshot, name: SourceName, pin: Pin, *, borrow: bool, again: bool = False
) -> Scan:
    """Fetch *pin* into quarantine, prove it, scan it there, and drop it; with *borrow* the clone lends its objects.

    Raises:
        HybridError: what the servers answered, it is not what was pinned, or what a scan raises.
    """
    manifest = snapshot.manifest
    source = manifest.sources[name]
    require_host(manifest.policy, source)
    acquired = acquire_pin(rt, source, pin, manifest, borrow=borrow)
    try:
        gate_pin(rt, acquired.content, source, pin, manifest)
        made = scan_commit(rt, snapshot, name, acquired.content, pin.commit, pin.tree, fetch=True, again=again)
        return replace(made, fetched=True)
    finally:
        for stage in {acquired.history.path: acquired.history, acquired.content.path: acquired.content}.values():
            rt.quarantine.drop(stage)


def scan_here(rt: Runtime, snapshot: Snapshot, name: SourceName, pin: Pin, *, again: bool) -> Scan:
    """Scan *pin* out of the clone of *name*, or fetch it where that lacks it: a finding may keep it from being synced.

    Raises:
        HybridError: as :func:`fetched_scan`.
    """
    seen, stage = rt.clones.inspect(name, pin.commit), rt.clones.as_stage(name)
    # A treeless clone has every commit, and the files of its own alone.
    bare = snapshot.manifest.sources[name].history == "treeless"
    if isinstance(seen, Clone) and seen.has_pin and not (bare and not rt.objects.has_content(stage, pin.commit)):
        # What it lacks may be content of LFS, or a submodule.
        with suppress(NotInstalled):
            return scan_commit(rt, snapshot, name, stage, pin.commit, pin.tree, again=again)
    if not again and (known := scanned_before(rt, snapshot, name, pin.commit, pin.tree)) is not None:
        return known
    waiving = replace(rt, waived=waivers(snapshot))
    return fetched_scan(waiving, snapshot, name, pin, borrow=isinstance(seen, Clone), again=again)


def scan_fetched(rt: Runtime, errand: Errand) -> dict[SourceName, Scan | HybridError]:
    """Fetch, prove and scan what *errand* names, on a machine that has no clone of it."""
    manifest = errand.manifest
    snapshot = Snapshot(manifest=manifest, lock=Lock(pins=errand.pins), state=State())

    def look(name: SourceName) -> Scan:
        return fetched_scan(rt, snapshot, name, errand.pins[name], borrow=False)

    return scan_group(rt, errand.names, errand.pins, look)
