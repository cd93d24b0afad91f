"""Violations as people read them, for ``check``, ``diag`` and the hooks. Imports nothing that is slow to import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import MOST_PROBLEMS
from git_hybrid.view.term import paint, safe

_MANY, _TOLD = 10, 3
_MARKS, _SHORTEST = ",.:;()'\"", 10
_Kind = tuple[str, str, str, str]


def violation_lines(
    found: Sequence[Violation], *, color: bool = False, most: int = MOST_PROBLEMS, each: str = ""
) -> list[str]:
    """Return three lines a violation: where and what, why it matters, what mends it.

    Of those that the same mends *most* are told, and how many more there are. Where one thing is wrong with many
    entries, each with a mend of its own, a few are told, and the command *each* that tells of all; empty tells all.
    """
    lines: list[str] = []
    alike, crowds = Counter(map(_kind, found)), Counter(map(_crowd, found) if each else ())
    told, shown = Counter[_Kind](), Counter[_Kind]()
    for item in found:
        kind, crowd = _kind(item), _crowd(item) if each else ("", "", "", "")
        told[kind] += 1
        shown[crowd] += 1
        is_crowd = crowds[crowd] > max(_MANY, alike[kind])
        if told[kind] > most or (is_crowd and shown[crowd] > _TOLD):
            continue
        word = paint(item.level, "bad" if item.level == "fail" else "warn", color=color)
        lines.append(f"{word} {safe(item.file)}: {safe(item.entry)}: {safe(item.what)}")
        lines.append(f"  why:  {safe(item.why)}")
        lines.append(f"  mend: {safe(item.mend)}")
        if is_crowd and shown[crowd] == _TOLD:
            lines.append(f"  and {crowds[crowd] - _TOLD:,} others alike: {safe(each)}")
        elif told[kind] == most and alike[kind] > most:
            lines.append(f"  and {alike[kind] - most} more that the same mends")
    return lines


def _kind(item: Violation) -> _Kind:
    return item.level, "", item.why, item.mend


def _crowd(item: Violation) -> _Kind:
    """Return what is alike in violations of several entries: all but the names of the entry, and of commits."""
    own = {word.strip(_MARKS).removeprefix("source.") for word in item.entry.split()}

    def general(text: str) -> str:
        bare = (word.strip(_MARKS) for word in text.split())
        return " ".join("*" if word in own or _is_commit(word) else word for word in bare)

    return item.level, item.file, general(item.why), general(item.mend)


def _is_commit(word: str) -> bool:
    return len(word) >= _SHORTEST and not word.strip("0123456789abcdef")


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
