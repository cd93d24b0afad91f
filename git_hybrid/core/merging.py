"""Merge what two branches made of the tables of a file, by their names and not by their lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.mirrors import Incomplete, Inventory, Mirror, unasked
from git_hybrid.core.scans import takes_back
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import Struct, replace

K = TypeVar("K", bound=str)
V = TypeVar("V")
Pins = Mapping[SourceName, Pin]
Entries = Mapping[SourceName, SourceState]
Table = Mapping[str, Json]
Tables = Mapping[str, Table]
_APART: Any = object()
"""What the bases of a merge do not agree on: it is none of what a side has."""
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


def joined(now: Mapping[K, V], base: Mapping[K, V], ours: Mapping[K, V], theirs: Mapping[K, V]) -> tuple[K, ...]:
    """Return which tables of *now* were put together from those of both sides, which both had changed: nobody made it.

    That is what git does line by line where it sees no conflict.
    """
    both = {change.name for change in merged(base, ours, theirs)[1] if change.both}
    names = [name for name in now if name in both and name in ours and name in theirs]
    return tuple(
        name
        for name in names
        if now[name] not in (ours[name], theirs[name]) and _is_of(now[name], ours[name], theirs[name])
    )


def _is_of(now: object, ours: object, theirs: object) -> bool:
    """Tell whether *now* has nothing that neither side has, field by field."""
    if now in (ours, theirs):
        return True
    if not (isinstance(now, Struct) and type(now) is type(ours) is type(theirs)):
        return False
    return all(_is_of(*(getattr(item, key) for item in (now, ours, theirs))) for key in now.__struct_fields__)


def common(bases: Sequence[Mapping[K, V]]) -> dict[K, V]:
    """Return what began a merge: the one base, or of branches that had met before what the two say together.

    A third one is what the two began with: then what one of them alone changed counts. What both changed, each in its
    way, or what differs where no third one tells, both sides have changed since one of them.
    """
    if len(bases) == 1:
        return dict(bases[0])
    one, other, *first = bases
    if first:
        found, changes = merged(first[0], one, other)
        both = {change.name for change in changes if change.both}
        return {name: _APART if name in both else value for name, value in found.items()}
    names = dict.fromkeys((*one, *other))
    return {name: one[name] if name in one and one[name] == other.get(name, _APART) else _APART for name in names}


def common_tables(bases: Sequence[Tables]) -> dict[str, Table]:
    """Return the tables that began a merge, key by key as :func:`common` has them."""
    found = {name: common([base.get(name, {}) for base in bases]) for name in {name for base in bases for name in base}}
    return {name: keys for name, keys in found.items() if keys or all(name in base for base in bases)}


class Clash(Struct, frozen=True, kw_only=True):
    """One key of a table that both sides changed, each in its way; None is the value of a side that took it out.

    Without a ``key`` one side took out the whole table, and the value of the other one is what that changed in it.
    """

    table: str
    key: str
    ours: Json
    theirs: Json


def merged_tables(base: Tables, ours: Tables, theirs: Tables) -> tuple[dict[str, Table], tuple[Clash, ...]]:
    """Return the tables of both sides, key by key, and what both changed, each in its way: that is to be decided."""
    found: dict[str, Table] = {}
    clashes: list[Clash] = []
    for name in sorted(base.keys() | ours.keys() | theirs.keys()):
        was, our, their = base.get(name), ours.get(name), theirs.get(name)
        if was is not None and (our is None or their is None):
            left = their if our is None else our
            if left is not None and left != was:
                changed = {
                    key: left.get(key) for key in sorted(left.keys() | was.keys()) if left.get(key) != was.get(key)
                }
                sides = (None, changed) if our is None else (changed, None)
                clashes.append(Clash(table=name, key="", ours=sides[0], theirs=sides[1]))
            continue
        our, their = our or {}, their or {}
        found[name], changes = merged(was or {}, our, their)
        both = (change.name for change in changes if change.both)
        clashes += [Clash(table=name, key=key, ours=our.get(key), theirs=their.get(key)) for key in both]
    return found, tuple(clashes)


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

    Of two scans of the same moment the worse one counts, and none that failed where it lacks what the other one found.
    Where neither does, what one side alone changed counts, and else ours.
    """
    otherwise = merged(base, ours, theirs)[0]
    found: dict[SourceName, SourceState] = {}
    for name, pin in pins.items():
        sides = [side[name] for side in (ours, theirs) if name in side and side[name].commit == pin.commit]
        entry = max(sides, key=_scanned_at) if sides else otherwise.get(name)
        if entry is not None:
            found[name] = next((other for other in sides if _is_lost(other, entry)), entry)
    return found


def merged_inventory(
    bases: Sequence[Inventory], ours: Inventory, theirs: Inventory
) -> tuple[Inventory, tuple[Change, ...]]:
    """Return the entries of both, those that lack fields like all others, and where the sides differ.

    That a mirror was verified changes nothing of it: what it was found to hold is that of the side which asked last. An
    entry without a name is known by all that stands in it: one that a side changed is another one.
    """
    found, changes = merged(common([_entries(base) for base in bases]), _entries(ours), _entries(theirs))
    return Inventory(
        mirrors={
            name: _last_verified(entry, ours, theirs) for name, entry in found.items() if isinstance(entry, Mirror)
        },
        incomplete=tuple(entry for entry in found.values() if isinstance(entry, Incomplete)),
    ), changes


def _entries(inventory: Inventory) -> dict[str, Mirror | Incomplete]:
    entries: dict[str, Mirror | Incomplete] = {name: unasked(entry) for name, entry in inventory.mirrors.items()}
    for entry in inventory.incomplete:
        name = entry.plain.get("name")
        known = name if isinstance(name, str) else repr(sorted(entry.plain.items()))
        # Where it stands in the file tells nothing of it.
        entries[known] = replace(entry, place="", name=known)
    return entries


def _last_verified(mirror: Mirror, ours: Inventory, theirs: Inventory) -> Mirror:
    sides = [entry for side in (ours, theirs) if (entry := side.mirrors.get(mirror.name)) is not None]
    return max((entry for entry in sides if unasked(entry) == mirror), key=lambda entry: entry.verified_at or _NEVER)


def _is_lost(entry: SourceState, newest: SourceState) -> bool:
    """Tell whether the scan of *newest*, which failed, would take back something of that of *entry*."""
    is_of_it = entry.scan.commit == entry.commit
    return newest.scan.state == "error" and is_of_it and takes_back(newest.scan, entry.scan)


def _scanned_at(entry: SourceState) -> tuple[datetime, list[int], bool, datetime]:
    of_it = entry.scan.scanned_at if entry.scan.commit == entry.commit else None
    found = [(entry.scan.counts or {}).get(level, 0) for level in ("high", "medium", "low")]
    return of_it or _NEVER, found, entry.scan.state != "clean", entry.updated_at
