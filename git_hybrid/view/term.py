"""Make text safe for a terminal, and colour it where it may be coloured."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import escaped

Style = Literal["good", "bad", "warn", "dim", "bold"]
_CODES: dict[Style, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}
_RUNNER = pattern(r"#(?=#(?:vso)?\[)", re.IGNORECASE)
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe(text: str) -> str:
    """Return *text* with everything that could steer a terminal (control, bidi, invisible) written as an escape.

    So is what the runner of GitHub Actions, or of Azure Pipelines, takes for a command to it: ``::`` where it stands
    first in a line, ``##[`` and ``##vso[`` anywhere.
    """
    if text.lstrip()[:2] == "::":
        text = text.replace(":", escaped(":"), 1)
    if "##" in text:
        text = _RUNNER.sub(lambda found: escaped(found[0]), text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _is_safe(char) else escaped(char) for char in text)


def _is_safe(char: str) -> bool:
    return " " <= char <= "~" or unicodedata.category(char) not in _UNSAFE


def paint(text: str, style: Style | None, *, color: bool) -> str:
    """Return *text* in *style* if *color*; colour never carries a meaning that the words do not."""
    return f"\033[{_CODES[style]}m{text}\033[0m" if color and style and text else text


def width(text: str) -> int:
    """Return how many columns *text* takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fit(text: str, columns: int) -> str:
    """Return *text* padded or cut to exactly *columns*."""
    if width(text) <= columns:
        return text + " " * (columns - width(text))
    kept = ""
    for char in text:
        if width(kept + char) > columns - 1:
            break
        kept += char
    return kept + "…" + " " * (columns - 1 - width(kept))
