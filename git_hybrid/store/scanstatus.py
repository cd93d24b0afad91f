"""``scan_status`` of a state entry, between its shape and its value."""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType, to_builtins

from git_hybrid.core.errors import Problem
from git_hybrid.core.ids import parse_oid
from git_hybrid.core.state import FindingRef, ScannerRecord, ScanStatus, plain_scan
from git_hybrid.core.values import parse_time
from git_hybrid.store.parsing import checked
from git_hybrid.store.wire import ScannerRecordShape, ScanShape

_MADE = ("tree", "rules_digest", "report_sha256", "scanners", "findings")
"""The keys of a scan that was made; those of one that is missing have nothing."""


def decode_scan(shape: ScanShape, place: str, problems: list[Problem]) -> ScanStatus:
    """Return what *shape* says, after adding what is wrong with it to *problems*."""
    commit = None if shape.commit_sha is None else checked(parse_oid, shape.commit_sha, f"{place}.commit_sha", problems)
    scanned_at = (
        None if shape.scanned_at is None else checked(parse_time, shape.scanned_at, f"{place}.scanned_at", problems)
    )
    tree = None if isinstance(shape.tree, UnsetType) else checked(parse_oid, shape.tree, f"{place}.tree", problems)
    if shape.state != "missing" and (commit is None or scanned_at is None):
        problems.append(Problem(place, f"says {shape.state!r} without commit_sha and scanned_at"))
    records = [_record(item, f"{place}.scanners[{at}]", problems) for at, item in enumerate(shape.scanners or ())]
    return ScanStatus(
        state=shape.state,
        scanner=shape.scanner,
        scanner_version=shape.scanner_version,
        commit=commit,
        scanned_at=scanned_at,
        counts=None if shape.counts is None else to_builtins(shape.counts),
        tree=tree,
        rules_digest=shape.rules_digest or None,
        report_sha256=shape.report_sha256 or None,
        scanners=tuple(record for record in records if record is not None),
        findings=tuple(FindingRef(**to_builtins(item)) for item in shape.findings or ()),
    )


def _record(shape: ScannerRecordShape, place: str, problems: list[Problem]) -> ScannerRecord | None:
    scanned_at = checked(parse_time, shape.scanned_at, f"{place}.scanned_at", problems)
    if scanned_at is None:
        return None
    return ScannerRecord(
        name=shape.name,
        state=shape.state,
        version=shape.version,
        config_digest=shape.config_digest,
        rules_digest=shape.rules_digest,
        scanned_at=scanned_at,
        reason=shape.reason,
    )


def encode_scan(scan: ScanStatus) -> dict[str, Any]:
    """Return *scan* as plain values: the keys of every status, and those of one that this version made."""
    plain: dict[str, Any] = plain_scan(scan)
    records = [{key: value for key, value in record.items() if value} for record in plain["scanners"]]
    return {key: value for key, value in plain.items() if key not in _MADE or value} | (
        {"scanners": records} if records else {}
    )
