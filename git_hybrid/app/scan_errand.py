"""Scan the sources of one tree; on a worker, from a commit that it fetched and proved itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from git_hybrid.app.acquire import acquire_pin, gate_pin
from git_hybrid.app.ending import of_source
from git_hybrid.app.permitting import require_host
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scanning import Scan, scan_commit
from git_hybrid.core.errors import HybridError
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.plan import Snapshot
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


def scan_fetched(rt: Runtime, errand: Errand) -> dict[SourceName, Scan | HybridError]:
    """Fetch, prove and scan what *errand* names, on a machine that has no clone of it."""
    manifest = errand.manifest
    snapshot = Snapshot(manifest=manifest, lock=Lock(pins=errand.pins), state=State())

    def look(name: SourceName) -> Scan:
        source, pin = manifest.sources[name], errand.pins[name]
        require_host(manifest.policy, source)
        acquired = acquire_pin(rt, source, pin, manifest, borrow=False)
        gate_pin(rt, acquired.content, source, pin, manifest)
        try:
            return scan_commit(rt, snapshot, name, acquired.content, pin.commit, pin.tree, fetch=True)
        finally:
            for stage in {acquired.history.path: acquired.history, acquired.content.path: acquired.content}.values():
                rt.quarantine.drop(stage)

    return scan_group(rt, errand.names, errand.pins, look)
