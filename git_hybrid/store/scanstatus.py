"""``scan_status`` of a state entry, between its shape and its value."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, to_builtins

from git_hybrid.core.errors import Problem
from git_hybrid.core.ids import parse_oid
from git_hybrid.core.state import FindingRef, ScannerRecord, ScanStatus
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.store.parsing import checked, shaped
from git_hybrid.store.wire import CountsShape, FindingShape, ScannerRecordShape, ScanShape


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
    counts = None if scan.counts is None else shaped(dict(scan.counts), CountsShape)
    shape = ScanShape(
        state=scan.state,
        scanner=scan.scanner,
        scanner_version=scan.scanner_version,
        commit_sha=scan.commit,
        scanned_at=None if scan.scanned_at is None else format_time(scan.scanned_at),
        counts=counts,
        tree=scan.tree or UNSET,
        rules_digest=scan.rules_digest or UNSET,
        report_sha256=scan.report_sha256 or UNSET,
        scanners=[_record_shape(record) for record in scan.scanners] or UNSET,
        findings=[_finding_shape(item) for item in scan.findings] or UNSET,
    )
    plain: dict[str, Any] = to_builtins(shape)
    return plain


def _record_shape(record: ScannerRecord) -> ScannerRecordShape:
    assert record.state != "missing"
    return ScannerRecordShape(
        name=record.name,
        state=record.state,
        version=record.version,
        config_digest=record.config_digest,
        rules_digest=record.rules_digest,
        scanned_at=format_time(record.scanned_at),
        reason=record.reason,
    )


def _finding_shape(item: FindingRef) -> FindingShape:
    return FindingShape(id=item.id, level=item.level, scanner=item.scanner, rule=item.rule, path=item.path)
