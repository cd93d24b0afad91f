"""Spellings that name one person, brought to one form; most texts are plain, and need none of it. Pure."""

from __future__ import annotations

import unicodedata

from git_hybrid.core.pattern import pattern

_UNSEEN = pattern(
    r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What nobody sees besides what formats (Cf): Unicode's Default_Ignorable_Code_Point, and the blank of Braille."""
_AT = pattern(r"\s*@\s*")
_QUOTES = str.maketrans("", "", '"\\')


def plain_text(text: str) -> str:
    """Return *text* in one form of each character, without case and without characters that nobody sees.

    Comments, quotes and blanks of an address say nothing of whose it is (RFC 5322, 3.2).
    """
    shown = _UNSEEN.sub("", "".join(item for item in text if unicodedata.category(item) != "Cf"))
    # What is dropped may have stood between two that are one, and what is folded may be another form.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", shown).casefold())
    said = _uncommented(folded)
    return _AT.sub("@", (said if "@" in said else folded).translate(_QUOTES)) if "@" in folded else folded


def _uncommented(text: str) -> str:
    left, depth = [], 0
    for item in text:
        depth += item == "("
        if not depth:
            left.append(item)
        depth -= item == ")" and depth > 0
    return text if depth else "".join(left)
