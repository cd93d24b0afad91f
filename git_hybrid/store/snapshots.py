"""Everything that a run reads at its start, as one value."""

from __future__ import annotations

from datetime import datetime

from git_hybrid.core.approval import Verify, check_signatures
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.values import parse_time
from git_hybrid.store import reading, runs
from git_hybrid.store.layout import Layout, refuse_links
from git_hybrid.store.manifest import decode_manifest


def read_snapshot(layout: Layout, now: datetime, verify: Verify) -> Snapshot:
    """Return manifest, lock, state, overrides and what is unfinished; *verify* checks the signature of an approval.

    Raises:
        InvalidFile: one of the files is not in its format.
        NewerSchema: a newer version wrote one.
    """
    refuse_links(layout)
    manifest = decode_manifest(reading.manifest_text(layout).encode("utf-8"))
    refuse_links(layout, tuple(manifest.sources))
    unfinished = runs.read_unfinished(layout)
    trail, scan_trail = reading.trails(layout, now)
    lock, overrides = reading.lock(layout), reading.overrides(layout)
    clock = max(now, parse_time(str(trail.last["at"])) if trail.last else now)
    return Snapshot(
        manifest=manifest,
        lock=lock,
        state=reading.state(layout),
        overrides=overrides,
        mirrors=reading.mirrors(layout),
        trail=trail,
        scan_trail=scan_trail,
        signatures=check_signatures(manifest, lock, overrides, trail, clock, verify),
        clock=clock,
        unfinished=unfinished,
    )
