"""Findings of ``diag`` as people read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from git_hybrid.core.diagnosis import LEVELS, Finding, plain_finding
from git_hybrid.core.words import counted
from git_hybrid.view.term import Style, fit, paint, safe

_STYLES: dict[str, Style] = {"ok": "good", "warn": "warn", "fail": "bad"}
_SHOWN = 5


def finding_lines(findings: Sequence[Finding], *, color: bool, verbose: bool) -> list[str]:
    """Return one line a finding, with its remedy below; of many alike ones the first five unless *verbose*."""
    areas = max((len(item.area) for item in findings), default=0)
    lines: list[str] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    totals = Counter((item.level, item.area, item.name) for item in findings)
    for item in findings:
        key = (item.level, item.area, item.name)
        seen[key] += 1
        if seen[key] > _SHOWN and not verbose:
            if seen[key] == _SHOWN + 1:
                lines.append(f"      {'':{areas}}  … and {totals[key] - _SHOWN} more like this (-v shows them)")
            continue
        word = paint(f"{item.level:4}", _STYLES[item.level], color=color)
        lines.append(f"{word}  {fit(item.area, areas)}  {safe(item.what)}")
        if item.remedy:
            lines.append(f"      {'':{areas}}  → {safe(item.remedy)}")
    return lines


def finding_summary(findings: Sequence[Finding]) -> str:
    """Return one sentence about all findings."""
    counts = Counter(item.level for item in findings)
    if counts["ok"] == len(findings):
        return f"nothing to mend: {counted(len(findings), 'thing')} looked at"
    return f"{counted(len(findings), 'thing')} looked at: " + ", ".join(
        f"{counts[level]:,} {level}" for level in LEVELS
    )


def diag_document(findings: Sequence[Finding], *, exit_code: int, scans: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return findings as plain values; *scans* is the cadence of scans, None where it could not be read."""
    told = [plain_finding(item) for item in findings]
    return {"command": "diag", "exit_code": exit_code, "findings": told, "scans": scans}
