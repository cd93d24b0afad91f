"""What a scan did, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from git_hybrid.core.scan_report import Baseline, ScanReport
from git_hybrid.core.scans import Finding
from git_hybrid.core.state import ScanStatus
from git_hybrid.view.jsonout import Explain, report_document

LIMIT = 1000
"""So many findings of one source are in the document; all of them are in its report."""


def scan_document(
    scan: ScanReport, explain: Explain, encode: Callable[[ScanStatus], dict[str, Any]], *, exit_code: int
) -> dict[str, Any]:
    """Return *scan* as plain values: the rows of every report, and in each what was found.

    *encode* makes a status what state has of it.
    """
    document = report_document(scan.report, explain, exit_code=exit_code)
    for row in document["sources"]:
        name = row["name"]
        if name in scan.status:
            baseline, findings = scan.baselines.get(name), scan.findings[name]
            row["scan_status"] = encode(scan.status[name])
            row["report"] = f"state/scans/{name}.sarif"
            row["findings"] = [_finding(item, baseline) for item in findings[:LIMIT]]
            row["baseline"] = (
                None if baseline is None else {"commit": baseline.commit, "scanned": baseline.ids is not None}
            )
    return document


def _finding(item: Finding, baseline: Baseline | None) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": item.id,
        "level": item.level,
        "scanner": item.scanner,
        "rule": item.rule,
        "path": item.path,
        "line": item.line or None,
        "message": item.message,
    }
    return plain if baseline is None else plain | {"new": item.id not in (baseline.ids or ())}
