"""The trees of small commits, made here: a git process for each is most of what small upstreams cost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

Tree: TypeAlias = Mapping[str, tuple[str, str]]
"""Each path of a whole tree, with its mode and the id of what stands there."""

Write: TypeAlias = Callable[[str, bytes], str]
"""Stores an object of a kind, and returns its id."""

_TREE = "40000"
_PART = r"(?!\.git(?:/|$))[\w.-]*[\w-]"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII | re.IGNORECASE)


def is_plain(path: str) -> bool:
    """Tell whether git takes *path* for what it says, whatever its settings are."""
    return _PATH.fullmatch(path) is not None


def changed(tree: Tree, changes: Mapping[str, tuple[str, str] | None]) -> Tree:
    """Return *tree* with *changes*, in their order: None takes out a path, and a file makes place for a folder."""
    made = dict(tree)
    for path, entry in changes.items():
        parts = path.split("/")
        above = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        gone = [old for old in made if old == path or old.startswith(f"{path}/") or (entry and old in above)]
        for old in gone:
            del made[old]
        if entry is not None:
            made[path] = entry
    return made


def written(tree: Tree, write: Write) -> str:
    """Store *tree* and each tree in it; return its id."""
    entries: dict[str, tuple[str, str]] = {}
    below: dict[str, dict[str, tuple[str, str]]] = {}
    for path, entry in tree.items():
        name, slash, rest = path.partition("/")
        if slash:
            below.setdefault(name, {})[rest] = entry
        else:
            entries[name] = entry
    entries |= {name: (_TREE, written(inner, write)) for name, inner in below.items()}
    # A folder stands where its name with a slash does (git's base_name_compare).
    order = sorted(entries, key=lambda name: f"{name}/" if entries[name][0] == _TREE else name)
    rows = (f"{entries[name][0]} {name}\0".encode() + bytes.fromhex(entries[name][1]) for name in order)
    return write("tree", b"".join(rows))
