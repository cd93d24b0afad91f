"""What the recorded scans of a workspace must satisfy. Pure; the hook and ``check scans`` share it.

It judges by the files alone: no scanner is asked for its version, since a hook must work where none is installed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from git_hybrid.core.checks import Violation
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.scan_policy import blocked_by
from git_hybrid.core.scans import stale_reason, stale_words
from git_hybrid.core.state import ScanStatus, State

NO_SCANNER = "no scanner is configured in sources.toml, so no scan is asked for"
_FILE = "state/sources.json"


def check_scans(
    manifest: Manifest,
    lock: Lock,
    state: State,
    *,
    now: datetime,
    accepted: Mapping[SourceName, frozenset[str]] | None = None,
) -> tuple[Violation, ...]:
    """Return the pinned sources whose scan is missing, stale, an error, or has findings that policy blocks on.

    *accepted* holds by source the ids of the findings that an override in force accepts. Without a scanner in the
    manifest nothing is asked for (:data:`NO_SCANNER` says so).
    """
    if not manifest.scanners:
        return ()
    found: list[Violation] = []
    for name in sorted(set(manifest.sources) & set(lock.pins)):
        entry = state.sources.get(name)
        scan = entry.scan if entry is not None else ScanStatus()
        told = _wrong(manifest, lock.pins[name], scan, now, (accepted or {}).get(name, frozenset()))
        if told is not None:
            what, why = told
            mend = f"git hybrid scan {name}" if entry is not None else f"git hybrid sync {name}"
            found.append(Violation(file=_FILE, entry=name, what=what, why=why, mend=mend))
    return tuple(found)


def _wrong(
    manifest: Manifest, pin: Pin, scan: ScanStatus, now: datetime, accepted: frozenset[str]
) -> tuple[str, str] | None:
    """Return what is wrong with one scan and why it matters, or None."""
    if scan.state == "missing":
        return "was never scanned", "nobody knows what the pinned commit holds"
    reason = stale_reason(scan, manifest, pinned=pin.commit, now=now)
    if reason is not None:
        return f"its scan is stale: {stale_words(reason, scan, now)}", "an old scan says nothing about today's rules"
    if scan.state == "error":
        reasons = [f"{record.name}: {record.reason}" for record in scan.scanners if record.state == "error"]
        return (
            f"its scan is incomplete{': ' if reasons else ''}{'; '.join(reasons)}",
            "an incomplete scan proves nothing",
        )
    blocked = blocked_by(scan, pin.source, manifest.policy.scan_block_on, accepted)
    if blocked is None:
        return None
    return (
        f"has {blocked.counted} at or above {blocked.level}",
        "[policy] scan_block_on forbids them without an override",
    )
