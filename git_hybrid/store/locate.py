"""Find the line of a TOML file that a problem is about, so that a user need not search. Used only on errors."""

from __future__ import annotations

from git_hybrid.core.errors import Problem


def with_lines(text: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return *problems* with ``line N: `` before each place whose line was found."""
    lines = _index(text)
    return tuple(Problem(_placed(problem.place, lines), problem.reason) for problem in problems)


def _placed(place: str, lines: dict[str, int]) -> str:
    parts = place.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        line = lines.get(name, lines.get(name.partition("[")[0]))
        if line is not None:
            return f"line {line}: {place}"
    return place


def _index(text: str) -> dict[str, int]:
    """Return the line of every table header and key; plain string steps, since a hostile line must cost no time."""
    found: dict[str, int] = {}
    table, arrays = "", dict[str, int]()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = _plain(stripped.strip("[").partition("]")[0])
            if stripped.startswith("[["):
                count = arrays.get(table, 0)
                arrays[table] = count + 1
                table = f"{table}[{count}]"
            found.setdefault(table, number)
            found.setdefault(table.partition(".")[0], number)
            continue
        key, equals, _ = stripped.partition("=")
        if equals and not key.startswith("#"):
            parts = f"{table}.{_plain(key)}".lstrip(".").split(".")
            for length in range(len(parts), 0, -1):
                found.setdefault(".".join(parts[:length]), number)
    return found


def _plain(name: str) -> str:
    return "".join(char for char in name if char not in "\"' \t")
