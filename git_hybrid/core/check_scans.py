"""What the recorded scans of a workspace must satisfy. Pure; the hook and ``check scans`` share it.

It judges by the files of the workspace alone: no scanner is asked for its version, since a hook must work where none is
installed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, records_of
from git_hybrid.core.checks import Facts, Violation, awaiting
from git_hybrid.core.files import MANIFEST, STATE
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import BRIEFEST
from git_hybrid.core.scan_policy import found_in
from git_hybrid.core.scan_trail import scan_trail_of
from git_hybrid.core.scanners import rules_digest, spec_of
from git_hybrid.core.scans import Identity, stale_reason, stale_words
from git_hybrid.core.state import ScanStatus, SourceState
from git_hybrid.core.words import BRING_BACK, LENGTHEN, typed


def check_scans(facts: Facts) -> tuple[Violation, ...]:
    """Return the pinned sources whose scan is missing, stale, an error, or has findings that policy blocks on.

    A scan that the audit log does not bear out is none. Without a scanner in the manifest none is asked for, which is
    told; what the last one found is refused all the same.
    """
    if not facts.manifest.scanners:
        what, why = "no scanner is configured, so no scan is asked for", "nobody looks into what is vendored"
        mend = 'add to sources.toml: [[scanner]], then name = "secrets" and preset = "betterleaks"'
        note = Violation(file=MANIFEST, entry="scanner", what=what, why=why, mend=mend, level="note")
        has_scan = any(entry.scan.state != "missing" for entry in facts.state.sources.values())
        return (note, *awaiting(facts, _refused(facts))) if has_scan else (note,)
    records = records_of(facts.log)
    unproved = scan_trail_of(records, facts.state, facts.lock).unproved
    found = [*_losses(facts, records, unproved)]
    for name in sorted(set(facts.manifest.sources) & set(facts.lock.pins)):
        pin, entry = facts.lock.pins[name], facts.state.sources.get(name)
        if name in unproved:
            what, why = "its scan is not what the audit log tells of it", "a result without its record proves nothing"
            mend = BRING_BACK if facts.trail.absent() else f"git hybrid scan {name}"
            told: Sequence[_Told] = ((what, why, mend),)
        else:
            told = _wrong(facts, pin, entry, unproved)
        found += (Violation(file=STATE, entry=name, what=what, why=why, mend=mend) for what, why, mend in told)
        if name in facts.foreign_reports:
            file, what = f"state/scans/{name}.sarif", "is not the report that state names by its SHA-256"
            mend = f"git checkout HEAD -- {file}, or git hybrid scan {name}"
            found.append(Violation(file=file, entry="report", what=what, why="it was edited by hand", mend=mend))
    return awaiting(facts, found)


def _losses(facts: Facts, records: Sequence[Record], unproved: Collection[str]) -> Iterator[Violation]:
    """Yield the scans that have lost findings, though nothing that is recorded of files and scanners has changed."""
    from git_hybrid.core.scan_losses import losses  # noqa: PLC0415

    known = {name: entry for name, entry in facts.state.sources.items() if name not in unproved}
    pinned = {name: entry.scan for name, entry in known.items() if name in facts.lock.pins}
    for name, loss in losses(records, pinned).items():
        if pinned[name].commit == facts.lock.pins[name].commit:
            why = "something else than files and rules decided, such as a variable in the env of a scanner"
            mend = f"git hybrid scan {name}"
            yield Violation(file=STATE, entry=name, what=f"its scan {loss.told}", why=why, mend=mend, level="warn")


def _refused(facts: Facts) -> Iterator[Violation]:
    """Yield the pins of which the last scan has findings that policy blocks on, as state or the log tells of it."""
    trail = scan_trail_of(records_of(facts.log), facts.state, facts.lock)
    for name in sorted(set(facts.manifest.sources) & set(facts.lock.pins)):
        pin, entry = facts.lock.pins[name], facts.state.sources.get(name)
        scan = trail.told.get(name, ScanStatus() if entry is None else entry.scan)
        for what, why, mend in _blocking(facts, pin, scan, trail.unproved):
            yield Violation(file=STATE, entry=name, what=what, why=why, mend=mend)


_Told = tuple[str, str, str]
_NEVER = "was never scanned", "nobody knows what the pinned commit holds"


def _wrong(facts: Facts, pin: Pin, entry: SourceState | None, unproved: Collection[str]) -> Sequence[_Told]:
    """Return what is wrong with one scan, each with why it matters and what mends it."""
    again, now = f"git hybrid scan {pin.source}", facts.now or facts.clock
    scan = ScanStatus() if entry is None else entry.scan
    if scan.state == "missing":
        never = (*_NEVER, again if entry is not None else f"git hybrid sync {pin.source}")
        # What another source, or an earlier scan, has found there no scan of this one takes away.
        return (*_blocking(facts, pin, scan, unproved), never)
    known = _identities(facts, scan)
    reason = stale_reason(scan, facts.manifest, pin.source, pinned=pin.commit, now=now, identities=known)
    if reason is not None:
        why = "an old scan knows no new rules"
        if reason == "age" and facts.manifest.policy.scan_max_age < BRIEFEST:
            why = "[policy] scan_max_age is below 1m, and hardly a scan is as young when it is looked at"
            again = f"{LENGTHEN}, then {again}"
        if reason == "clock":
            why = "the clock of whoever made it was wrong, so it would never grow old"
        if reason == "rules" and facts.unadded:
            again = f"git add -- {typed(*facts.unadded)}, then {again}"
        return ((f"its scan is stale: {stale_words(reason, scan, now)}", why, again),)
    if scan.state == "error":
        reasons = [f"{record.name}: {record.reason}" for record in scan.scanners if record.state == "error"]
        what = f"its scan is incomplete{': ' if reasons else ''}{'; '.join(reasons)}"
        return ((what, "an incomplete scan proves nothing", again),)
    return _blocking(facts, pin, scan, unproved)


def _blocking(facts: Facts, pin: Pin, scan: ScanStatus, unproved: Collection[str]) -> Sequence[_Told]:
    """Return the same of findings that policy blocks on; *scan* is the last one of the source."""
    own = scan if scan.commit == pin.commit else None
    blocked = found_in(pin, own, facts.approvals, facts.manifest, state=facts.state, unproved=unproved)
    if blocked is None:
        return ()
    what = f"has {blocked.counted} at or above {blocked.level}{blocked.former}"
    why = "[policy] scan_block_on forbids them without an override"
    return ((what, why, ", or ".join(filter(None, (blocked.accept, blocked.move)))),)


def _identities(facts: Facts, scan: ScanStatus) -> Mapping[str, Identity]:
    """Return the scanners whose files are known, each as if its version were still the one of *scan*."""
    versions = {record.name: record.version for record in scan.scanners}
    specs = [spec_of(scanner) for scanner in facts.manifest.scanners if scanner.name in facts.scanner_files]
    return {
        spec.name: Identity(
            version="",
            rules_digest=rules_digest(
                spec, versions.get(spec.name, "") if spec.version else "", facts.scanner_files[spec.name]
            ),
        )
        for spec in specs
    }
