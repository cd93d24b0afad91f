"""What the audit log tells of scans, and whether state tells the same. Pure; ``check scans``, sync and scan share it.

State only repeats what a record of the log says: a result that no record bears out was written by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from git_hybrid.core.audit import Record, detail_of, previous
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Lock
from git_hybrid.core.scans import scan_detail
from git_hybrid.core.state import FindingRef, ScanStatus, ScanTrail, State
from git_hybrid.core.values import parse_time

SCANNED = frozenset({"scan", "bundle-scan"})
"""The audit events that tell how a commit was scanned, here or where a bundle comes from."""


def scan_trail_of(records: Sequence[Record], state: State, lock: Lock) -> ScanTrail:
    """Return what *records*, in the order of the log, tell of scans that *state* does not.

    A scan that kept a pin from moving is no result of the source, and stands in the log alone.
    """
    places: dict[tuple[str, str], list[int]] = {}
    for at, record in enumerate(records):
        if is_result(record):
            places.setdefault((str(record.get("source")), str(record.get("after"))), []).append(at)
    unproved = frozenset(
        name
        for name, entry in state.sources.items()
        if entry.scan.state != "missing"
        and not _stands(records, places.get((name, entry.scan.commit or ""), ()), entry.scan)
    )
    told: dict[str, ScanStatus] = {}
    for name, pin in lock.pins.items():
        known = state.sources.get(name)
        if name not in unproved and known is not None and known.scan.commit == pin.commit:
            continue
        said = [told_by(records[at], pin.commit) for at in places.get((name, pin.commit), ())]
        told[name] = next((scan for scan in reversed(said) if scan is not None), ScanStatus())
    return ScanTrail(unproved=unproved, told=told)


def is_result(record: Record) -> bool:
    """Tell whether *record* is of a scan that became the result of its source."""
    return record["event"] in SCANNED and "refused" not in detail_of(record)


def _stands(records: Sequence[Record], places: Sequence[int], scan: ScanStatus) -> bool:
    """Tell whether one of the records at *places* tells of *scan*, and none of them was made after that.

    Of two that a merge of branches brought together neither was made after the other.
    """
    last = next((at for at in reversed(places) if tells(records[at], scan)), None)
    if last is None:
        return False
    after = {str(records[last]["hash"])}
    for at in range(last + 1, places[-1] + 1):
        if not after.isdisjoint(previous(records[at])):
            after.add(str(records[at]["hash"]))
            if at in places:
                return False
    return True


def tells(record: Record, scan: ScanStatus) -> bool:
    """Tell whether *record*, which is about the same source and commit, says of the scan what *scan* says."""
    detail = detail_of(record)
    if "state" not in detail:
        # A bundle that an older version applied: its scans were recorded without their results.
        return True
    said: dict[str, Any] = dict(scan_detail(scan))
    if "scanned_at" not in detail:
        # An older version left out what follows from the scanners, and the digests of their entries.
        if scan.scanned_at != min((item.scanned_at for item in scan.scanners), default=None):
            return False
        del said["scanned_at"]
        said["scanners"] = [
            {key: value for key, value in item.items() if key != "config_digest"} for item in said["scanners"]
        ]
    return all(detail.get(key) == value for key, value in said.items())


def told_by(record: Record, commit: Oid) -> ScanStatus | None:
    """Return the scan that *record* tells of as one of *commit*, counts and names only; None if it tells no result."""
    detail: Mapping[str, Any] = detail_of(record)
    state = detail.get("state")
    if state not in ("clean", "findings", "error"):
        return None
    refs = [
        FindingRef(id=str(item["id"]), level=item["level"], scanner="", rule="", path="")
        for item in detail.get("findings") or ()
    ]
    at: datetime = parse_time(str(record["at"]))
    return ScanStatus(state=state, commit=commit, scanned_at=at, counts=detail.get("counts"), findings=tuple(refs))
