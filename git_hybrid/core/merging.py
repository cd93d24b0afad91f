"""Merge what two branches made of the tables of a file, by their names and not by their lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar

from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import Struct, replace

K = TypeVar("K", bound=str)
V = TypeVar("V")
Pins = Mapping[SourceName, Pin]
Entries = Mapping[SourceName, SourceState]
_NEVER = datetime.min.replace(tzinfo=UTC)


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


def agreed(ours: Pins, theirs: Pins) -> tuple[dict[SourceName, Pin], dict[SourceName, Pin]]:
    """Return both, alike where they differ in nothing but the time at which each first saw the commit: the earlier."""
    left, right = dict(ours), dict(theirs)
    for name in ours.keys() & theirs.keys():
        first = min(ours[name].first_seen, theirs[name].first_seen)
        pins = [replace(side[name], first_seen=first) for side in (ours, theirs)]
        if pins[0] == pins[1]:
            left[name] = right[name] = pins[0]
    return left, right


def merged_state(base: Entries, ours: Entries, theirs: Entries, pins: Pins) -> dict[SourceName, SourceState]:
    """Return for each of *pins* the entry that tells of its commit; of two that do, the one that was scanned last.

    Of two scans of the same moment the worse one counts.
    Where neither does, what one side alone changed counts, and else ours.
    """
    otherwise = merged(base, ours, theirs)[0]
    found: dict[SourceName, SourceState] = {}
    for name, pin in pins.items():
        sides = [side[name] for side in (ours, theirs) if name in side and side[name].commit == pin.commit]
        entry = max(sides, key=_scanned_at) if sides else otherwise.get(name)
        if entry is not None:
            found[name] = entry
    return found


def _scanned_at(entry: SourceState) -> tuple[datetime, list[int], bool, datetime]:
    of_it = entry.scan.scanned_at if entry.scan.commit == entry.commit else None
    found = [(entry.scan.counts or {}).get(level, 0) for level in ("high", "medium", "low")]
    return of_it or _NEVER, found, entry.scan.state != "clean", entry.updated_at
