"""Find the line of a TOML file that a problem is about, so that a user need not search. Used only on errors."""

from __future__ import annotations

import re
from dataclasses import replace

from git_hybrid.core.errors import Problem

_HEADER = re.compile(r"^\s*\[\[?\s*(?P<name>[^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"^\s*(?P<key>[A-Za-z0-9_.\"'-]+)\s*=")


def with_lines(text: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return *problems* with ``line N: `` before each place whose line was found."""
    lines = _index(text)
    return tuple(replace(problem, place=_placed(problem.place, lines)) for problem in problems)


def _placed(place: str, lines: dict[str, int]) -> str:
    parts = place.split(".")
    for length in range(len(parts), 0, -1):
        line = lines.get(".".join(parts[:length]))
        if line is not None:
            return f"line {line}: {place}"
    return place


def _index(text: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table, arrays = "", dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None:
            table = _plain(header["name"])
            if line.lstrip().startswith("[["):
                count = arrays.get(table, 0)
                arrays[table] = count + 1
                table = f"{table}[{count}]"
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            found.setdefault(f"{table}.{_plain(key['key'])}".lstrip("."), number)
    return found


def _plain(name: str) -> str:
    return name.replace('"', "").replace("'", "").replace(" ", "")
