"""Set keys in the tables of the manifest, with its comments and order kept (tomlkit)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from git_hybrid.core.canonical import Json
from git_hybrid.store.manifest_edit import as_before, not_editable


def with_values(
    text: str, other: str, tables: Mapping[tuple[str, ...], Mapping[str, Json]], lists: Sequence[str]
) -> str:
    """Return the manifest *text* with the keys of *tables* and no others in these, and with *lists* as in *other*.

    Each table is named by the parts of its key. A value that *other* has too is written as it is there; comments stay.

    Raises:
        InvalidFile: one of both is none, or written in no way that is known here.
    """
    with suppress(TOMLKitError, KeyError, TypeError, ValueError):
        document: Any = tomlkit.parse(text)
        wanted: Any = tomlkit.parse(other)
        for place, values in tables.items():
            _set(_table(document, place), _table(wanted, place), values)
        for name in lists:
            if name in wanted:
                document[name] = wanted[name]
            else:
                del document[name]
        return as_before(tomlkit.dumps(document), text)
    raise not_editable([f"change {'.'.join(place)} in it" for place in tables])


def _table(document: Any, place: Sequence[str]) -> Any:
    for part in place:
        if part not in document:
            document.add(tomlkit.nl())
            document.add(part, tomlkit.table())
        document = document[part]
    return document


def _set(table: Any, other: Any, values: Mapping[str, Json]) -> None:
    for key in [key for key in table if key not in values]:
        del table[key]
    with _end_set_aside(table):
        for key, value in values.items():
            if table.get(key) != value:
                table[key] = other[key] if other.get(key) == value else value


@contextmanager
def _end_set_aside(table: Any) -> Iterator[None]:
    """Let what the block adds stand before the empty lines and comments that end *table*: they are the next one's."""
    body, end = getattr(table.value, "body", []), list[Any]()
    while body and body[-1][0] is None:
        end.insert(0, body.pop())
    yield
    body.extend(end)
