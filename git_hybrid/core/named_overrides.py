"""Pins whose records name an override that nobody made for them, or no longer: such a name explains nothing. Pure.

Whoever can write a record can write the id of an override into it. The commands name one in the run that makes it, and
from then on only where the pin stays with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from git_hybrid.core.audit import RESTS_ON, Record, detail_of, previous, rests_on
from git_hybrid.core.last_pins import last_pins
from git_hybrid.core.last_told import last_told
from git_hybrid.core.override import CLOSINGS, overridden

_UNMADE = "which no record made for that commit"
_ENDED = "which had ended before"
_LEFT = "which its pin had left before"


def misnamed(records: Mapping[str, Record]) -> Mapping[str, str]:
    """Return the records of pins that name an override which does not allow them, by hash, each with why, as a clause.

    There are none where the log lacks a record that another one names: that may be the one of the override.
    """
    made = _made(records)
    named = {digest: identity for digest, record in records.items() if (identity := rests_on(record))}
    found = {digest: _UNMADE for digest, identity in named.items() if _key(identity, records[digest]) not in made}
    found |= _later(records, {digest: identity for digest, identity in named.items() if digest not in found})
    return found if found and is_whole(records) else {}


def is_whole(records: Mapping[str, Record]) -> bool:
    """Tell whether every record that another one names is there."""
    return all(item in records for record in records.values() for item in previous(record))


def as_made(records: Mapping[str, Record]) -> Mapping[str, Record]:
    """Return *records* where those that :func:`misnamed` finds name no override."""
    return without_names(records, misnamed(records))


def without_names(records: Mapping[str, Record], wrong: Collection[str]) -> Mapping[str, Record]:
    """Return *records* where those that are *wrong*, by their hashes, name no override."""
    if not wrong:
        return records
    return {digest: _plain(record) if digest in wrong else record for digest, record in records.items()}


def _plain(record: Record) -> Record:
    return {**record, "detail": {key: value for key, value in detail_of(record).items() if key != RESTS_ON}}


def _key(identity: str, record: Record) -> tuple[object, ...]:
    return identity, record.get("source"), record.get("after")


def _made(records: Mapping[str, Record]) -> set[tuple[object, ...]]:
    opened = (record for record in records.values() if record["event"] == "override")
    return {_key(overridden(record), record) for record in opened if detail_of(record).get("kind") != "scan"}


def _later(records: Mapping[str, Record], named: Mapping[str, str]) -> dict[str, str]:
    """Return those of *named* that come after the end of their override, or where the pin no longer rested on it."""
    odd = {digest: named[digest] for digest in _behind_others(records, named)}
    if not odd:
        return {}
    asked = set(odd.values())

    def about(record: Record) -> str | None:
        identity = overridden(record) or rests_on(record)
        return identity if identity in asked else None

    opened, ended = set[str](), set[str]()
    for digest, before in last_told(records, about).over.items():
        opened |= {digest} if any(item in opened or records[item]["event"] == "override" for item in before) else set()
        ended |= {digest} if any(item in ended or records[item]["event"] in CLOSINGS for item in before) else set()
    stood = last_pins(records, {str(records[digest].get("source")) for digest in odd}).over
    left = {digest for digest in odd if all(rests_on(records[item]) != odd[digest] for item in stood[digest])}
    return {digest: _ENDED if digest in ended else _LEFT for digest in odd if digest in ended | (left & opened)}


def _behind_others(records: Mapping[str, Record], named: Mapping[str, str]) -> list[str]:
    """Return those of *named* that stand in the log behind what another run recorded of their override."""
    runs, found = dict[str, object](), list[str]()
    for digest, record in records.items():
        identity = named.get(digest, "")
        if identity in runs and runs[identity] != record.get("command_id"):
            found.append(digest)
        if name := overridden(record):
            runs[name] = record.get("command_id")
    return found
