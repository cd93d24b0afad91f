"""What lock, state, overrides and mirrors say that the audit log must hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from git_hybrid.core.ahead import APART
from git_hybrid.core.audit import DIGEST, RESTS_ON, Record, detail_of
from git_hybrid.core.audit_archives import AGAIN, RESTORE, Breach, gone, of_log
from git_hybrid.core.audit_overrides import against_closings
from git_hybrid.core.audit_state import against_state
from git_hybrid.core.files import LOCK, MIRRORS, OVERRIDES
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW, as_locked, binding, has_digest, is_of, last_pins, untold
from git_hybrid.core.last_told import has_branches
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides, binds, trail_of
from git_hybrid.core.values import format_time, parse_time
from git_hybrid.core.words import COMMITTED, JOINED, approval_words

if TYPE_CHECKING:
    from git_hybrid.core.witnesses import Witnesses

_REMOVED = frozenset({"remove", "prune"})
_CHECKOUT = f"git checkout HEAD -- {LOCK}"
_HAS = {
    "url": "URL",
    "ref": "ref",
    "tree": "content",
    "content_sha256": "content",
    "root_commits": "root commits",
    RESTS_ON: "override",
    DIGEST: "entry",
}
_BARE = "pin asks for an override there, so another wrote the record"
_BACK = f"{_BARE}, or a version that let it go back by way of another ref"
_TAKEN = "the tag moved between the two, and no override lets the pin follow it"
_IF_RIGHT = "if the new one is right: git hybrid remove {name}, then git hybrid add"


def against_files(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield what the files of the workspace, as they are and as they were committed, do not find in *records*."""
    yield from against_state(records, witnesses.state)
    yield from _against_overrides(records, witnesses.overrides)
    yield from against_closings(records)
    yield from _against_mirrors(records, witnesses.mirrors)
    for audit_hash, where in witnesses.hashes.items():
        if audit_hash not in records:
            yield gone(where, audit_hash)
    yield from _against_lock(records.values(), witnesses)
    yield from _against_losses(records, witnesses)
    yield from _against_removals(records, witnesses)
    yield from _against_bare_moves(records, witnesses)
    yield from _against_beginnings(records, witnesses.lock, signed=witnesses.has_keys)


def against_carried(records: Mapping[str, Record], lock: Lock, overrides: Overrides) -> Iterator[Breach]:
    """Yield what *lock* and *overrides* do not find in *records*, for which nobody needs what git has committed."""
    yield from _against_overrides(records, overrides)
    if lock.pins:
        # Imported here: it knows all that a log is held against.
        from git_hybrid.core.witnesses import Witnesses

        witnesses = Witnesses(lock=lock)
        yield from _against_lock(records.values(), witnesses)
        yield from _against_removals(records, witnesses)


def _against_lock(records: Collection[Record], witnesses: Witnesses) -> Iterator[Breach]:
    lock = witnesses.lock
    pinned: dict[tuple[object, object], list[Record]] = {}
    for item in binding(records):
        pinned.setdefault((item.get("source"), item.get("after")), []).append(item)
    seen = _first_told(records, lock)
    for name, pin in lock.pins.items():
        told = pinned.get((name, pin.commit), [])
        own = [record for record in reversed(told) if record["event"] == "pin"]
        if not told:
            what = f"no record tells that {name} was pinned to {pin.commit[:12]}, as {LOCK} says"
            proves = "the log was cut or replaced, or the lock was edited by hand"
            before = _committed(name, witnesses)
            is_edited = before is not None and (name, before.commit) in pinned
            mend = AGAIN if before is None and witnesses.lock_texts else RESTORE
            yield of_log("unexplained-pin", what, proves, mend=_CHECKOUT if is_edited else mend)
        elif own and (found := _foreign(own, pin, witnesses.manifest.sources.get(name), records)) is not None:
            yield found
        elif name in seen and seen[name] - pin.first_seen > APART:
            what = f"{name} was first seen at {format_time(pin.first_seen)}, as {LOCK} says, and the log"
            what += f" first tells of {pin.commit[:12]} at {format_time(seen[name])}"
            proves = "the time was made up, so that the commit looks older than it is"
            mend = f"git hybrid remove {name}, then git hybrid add: the log says when it was first seen"
            yield of_log("foreign-content", what, proves, mend=mend)


def _foreign(own: Sequence[Record], pin: Pin, source: Source | None, records: Collection[Record]) -> Breach | None:
    """Return what of *pin* none of *own* tells, the records of its commit, or the last one not, which comes first."""
    wrong, again = untold(own[0], pin, source), f"git hybrid pin {pin.source} --to {pin.commit}"
    if wrong and is_of(own[0], pin):
        what = f"record {str(own[0]['hash'])[:12]} has the digest of the pin that {LOCK} has for {pin.source}"
        proves = "pin tells both of the same table, so another wrote the record"
        return of_log("foreign-content", f"{what}, and another {_HAS[wrong]}", proves, mend=again)
    if not all(untold(record, pin, source) for record in own):
        return None
    what = f"no record tells of the {_HAS[wrong]} that {LOCK} has for {pin.source} at {pin.commit[:12]}"
    mend, proves = f"{_CHECKOUT}{COMMITTED}{again}", "the lock was edited by hand"
    if has_branches(records):
        mend, proves = f"{JOINED}{mend}", f"{proves}, or a merge joined two tables"
    return of_log("foreign-content", what, proves, mend=mend)


def _first_told(records: Collection[Record], lock: Lock) -> dict[SourceName, datetime]:
    """Return when the log first tells of the commit of each pin that was first seen on this side.

    A bundle brings the times of the side that it comes from; and an older version did not bind the time.
    """
    found: dict[SourceName, datetime] = {}
    bound, brought = set[SourceName](), set[SourceName]()
    for record in records:
        name = SourceName(str(record.get("source")))
        pin = lock.pins.get(name)
        if pin is None or record.get("after") != pin.commit:
            continue
        at = parse_time(str(record["at"]))
        found[name] = min(at, found.get(name, at))
        bound |= {name} if has_digest(record) else set()
        brought |= {name} if "bundle" in detail_of(record) else set()
    return {name: at for name, at in found.items() if name in bound - brought}


def _against_losses(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield the pins of declared sources that were made last, and that the lock has not."""
    lost = witnesses.manifest.sources.keys() - witnesses.lock.pins.keys()
    last = last_pins(records, lost, ends=ANEW).newest if lost else {}
    for name, digests in sorted(last.items()):
        commits = sorted(str(records[digest].get("after")) for digest in digests)
        if commits:
            was = " or ".join(item[:12] for item in dict.fromkeys(commits))
            what = f"{name} was pinned to {was} last, and {LOCK} has no pin of it"
            proves = "the lock lost its table: in a merge, a revert or by an edit"
            mend = f"git hybrid pin {name} --to {commits[0]}"
            if any(detail_of(records[digest]).get(RESTS_ON) for digest in digests):
                mend += f" {approval_words(signed=witnesses.has_keys)}"
            if _committed(SourceName(name), witnesses) is not None:
                mend = _CHECKOUT
            yield of_log("deleted-pin", what, proves, mend=mend)


def _against_removals(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    """Yield the pins of sources that were removed last."""
    removed = {str(record.get("source")) for record in records.values() if record["event"] in _REMOVED}
    pins = {str(name): pin for name, pin in witnesses.lock.pins.items() if name in removed}
    last = last_pins(records, pins, ends=ANEW).newest if pins else {}
    for name, pin in pins.items():
        if not last.get(name):
            what = f"{name} was removed last, and {LOCK} has it at {pin.commit[:12]}"
            mend = f"git hybrid pin {name} --to {pin.commit}"
            if pin.override is not None:
                mend += f" {approval_words(signed=witnesses.has_keys)}"
            proves = "a revert, a merge or a hand put its table back, or a picked commit brought that record"
            yield of_log("unexplained-pin", what, proves, mend=mend)


def _committed(name: SourceName, witnesses: Witnesses) -> Pin | None:
    """Return the pin of *name* in the lock of HEAD."""
    locks = (witnesses.decode_lock(text) for text in witnesses.lock_texts[:1])
    return next((lock.pins.get(name) for lock in locks if lock is not None), None)


def _against_beginnings(records: Mapping[str, Record], lock: Lock, *, signed: bool) -> Iterator[Breach]:
    """Yield the pins of *lock* whose last record says that they are the first, though the source had another before."""
    pinned = [record for record in records.values() if record["event"] == "pin"]
    begun = {(record.get("source"), record.get("after")) for record in pinned if _is_plain_beginning(record)}
    often = Counter(str(record.get("source")) for record in pinned)
    names = {name for name, pin in lock.pins.items() if often[name] > 1 and (name, pin.commit) in begun}
    if not names:
        return
    last = last_pins(records, names, ends=ANEW)
    for name, digests in last.newest.items():
        for record in (records[digest] for digest in digests if _is_plain_beginning(records[digest])):
            earlier = sorted(str(records[digest].get("after")) for digest in last.over[str(record["hash"])])
            if earlier and record.get("after") == lock.pins[SourceName(name)].commit not in earlier:
                commit, was = str(record["after"]), " or ".join(item[:12] for item in earlier)
                what = f"{name} was pinned to {commit[:12]} as if it had no pin, and its pin before was {was}"
                proves = "its table was taken out of the lock, so that the move was compared with nothing"
                yield of_log("unexplained-move", what, proves, mend=_put_back(name, earlier[0], signed=signed))


def _against_bare_moves(records: Mapping[str, Record], witnesses: Witnesses) -> Iterator[Breach]:
    pins = witnesses.lock.pins
    if not pins:
        return
    from git_hybrid.core.bare_moves import moved_tags, moving, steps_back, stray_tags, taken_tags
    from git_hybrid.core.bare_origins import other_names, other_repositories

    sources = witnesses.manifest.sources
    records = as_locked(records, pins, sources)
    tagged = moving(records, pins)
    hows = {
        "to another repository": other_repositories(records, pins, sources),
        "with its tag, by another name,": other_names(records, pins, sources),
        "back": steps_back(records, pins, sources),
        "with its tag": moved_tags(records, tagged, sources),
    }
    moves = {name: (earlier, how) for how, found in hows.items() for name, earlier in found.items()}
    for name, (earlier, how) in moves.items():
        was = " or ".join(item[:12] for item in earlier)
        what = f"{name} was moved {how} from {was} to {pins[name].commit[:12]} by a record without an override"
        mend = _put_back(name, earlier[0], signed=witnesses.has_keys)
        yield of_log("unexplained-move", what, _BACK if how == "back" else _BARE, mend=mend)
    for name, earlier in taken_tags(records, tagged, sources).items():
        was = " or ".join(item[:12] for item in earlier)
        what = f"{name} is at {pins[name].commit[:12]} by a tag that another branch had taken to {was} before"
        yield of_log("unexplained-move", what, _TAKEN, mend=_put_back(name, earlier[0], signed=witnesses.has_keys))
    for name, record in stray_tags(records, tagged):
        what = f"record {str(record['hash'])[:12]} moves {name} with its tag to {str(record.get('after'))[:12]}"
        what += f" without an override, and {LOCK} has it at {pins[name].commit[:12]}"
        yield of_log("unexplained-move", what, _BARE, mend=f"git hybrid pin {name} --to {pins[name].commit}")


def _put_back(name: str, commit: str, *, signed: bool) -> str:
    if_refused = f"where that is refused, with {approval_words(signed=signed)}"
    return f"git hybrid pin {name} --to {commit}; {if_refused}; {_IF_RIGHT.format(name=name)}"


def _is_plain_beginning(record: Record) -> bool:
    return record.get("before") is None and not detail_of(record).get(RESTS_ON)


def _against_overrides(records: Mapping[str, Record], overrides: Overrides) -> Iterator[Breach]:
    told = trail_of(tuple(records.values())).latest
    for item in overrides.records.values():
        record = records.get(item.audit_hash or "")
        last = told.get(item.id)
        if record is None:
            yield gone(f"{OVERRIDES}: {item.id}", item.audit_hash or "none")
        elif last is None:
            what = f"{item.id} names record {str(record['hash'])[:12]}, which is not of it, and no record is"
            proves = "it was written by hand, or the records of it are in another log"
            yield of_log("override-edited", what, proves, mend=AGAIN)
        elif not binds(last, item):
            what = f"{item.id} is not what record {str(last['hash'])[:12]} tells of it"
            proves = "a merge took one side, a pick brought records of another branch, or it was edited"
            yield of_log("override-edited", what, proves, mend=f"git hybrid override restore {item.id}")
    for identity in sorted(set(told) - set(overrides.records)):
        what = f"{identity} is in the log and not in {OVERRIDES}"
        proves = "the file lost its record: in a merge, a revert or by an edit; or a picked commit brought the other"
        yield of_log("override-deleted", what, proves, mend=f"git hybrid override restore {identity}")


def _against_mirrors(records: Mapping[str, Record], inventory: Inventory) -> Iterator[Breach]:
    details = [detail_of(record) for record in records.values() if record["event"] == "mirror-add"]
    if not details and not inventory.mirrors:
        return
    # Imported here: few workspaces have a mirror.
    from git_hybrid.core.mirror_told import is_told, lost_mirrors

    added = {(told.get("mirror"), told.get("base_url"), told.get("owner")) for told in details}
    for name, mirror in inventory.mirrors.items():
        if mirror.audit_hash not in records:
            yield gone(f"{MIRRORS}: {name}", mirror.audit_hash or "none")
        elif (name, mirror.base_url, mirror.owner) not in added:
            what = f"no record tells that {mirror.owner} answers for the mirror {name} at {mirror.base_url}"
            yield of_log("mirror-edited", what, "the inventory was edited by hand")
        elif not is_told(mirror, records):
            what = f"no record tells of the mirror {name} what {MIRRORS} says: how fresh it is"
            mend = f"git checkout HEAD -- {MIRRORS}{COMMITTED}git hybrid mirror verify {name}"
            yield of_log("mirror-edited", what, "the inventory was edited by hand", mend=mend)
    if any(told.get("mirror") not in inventory.mirrors for told in details):
        for name, mend in lost_mirrors(records, inventory).items():
            what = f"the mirror {name} is in the log and not in {MIRRORS}"
            proves = "the file lost its entry: in a merge, a revert or by an edit"
            yield of_log("mirror-deleted", what, proves, mend=mend)
