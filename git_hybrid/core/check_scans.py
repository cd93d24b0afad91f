"""What the recorded scans of a workspace must satisfy. Pure; the hook and ``check scans`` share it.

It judges by the files alone: no scanner is asked for its version, since a hook must work where none is installed.
"""

from __future__ import annotations

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.lock import Pin
from git_hybrid.core.scan_policy import accepted_findings, blocked_by
from git_hybrid.core.scans import stale_reason, stale_words
from git_hybrid.core.state import ScanStatus

_FILE = "state/sources.json"


def check_scans(facts: Facts) -> tuple[Violation, ...]:
    """Return the pinned sources whose scan is missing, stale, an error, or has findings that policy blocks on.

    Without a scanner in the manifest nothing is asked for, and the one thing told is that.
    """
    if not facts.manifest.scanners:
        what, why = "no scanner is configured, so no scan is asked for", "nobody looks into what is vendored"
        mend = 'add to sources.toml: [[scanner]], then name = "secrets" and preset = "betterleaks"'
        return (Violation(file="sources.toml", entry="scanner", what=what, why=why, mend=mend, level="note"),)
    found: list[Violation] = []
    for name in sorted(set(facts.manifest.sources) & set(facts.lock.pins)):
        entry = facts.state.sources.get(name)
        scan = entry.scan if entry is not None else ScanStatus()
        told = _wrong(facts, facts.lock.pins[name], scan)
        if told is not None:
            what, why = told
            mend = f"git hybrid scan {name}" if entry is not None else f"git hybrid sync {name}"
            found.append(Violation(file=_FILE, entry=name, what=what, why=why, mend=mend))
    return tuple(found)


def _wrong(facts: Facts, pin: Pin, scan: ScanStatus) -> tuple[str, str] | None:
    """Return what is wrong with one scan and why it matters, or None."""
    if scan.state == "missing":
        return "was never scanned", "nobody knows what the pinned commit holds"
    reason = stale_reason(scan, facts.manifest, pinned=pin.commit, now=facts.clock)
    if reason is not None:
        return (
            f"its scan is stale: {stale_words(reason, scan, facts.clock)}",
            "an old scan knows no new rules",
        )
    if scan.state == "error":
        reasons = [f"{record.name}: {record.reason}" for record in scan.scanners if record.state == "error"]
        return (
            f"its scan is incomplete{': ' if reasons else ''}{'; '.join(reasons)}",
            "an incomplete scan proves nothing",
        )
    accepted = accepted_findings(facts.overrides, facts.trail, facts.clock, pin)
    blocked = blocked_by(scan, pin.source, facts.manifest.policy.scan_block_on, accepted)
    if blocked is None:
        return None
    return (
        f"has {blocked.counted} at or above {blocked.level}",
        "[policy] scan_block_on forbids them without an override",
    )
