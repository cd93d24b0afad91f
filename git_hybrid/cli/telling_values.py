"""The values of an error as texts, for its words."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN_REFS = 20


def joined(values: tuple[object, ...]) -> str:
    """Return *values* as one text, in which one that is empty shows."""
    return ", ".join(str(value) or "''" for value in values)


def lines_of(texts: Iterable[str]) -> str:
    """Return *texts*, one a line; a line break in one of them, such as in a key of a file, begins no other."""
    return "\n".join(text.replace("\n", "\\x0a") for text in texts)


def few(refs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the first of *refs*, and how many more there are."""
    left = len(refs) - _SHOWN_REFS
    return refs if left <= 0 else (*refs[:_SHOWN_REFS], f"… and {left} more")
