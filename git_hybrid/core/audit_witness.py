"""What lock, state, overrides and mirrors say that the audit log must hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.audit_archives import LOG, RESTORE, Breach
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW, LastPins, last_pins
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.lock_moves import FORCED
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import RESTS_ON, Overrides, binds, trail_of
from git_hybrid.core.state import State

if TYPE_CHECKING:
    from git_hybrid.core.witnesses import Witnesses

_INSTALLED = frozenset({"clone", "update", "repair", "record", "reset"})
_OF_STATE = _INSTALLED | {"scan", "bundle-scan"}
_PINNED = frozenset({"pin", "override", "bundle-apply"})
_OF_INVENTORY = frozenset({"mirror-add", "mirror-remove"})
_PROVED = ("tree", "content_sha256")
_IF_REFUSED = f"where that is refused, with {FORCED}"
_IF_RIGHT = "if the new one is right: git hybrid remove {name}, then git hybrid add"


def against_files(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield what the files of the workspace, as they are and as they were committed, do not find in *records*."""
    yield from _against_state(records, witnesses.state)
    yield from _against_overrides(records, witnesses.overrides)
    yield from _against_mirrors(records, witnesses.mirrors)
    for audit_hash, where in witnesses.hashes.items():
        if audit_hash not in records:
            yield _gone(where, audit_hash)
    yield from _against_lock(records.values(), witnesses.lock)
    yield from _against_beginnings(records, witnesses.lock)


def _against_lock(records: Iterable[Record], lock: Lock) -> Iterator[Breach]:
    pinned: dict[tuple[object, object], list[Record]] = {}
    for item in records:
        if item["event"] in _PINNED:
            pinned.setdefault((item.get("source"), item.get("after")), []).append(item)
    for name, pin in lock.pins.items():
        told = pinned.get((name, pin.commit), [])
        contents = [record for record in told if record["event"] == "pin"]
        if not told:
            what = f"no record tells that {name} was pinned to {pin.commit[:12]}, as state/sources.lock says"
            proves = "the log was cut or replaced, or the lock was edited by hand"
            yield _of_log("unexplained-pin", what, proves)
        elif contents and not any(_is_of(record, pin) for record in contents):
            what = f"no record tells of the content that state/sources.lock has for {name} at {pin.commit[:12]}"
            yield _of_log("foreign-content", what, "the lock was edited by hand")


def _is_of(record: Record, pin: Pin) -> bool:
    """Tell whether *record* knows of no other tree and content than *pin* has."""
    detail = detail_of(record)
    return all(detail.get(key, getattr(pin, key)) == getattr(pin, key) for key in _PROVED)


def _against_beginnings(records: Mapping[str, Record], lock: Lock) -> Iterator[Breach]:
    """Yield the pins of *lock* whose last record says that they are the first, though the source had another before."""
    pinned = [record for record in records.values() if record["event"] == "pin"]
    begun = {(record.get("source"), record.get("after")) for record in pinned if _is_plain_beginning(record)}
    often = Counter(str(record.get("source")) for record in pinned)
    names = {name for name, pin in lock.pins.items() if often[name] > 1 and (name, pin.commit) in begun}
    last = last_pins(records, names, ends=ANEW) if names else LastPins({}, {})
    for name, digests in last.newest.items():
        for record in (records[digest] for digest in digests if _is_plain_beginning(records[digest])):
            earlier = sorted(str(records[digest].get("after")) for digest in last.over[str(record["hash"])])
            if earlier and record.get("after") == lock.pins[SourceName(name)].commit not in earlier:
                commit, was = str(record["after"]), " or ".join(item[:12] for item in earlier)
                what = f"{name} was pinned to {commit[:12]} as if it had no pin, and its pin before was {was}"
                proves = "its table was taken out of the lock, so that the move was compared with nothing"
                mend = f"git hybrid pin {name} --to {earlier[0]}; {_IF_REFUSED}; {_IF_RIGHT.format(name=name)}"
                yield _of_log("unexplained-move", what, proves, mend=mend)


def _is_plain_beginning(record: Record) -> bool:
    return record.get("before") is None and not detail_of(record).get(RESTS_ON)


def _against_state(records: Mapping[str, Record], state: State) -> Iterator[Breach]:
    installed = {record.get("source") for record in records.values() if record["event"] in _INSTALLED}
    for name, entry in state.sources.items():
        if entry.audit_hash is None:
            # One that an older version wrote names none, and none tells of it.
            if name in installed:
                what = f"state/sources.json: {name} names no record"
                yield _of_log("unbound", what, "the entry was edited by hand", mend="git hybrid sync")
            continue
        record = records.get(entry.audit_hash)
        if record is None:
            yield _gone(f"state/sources.json: {name}", entry.audit_hash)
        elif (record.get("source"), record.get("after")) != (name, entry.commit) or record["event"] not in _OF_STATE:
            what = f"record {entry.audit_hash[:12]} does not tell of {name} at {entry.commit[:12]}, as its state does"
            yield _of_log("foreign-record", what, "the state entry was edited by hand")


def _against_overrides(records: Mapping[str, Record], overrides: Overrides) -> Iterator[Breach]:
    for item in overrides.records.values():
        record = records.get(item.audit_hash or "")
        if record is None:
            yield _gone(f"state/sources-overrides.json: {item.id}", item.audit_hash or "none")
        elif not binds(record, item):
            what = f"{item.id} is not what record {(item.audit_hash or '')[:12]} tells of it"
            proves = "the record is not what the log tells: a merge took one side, or it was edited"
            yield _of_log("override-edited", what, proves, mend=f"git hybrid override restore {item.id}")
    told = trail_of(tuple(records.values())).latest
    for identity in sorted(set(told) - set(overrides.records)):
        what = f"{identity} is in the log and not in state/sources-overrides.json"
        proves = "the file lost its record: in a merge, a revert or by an edit"
        yield _of_log("override-deleted", what, proves, mend=f"git hybrid override restore {identity}")


def _against_mirrors(records: Mapping[str, Record], inventory: Inventory) -> Iterator[Breach]:
    details = [detail_of(record) for record in records.values() if record["event"] == "mirror-add"]
    added = {(told.get("mirror"), told.get("base_url"), told.get("owner")) for told in details}
    for name, mirror in inventory.mirrors.items():
        if mirror.audit_hash not in records:
            yield _gone(f"state/sources-mirrors.json: {name}", mirror.audit_hash or "none")
        elif (name, mirror.base_url, mirror.owner) not in added:
            what = f"no record tells that {mirror.owner} answers for the mirror {name} at {mirror.base_url}"
            yield _of_log("mirror-edited", what, "the inventory was edited by hand")
    last = {str(detail_of(item).get("mirror")): item for item in records.values() if item["event"] in _OF_INVENTORY}
    there = {*inventory.mirrors, *(item.name for item in inventory.incomplete)}
    for name, record in last.items():
        if record["event"] == "mirror-add" and name not in there:
            what = f"the mirror {name} is in the log and not in state/sources-mirrors.json"
            proves = "the file lost its entry: in a merge, a revert or by an edit"
            yield _of_log("mirror-deleted", what, proves, mend=_added_again(detail_of(record)))


def _added_again(told: Mapping[str, Json]) -> str:
    owner = str(told.get("owner")).replace("'", "'\\''")
    kind = " --kind bundle" if told.get("kind") == "bundle" else ""
    return f"git hybrid mirror add {told.get('mirror')} {told.get('base_url')} --owner '{owner}'{kind}"


def _of_log(identity: str, what: str, proves: str, *, mend: str = RESTORE) -> Breach:
    return Breach(id=identity, file=LOG, line=0, what=what, proves=proves, mend=mend)


def _gone(where: str, audit_hash: str) -> Breach:
    what = f"{where} names record {audit_hash[:12]}, which is not in the log"
    return _of_log("cut", what, "the end of the log was cut off, or an older copy or another log was put in its place")
