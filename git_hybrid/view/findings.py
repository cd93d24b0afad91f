"""Violations as people read them, for ``check``, ``diag`` and the hooks. Imports nothing that is slow to import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import MOST_PROBLEMS
from git_hybrid.view.term import paint, safe


def violation_lines(found: Sequence[Violation], *, color: bool = False, most: int = MOST_PROBLEMS) -> list[str]:
    """Return three lines a violation: where and what, why it matters, what mends it.

    Of those that the same mends *most* are told, and how many more there are.
    """
    lines: list[str] = []
    alike = Counter(map(_kind, found))
    told = Counter[tuple[str, str, str]]()
    for item in found:
        told[_kind(item)] += 1
        if (number := told[_kind(item)]) > most:
            continue
        word = paint(item.level, "bad" if item.level == "fail" else "warn", color=color)
        lines.append(f"{word} {safe(item.file)}: {safe(item.entry)}: {safe(item.what)}")
        lines.append(f"  why:  {safe(item.why)}")
        lines.append(f"  mend: {safe(item.mend)}")
        if number == most and alike[_kind(item)] > most:
            lines.append(f"  and {alike[_kind(item)] - most} more that the same mends")
    return lines


def _kind(item: Violation) -> tuple[str, str, str]:
    return item.level, item.why, item.mend


def check_document(results: Mapping[str, Sequence[Violation]], *, exit_code: int) -> dict[str, Any]:
    """Return the results of checks as plain values."""
    checks = [
        {
            "name": name,
            "ok": not any(item.level == "fail" for item in found),
            "violations": [_plain(item) for item in found],
        }
        for name, found in results.items()
    ]
    return {"command": "check", "exit_code": exit_code, "checks": checks}


def _plain(item: Violation) -> dict[str, str]:
    told = {"file": item.file, "entry": item.entry, "what": item.what}
    return told | {"why": item.why, "mend": item.mend, "level": item.level}
