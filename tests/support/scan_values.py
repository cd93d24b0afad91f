"""Ordinary values about scans, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from git_hybrid.core.audit import Event, Line, Record, Segment, Tail, extend, tail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Scanner
from git_hybrid.core.override import Override, Trail, digest
from git_hybrid.core.scanners import spec_digest, spec_of
from git_hybrid.core.scans import Finding, status_of
from git_hybrid.core.state import ScannerRecord, ScanState, ScanStatus, Severity
from git_hybrid.core.value import replace
from support.values import NOW, oid

RULES = "sha256:" + "1" * 64
SECRETS = Scanner(name="secrets", preset="betterleaks")
WORKFLOWS = Scanner(name="workflows", preset="zizmor")


def a_record(
    scanner: Scanner = SECRETS,
    *,
    state: ScanState = "clean",
    version: str = "2.0.0",
    rules: str = RULES,
    age: timedelta = timedelta(0),
    reason: str = "",
) -> ScannerRecord:
    """Return what *scanner* said of a commit, *age* ago."""
    return ScannerRecord(
        name=scanner.name,
        state=state,
        version=version,
        config_digest=spec_digest(spec_of(scanner)),
        rules_digest=rules,
        scanned_at=NOW - age,
        reason=reason,
    )


def a_finding(number: int = 1, *, level: Severity = "high", scanner: str = "secrets", line: int = 3) -> Finding:
    """Return a finding whose id ends with *number*."""
    return Finding(
        id=f"{number:020x}",
        level=level,
        scanner=scanner,
        rule="a-rule",
        path=f"src/{number}.py",
        line=line,
        message="A secret",
    )


def a_log(*events: Event, after: Sequence[Record] = (), heads: tuple[str, ...] = ()) -> tuple[Record, ...]:
    """Return the records of *events* behind those of *after*, or behind *heads* where a branch left them."""
    tail = tail_of(after)
    tail = Tail(heads=heads or tail.heads, seq=tail.seq)
    return (*after, *extend(tail, events, at=NOW, operator="Ada", command_id="run", log_id="log"))


def segments(records: Sequence[Record]) -> tuple[Segment, ...]:
    """Return *records* as the one file of a log."""
    lines = [
        Line(number=at, size=1, sha256=f"{at:064x}", record=item, whole=True) for at, item in enumerate(records, 1)
    ]
    return (Segment(file="state/sources-audit.jsonl", lines=tuple(lines)),)


def accepting_override(
    name: SourceName, commit: Oid, findings: tuple[str, ...], **changes: Any
) -> tuple[Override, Trail]:
    """Return an override that accepts *findings* on the pin, and the trail that bears it out."""
    record = Override(
        id="ovr-1",
        kind="pin",
        source=name,
        request_id="CHG-1",
        reason="known",
        from_commit=None,
        to_commit=commit,
        requested_by="a",
        approvers=(),
        created_at=NOW,
        expires_at=NOW + timedelta(days=30),
        command_id="run",
        findings=findings,
        audit_hash="a" * 64,
    )
    record = replace(record, **changes)
    detail: dict[str, Json] = {"override": record.id, "override_sha256": digest(record)}
    told: dict[str, Json] = {"event": "override", "hash": record.audit_hash, "detail": detail}
    return record, Trail(latest={record.id: told})


def a_scan(*records: ScannerRecord, findings: tuple[Finding, ...] = (), commit: Oid | None = None) -> ScanStatus:
    """Return the status after *records* (by default one clean scan of oid(1))."""
    said = records or (a_record(state="findings" if findings else "clean"),)
    status = status_of(said, findings, commit=commit or oid(1), tree=oid(0x77))
    return replace(status, report_sha256="a" * 64)
