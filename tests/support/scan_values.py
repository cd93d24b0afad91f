"""Ordinary values about scans, so that a test names only what it is about."""

from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Scanner
from git_hybrid.core.scanners import spec_digest, spec_of
from git_hybrid.core.scans import Finding, status_of
from git_hybrid.core.state import ScannerRecord, ScanState, ScanStatus, Severity
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


def a_scan(*records: ScannerRecord, findings: tuple[Finding, ...] = (), commit: Oid | None = None) -> ScanStatus:
    """Return the status after *records* (by default one clean scan of oid(1))."""
    said = records or (a_record(state="findings" if findings else "clean"),)
    return status_of(said, findings, commit=commit or oid(1), tree=oid(0x77), report_sha256="a" * 64)
