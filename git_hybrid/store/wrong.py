"""Everything that is wrong with one table: msgspec tells the first alone. Used only on errors."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import msgspec

from git_hybrid.core.errors import Problem
from git_hybrid.store.parsing import explain, shaped

_MOST = 100
"""More is no help, and a file may be all wrong keys."""


def everything_wrong(value: object, kind: type[object], place: str, message: str) -> list[Problem]:
    """Return what is wrong with each key of *value*, which is no *kind*; *message* is what msgspec says of it."""
    found: list[Problem] = []
    if isinstance(value, dict) and issubclass(kind, msgspec.Struct):
        found += islice(_of_keys(value, kind, place), _MOST)
    return found or [explain(message, kind, place)]


def _of_keys(value: dict[str, object], kind: type[msgspec.Struct], place: str) -> Iterator[Problem]:
    fields = {item.encode_name: item for item in msgspec.structs.fields(kind)}
    for key, content in value.items():
        if key not in fields:
            yield explain(f"Object contains unknown field `{key}`", kind, place)
            continue
        wanted = fields[key].type
        try:
            shaped({key: content}, dict[str, wanted])  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            inner = str(error).replace("`$[...]", "`$", 1)
            nested = wanted if isinstance(wanted, type) else object
            yield from everything_wrong(
                content, nested, f"{place}.{key}" if place else key, inner.removesuffix(" - at `$`")
            )
    for key in (key for key, item in fields.items() if item.required and key not in value):
        yield explain(f"Object missing required field `{key}`", kind, place)
