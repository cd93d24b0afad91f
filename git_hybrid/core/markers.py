"""The lines that git puts into a file around what two sides made of it (git-merge(1), HOW CONFLICTS ARE PRESENTED)."""

from __future__ import annotations

import re

from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.files import FILES, LOG
from git_hybrid.core.pattern import pattern

_MARKER = pattern(rb"^(?:(?P<begin><{7,} )|\|{7,}(?: |\r?$)|={7,}\r?$|(?P<end>>{7,}(?: |\r?$)))", re.MULTILINE)
_KEEP = "keep what both sides have: git-hybrid-files(7)"


def in_conflict(data: bytes, shown: str) -> InvalidFile:
    """Return the error for the file *shown* that holds the markers of a conflict in *data*, and what mends it."""
    reason, place = "holds the markers of a merge conflict", f"line {marker_lines(data)[0]}"
    if shown in (*FILES, LOG):
        return InvalidFile.at(shown, place, reason, mend="git hybrid merge")
    return InvalidFile.at(shown, place, f"{reason}: {_KEEP}")


def is_marker(line: bytes) -> bool:
    """Tell whether *line*, by itself, is one that git puts around a side of a conflict: no audit record is."""
    return _MARKER.match(line) is not None


def marker_lines(data: bytes) -> list[int]:
    """Return the numbers of the lines of *data*, from 1, that are markers of a conflict; none where none begins."""
    found, is_within = list[int](), False
    number, counted = 1, 0
    for marker in _MARKER.finditer(data):
        if is_within or marker["begin"]:
            number, counted = number + data.count(b"\n", counted, marker.start()), marker.start()
            found.append(number)
            is_within = marker["end"] is None
    return found
