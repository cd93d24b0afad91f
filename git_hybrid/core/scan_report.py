"""What a scan returns: the rows of every report, and beside them what was found."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.report import Report
from git_hybrid.core.scans import Finding
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct


class Baseline(Struct, frozen=True, kw_only=True):
    """The pin before, and the ids that were found there; ``ids`` None where it could not be scanned."""

    commit: Oid | None
    ids: frozenset[str] | None


class ScanReport(Struct, frozen=True, kw_only=True):
    """What a scan did: the rows, and for each source what was found and what the pin before had of it."""

    report: Report
    status: Mapping[SourceName, ScanStatus]
    findings: Mapping[SourceName, tuple[Finding, ...]]
    baselines: Mapping[SourceName, Baseline]
