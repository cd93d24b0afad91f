"""Merge what two branches made of the tables of a file, by their names and not by their lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from git_hybrid.core.value import Struct

K = TypeVar("K", bound=str)
V = TypeVar("V")


class Change(Struct, frozen=True):
    """One table in which the two sides differ; ``both`` changed it, each in its way: then ours stands."""

    name: str
    both: bool


def merged(base: Mapping[K, V], ours: Mapping[K, V], theirs: Mapping[K, V]) -> tuple[dict[K, V], tuple[Change, ...]]:
    """Return the tables of both sides by name, and where they differ: what one side alone changed counts.

    Of a table that one side took out and the other one changed, the change stays.
    """
    found: dict[K, V] = {}
    changes: list[Change] = []
    for name in sorted(base.keys() | ours.keys() | theirs.keys()):
        was, our, their = base.get(name), ours.get(name), theirs.get(name)
        both = was not in (our, their) and our != their
        left = their if our == was else our
        if both and left is None:
            left = their
        if left is not None:
            found[name] = left
        if our != their:
            changes.append(Change(name, both))
    return found, tuple(changes)
