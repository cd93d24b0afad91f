"""Canonical JSON: one sequence of bytes for one value, so that it can be hashed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from git_hybrid.core.value import sorted_json

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]
"""What canonical JSON can carry: everything but floats, whose text is not unique."""


_PLAIN = frozenset({str, int, bool})
_OTHER = b"\x7f"
"""The one character of ASCII that json escapes and msgspec does not."""


def canonical_json(value: Json) -> bytes:
    """Return *value* as JSON with sorted keys, without spaces, in ASCII.

    Raises:
        TypeError: a float, a key that is no text, or a type that JSON does not have, stands somewhere in *value*.
    """
    _refuse_ambiguous(value)
    # What both write in the same way, which is nearly everything, need not wait for the library json.
    with suppress(OverflowError, TypeError, ValueError):
        data = sorted_json(value)
        if data.isascii() and _OTHER not in data and b"\\u" not in data:
            return data
    import json  # noqa: PLC0415

    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def _refuse_ambiguous(value: object) -> None:
    # The types of nearly every value come first: asking for a Mapping is slow, and a log has many values.
    if value is None or type(value) in _PLAIN:
        return
    if isinstance(value, float):
        raise TypeError("canonical JSON has no floats")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("canonical JSON has text as keys: 1 and '1' would be the same bytes")
            _refuse_ambiguous(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_ambiguous(item)
    elif not isinstance(value, (str, int)):
        raise TypeError(f"canonical JSON has nothing for a {type(value).__name__}")
