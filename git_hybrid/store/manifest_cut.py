"""Put tables of sources into the text of the manifest, and take them out, each with the comments that are its own."""

from __future__ import annotations

from collections.abc import Sequence

import tomli

from git_hybrid.core.ids import SourceName
from git_hybrid.store.locate import Key, key_of


def with_tables(text: str, tables: str) -> str:
    """Return *text* with *tables* behind the last one of a source, or at its end if it has none."""
    lines = text.rstrip().split("\n")
    headers = [number for number, line in enumerate(lines) if _header(line)[:1] == ("source",)]
    # A string of several lines may hold one that looks like it.
    last = next((number for number in reversed(headers) if _is_whole(lines[:number])), None)
    end = len(lines) if last is None else _end(lines, last)
    before, after = lines[:end], lines[end:]
    gap = [""] if after and not _is_empty(after, 0) else []
    return "\n".join([*before, "", *tables.rstrip().split("\n"), *gap, *after, ""])


def without_tables(text: str, names: Sequence[SourceName]) -> str:
    """Return *text* without the tables ``[source.NAME]`` of *names*; one that is not written so stays.

    A comment directly above a table is its own, and so is one directly below its last key unless the next table
    follows at once, whose it is then. What an empty line sets apart from the table stays.
    """
    lines = text.split("\n")
    for name in names:
        header = _header_of(lines, name)
        if header is not None:
            lines = _without(lines, header)
    return "\n".join(lines)


def around_table(text: str, name: SourceName) -> tuple[str, str, str]:
    """Return what is before the table ``[source.NAME]`` of *text*, the table, and what is behind it.

    Raises:
        LookupError: no table is written so.
    """
    lines = text.split("\n")
    header = _header_of(lines, name)
    if header is None:
        raise LookupError(name)
    first, end = (sum(len(line) + 1 for line in lines[:number]) for number in (header, _end(lines, header)))
    return text[:first], text[first:end], text[end:]


def _header_of(lines: Sequence[str], name: SourceName) -> int | None:
    found = [number for number, line in enumerate(lines) if _header(line) == ("source", name)]
    # A string of several lines may hold one that looks like it.
    return next((number for number in found if len(found) == 1 or _is_whole(lines[:number])), None)


def _without(lines: list[str], header: int) -> list[str]:
    first = header
    while _is_comment(lines, first - 1):
        first -= 1
    before, after = lines[:first], lines[_end(lines, header) :]
    while after and _is_empty(after, 0) and (not before or _is_empty(before, -1)):
        del after[0]
    while not after and before and _is_empty(before, -1):
        before.pop()
    return [*before, *(after or [""])]


def _end(lines: Sequence[str], header: int) -> int:
    """Return the line behind the table that begins at *header*, with the comments below it that are its own."""
    following = header + 1
    while following < len(lines) and not (_header(lines[following]) and _is_whole(lines[header:following])):
        following += 1
    last = following
    while _is_empty(lines, last - 1) or _is_comment(lines, last - 1):
        last -= 1
    below = last
    while _is_comment(lines, below):
        below += 1
    return last if below == following < len(lines) else below


def _is_whole(lines: Sequence[str]) -> bool:
    """Tell whether *lines* end outside of any string or list."""
    try:
        tomli.loads("\n".join([*lines, ""]))
    except (ValueError, RecursionError):
        return False
    return True


def _header(line: str) -> Key:
    """Return the parts of the key of a table that begins in *line*; none if none does."""
    return key_of(line.strip()) if line.lstrip().startswith("[") else ()


def _is_comment(lines: Sequence[str], number: int) -> bool:
    return 0 <= number < len(lines) and lines[number].lstrip().startswith("#")


def _is_empty(lines: Sequence[str], number: int) -> bool:
    return number < len(lines) and not lines[number].strip()
