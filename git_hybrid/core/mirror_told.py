"""What the audit log tells of the entry of a mirror: how fresh it is counts as far as a record bears that out. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.audit import Event, Record, detail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.last_told import last_told
from git_hybrid.core.mirrors import Inventory, Mirror, mirror_digest, unasked
from git_hybrid.core.value import replace
from git_hybrid.core.values import parse_time
from git_hybrid.core.words import typed

_DIGEST = "mirror_sha256"
_OF_INVENTORY = frozenset({"mirror-add", "mirror-remove"})
_EVENTS = _OF_INVENTORY | {"mirror-verify"}


def mirror_event(event: str, mirror: Mirror, detail: Mapping[str, Json]) -> Event:
    """Return the audit event that binds *mirror* as it is now, with more *detail*."""
    return Event(event=event, detail={"mirror": mirror.name, **detail, _DIGEST: mirror_digest(mirror)})


def is_told(mirror: Mirror, records: Mapping[str, Record]) -> bool:
    """Tell whether the record that *mirror* names bears it out."""
    named = records.get(mirror.audit_hash or "", {})
    return detail_of(named).get(_DIGEST) == mirror_digest(mirror)


def believed(inventory: Inventory, records: Mapping[str, Record]) -> Inventory:
    """Return *inventory* with nothing known of how fresh those mirrors are that no record bears out."""
    mirrors = inventory.mirrors.items()
    return replace(
        inventory,
        mirrors={name: item if is_told(item, records) else _as_added(item, records) for name, item in mirrors},
    )


def _as_added(mirror: Mirror, records: Mapping[str, Record]) -> Mirror:
    added = [item for item in records.values() if item["event"] == "mirror-add" and _about(item) == mirror.name]
    if added:
        at, by = parse_time(str(added[-1]["at"])), str(added[-1]["operator"])
        mirror = replace(mirror, added_at=at, added_by=by)
    return unasked(mirror)


def lost_mirrors(records: Mapping[str, Record], inventory: Inventory) -> Mapping[str, str]:
    """Return the mirrors that *records* have and *inventory* has not, each with the command that adds it again."""
    last = {_about(item): item for item in records.values() if item["event"] in _OF_INVENTORY}
    there = {*inventory.mirrors, *(item.name for item in inventory.incomplete)}
    # No record stands before one that it follows: what the last line says is always one of the last.
    lost = {name: item for name, item in last.items() if item["event"] == "mirror-add" and name not in there}

    def moved(record: Record) -> str | None:
        return _about(record) if record["event"] in _OF_INVENTORY and _about(record) in lost else None

    newest = last_told(records, moved).newest if lost else {}
    return {
        str(name): _added_again(detail_of(record))
        for name, record in lost.items()
        if all(records[digest]["event"] == "mirror-add" for digest in newest[str(name)])
    }


def _added_again(told: Mapping[str, Json]) -> str:
    kind = ("--kind", "bundle") if told.get("kind") == "bundle" else ()
    mirror, base_url, owner = (str(told.get(key)) for key in ("mirror", "base_url", "owner"))
    return typed("git", "hybrid", "mirror", "add", mirror, base_url, "--owner", owner, *kind)


def _about(record: Record) -> str | None:
    return str(detail_of(record).get("mirror")) if record["event"] in _EVENTS else None
