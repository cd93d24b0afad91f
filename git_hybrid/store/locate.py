"""Find the line of a TOML file that a problem is about, so that a user need not search; take keys of a line apart."""

from __future__ import annotations

import re

import tomli

from git_hybrid.core.errors import Problem
from git_hybrid.core.files import FILES
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import JOINED, shorten

_DEEP = 5
"""More parts than the place of a problem has; a longer key costs no more time."""
Key = tuple[str, ...]
_TWICE = pattern(r"Cannot declare (\(.*\)) twice", re.DOTALL)
_COLUMN = pattern(r"line (\d+), column (\d+)")
_TYPOGRAPHIC = tuple("\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb`")
_BARE = pattern(r"[A-Za-z0-9_-]+")
_SOURCE = pattern(r"\[source\.([^\]\"']*)\]")
_OPENING = pattern(
    r"#[^\n]*|\"{3}(?:[^\\]|\\.)*?\"{3,5}|'{3}.*?'{3,5}|\"{3}|'{3}|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[\[\]{}]",
    re.DOTALL,
)
"""Comments, texts that are closed, or else where one of many lines begins, and brackets."""
_LINES = ('"""', "'''")
_VALUE_TWICE = "Cannot overwrite a value"
"""What tomli says of a table, and of a key, that is there already."""


def with_lines(text: str, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return *problems* in the order of their lines, with ``line N: `` before each place whose line was found."""
    lines = {name: line for name, (_, line) in _index(text).items()}
    found = sorted(((_line(problem.place, lines), problem) for problem in problems), key=lambda item: item[0])
    return tuple(Problem(f"line {line}: {told.place}" if line else told.place, told.reason) for line, told in found)


def declared_twice(reason: str, text: str) -> str:
    """Return which table or key of *text* is there twice, and where it was first; nothing where *reason* is another."""
    if reason == _VALUE_TWICE:
        return "a key or table of this name is there already"
    if (found := _TWICE.fullmatch(reason)) is None:
        return ""
    from ast import literal_eval

    key: Key = literal_eval(found[1])
    name = shorten(".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in key))
    # Where the first table is in a key, as in a = {x = 1}, that is found too.
    _, line = _index(text).get(".".join(key), (key, 0))
    return f"[{name}] stands there twice{f', first in line {line}' if line else ''}"


def misnamed(text: str, place: str) -> str:
    """Return what is wrong with the header of a source at *place* of *text*; nothing where that is well."""
    found = _COLUMN.fullmatch(place)
    header = text.split("\n")[int(found[1]) - 1].strip() if found else ""
    if header.startswith("[[source]]"):
        return "a source is a table of its own: write [source.NAME]"
    named = _SOURCE.match(header)
    if named is None or key_of(header):
        return ""
    return f"{shorten(named[1])!r} is no name of a source: it holds only letters, digits, '.', '_' and '-'"


def mend_of_joined(path: str) -> str:
    """Return what mends the file at *path*, which has a table twice: git may have joined it so."""
    return f"{JOINED}mend {path}, then: git hybrid diag" if path in FILES else ""


def left_open(text: str) -> int:
    """Return the line where begins what is still open at the end of *text*; its last one where that is no other."""
    opened: list[int] = []
    for found in _OPENING.finditer(text):
        mark = found[0]
        if mark in ("[", "{", *_LINES):
            opened.append(found.start())
        if mark in _LINES:
            break
        if mark in ("]", "}"):
            del opened[-1:]
    return text.count("\n", 0, opened[-1] if opened else len(text.rstrip())) + 1


def unquoted(text: str, place: str) -> str:
    """Return what is wrong with the quotes at *place* (``line N, column M``) of *text*; nothing where they are well."""
    if (found := _COLUMN.fullmatch(place)) is None:
        return ""
    line, at = text.split("\n")[int(found[1]) - 1], int(found[2]) - 1
    key, rest = line[:at].strip(), line[at:]
    if rest[:1] in _TYPOGRAPHIC:
        return f'the quotes are not those of TOML: write {key} "…"'
    if key.endswith("=") and (rest[:1].isalpha() or rest[:1] in "/~>^"):
        from git_hybrid.store.wrong import bare_words

        if bare := bare_words(["", *_BARE.findall(key)][-1]):
            return bare
        return f'a text stands in quotes: write {key} "…"'
    return "the quote at the end of the text is missing" if not rest and key.count('"') + key.count("'") else ""


def _line(place: str, lines: dict[str, int]) -> int:
    """Return the line of *place*, 0 where that is not known."""
    parts = place.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        line = lines.get(name, lines.get(name.partition("[")[0]))
        if line is not None:
            return line
    return 0


def _index(text: str) -> dict[str, tuple[Key, int]]:
    """Return key and line of every table header and key, by how a place names it; line 0: two are named alike."""
    found: dict[str, tuple[Key, int]] = {}
    table: Key = ()
    arrays = dict[Key, int]()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            is_array = stripped.startswith("[[")
            header = key_of(stripped)
            if not header:
                continue
            table = header
            if is_array:
                count = arrays.get(header, 0)
                arrays[header] = count + 1
                _enter(found, header, number)
                table = (*header[:-1], f"{header[-1]}[{count}]")
            _enter(found, table, number)
            continue
        key, equals, _ = stripped.partition("=")
        if equals and not key.startswith("#"):
            _enter(found, (*table, *key_of(f"{key}=0")), number)
    return found


def _enter(found: dict[str, tuple[Key, int]], key: Key, number: int) -> None:
    for length in range(1, min(len(key), _DEEP) + 1):
        part = key[:length]
        for name in {".".join(part), ".".join(map(shorten, part))}:
            if found.setdefault(name, (part, number))[0] != part:
                found[name] = (part, 0)


def key_of(line: str) -> Key:
    """Return the parts of the one key in *line*; none where that is part of a value."""
    try:
        value: object = tomli.loads(line)
    except (ValueError, RecursionError):
        return ()
    parts: list[str] = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, dict):
            part, value = next(iter(value.items()))
            parts.append(part)
        else:
            value = value[0]
    return tuple(parts)
