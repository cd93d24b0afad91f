"""Records of overrides that no command writes, and those of pins that name an override which does not allow them.

An end without a beginning, or one that leaves out who had approved, is one of them. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of, rests_on, told_signatures
from git_hybrid.core.audit_archives import Breach, of_log
from git_hybrid.core.files import LOG
from git_hybrid.core.last_pins import ANEW, last_pins
from git_hybrid.core.last_told import last_told
from git_hybrid.core.named_overrides import is_whole, misnamed, without_names
from git_hybrid.core.override import CLOSINGS, is_as_digested, overridden

_ID = "foreign-override"


def borne_out(records: Mapping[str, Record], pinned: Collection[str]) -> tuple[Sequence[Breach], Mapping[str, Record]]:
    """Return the records that are not what their override is, and *records* without those of its names that are none.

    Of pins they are told as far as the sources are *pinned*; what one had before it began anew is gone. What these say
    is held against the others as of any record that names none.
    """
    wrong = misnamed(records)
    found = (*_by_others(records, wrong, pinned), *_unlike(records.values()), *_unbegun(records), *_changed(records))
    named = without_names(records, wrong)
    return (*found, *_unlifted(named, pinned)), named


def _unlike(records: Iterable[Record]) -> Iterator[Breach]:
    for record in records:
        if overridden(record) and not is_as_digested(record):
            yield _foreign(record, "tells something else than its digest is of", "both are written at once", _ID)


def _unbegun(records: Mapping[str, Record]) -> Iterator[Breach]:
    begun = {overridden(record) for record in records.values() if record["event"] == "override"}
    odd = [record for record in records.values() if (name := overridden(record)) and name not in begun]
    if odd and is_whole(records):
        why = "an override is made before it ends"
        yield from (_foreign(record, "follows no record that made it", why, _ID) for record in odd)


def _changed(records: Mapping[str, Record]) -> Iterator[Breach]:
    made: dict[str, Record] = {}
    for record in records.values():
        if name := overridden(record):
            first = made.setdefault(name, record)
            # No signature is of what an override lifts.
            if _what(record) != _what(first):
                why = "whoever renews or ends an override changes neither the move nor what it lifts"
                yield _foreign(record, "tells of something else than the first record of it", why, _ID)


def _what(record: Record) -> tuple[object, ...]:
    told = detail_of(record)
    return (*(record.get(key) for key in ("source", "before", "after")), told.get("kind"), told.get("lifts"))


def _by_others(records: Mapping[str, Record], wrong: Mapping[str, str], pinned: Collection[str]) -> Iterator[Breach]:
    names = {str(records[digest]["source"]) for digest in wrong}.intersection(pinned)
    last = last_pins(records, names, ends=ANEW) if names else None
    open_ = [] if last is None else [digest for newest in last.newest.values() for digest in newest]
    counted = set(open_)
    while last is not None and open_:
        more = last.over[open_.pop()] - counted
        counted |= more
        open_ += more
    for digest, why in wrong.items():
        if digest in counted:
            record = records[digest]
            name, commit = record["source"], str(record["after"])[:12]
            what = f"record {digest[:12]} has {name} at {commit} by {rests_on(record)}, {why}"
            mend = f"git hybrid remove {name}, then git hybrid add"
            yield of_log(_ID, what, "no pin names such a one, so another wrote the record", mend=mend)


def _unlifted(records: Mapping[str, Record], pinned: Collection[str]) -> Iterator[Breach]:
    forced = {str(record["source"]) for record in records.values() if rests_on(record)}.intersection(pinned)
    if not forced or not is_whole(records):
        return
    from git_hybrid.core.unlifted import unlifted  # noqa: PLC0415

    for found in unlifted(records, forced):
        record, was = found.record, " or ".join(item[:12] for item in found.before)
        name, commit = record["source"], str(record["after"])[:12]
        what = f"record {str(record['hash'])[:12]} has {name} at {commit}, and it was at {was}: {rests_on(record)}"
        why = "pin writes down all that it is forced past, so another wrote what is lifted"
        mend = f"git hybrid remove {name}, then git hybrid add"
        yield of_log(_ID, f"{what} does not lift {found.code}", why, mend=mend)


def against_closings(records: Mapping[str, Record]) -> Iterator[Breach]:
    """Yield the records that follow the end of their override, and the ends without the signatures that it had.

    Two branches may each end one: neither record follows the other then.
    """
    odd = _odd(records.values())
    if not odd:
        return
    last = last_told(records, lambda record: name if (name := overridden(record)) in odd else None)
    for digest, before in last.over.items():
        record, earlier = records[digest], [records[item] for item in before]
        if any(item["event"] in CLOSINGS for item in earlier):
            yield _foreign(record, "follows its end", "what was closed stays closed")
        elif record["event"] in CLOSINGS and not _keeps_signatures(record, earlier):
            yield _foreign(record, "ends it without the signatures that it had", "an end keeps what was signed")


def _odd(records: Iterable[Record]) -> set[str]:
    """Return the overrides of which a record stands behind an end, or an end lacks a signature: a merge may do both."""
    signed: dict[str, frozenset[str]] = {}
    ended, odd = set[str](), set[str]()
    for record in records:
        if not (name := overridden(record)):
            continue
        has = told_signatures(record)
        is_end = record["event"] in CLOSINGS
        if name in ended or (is_end and not signed.get(name, frozenset()) <= has):
            odd.add(name)
        ended |= {name} if is_end else set()
        signed[name] = signed.get(name, frozenset()) | has
    return odd


def _keeps_signatures(record: Record, earlier: list[Record]) -> bool:
    """Tell whether *record* has the signatures of one of *earlier*; a merge takes the record of one side."""
    has = told_signatures(record)
    return not earlier or any(told_signatures(item) <= has for item in earlier)


def _foreign(record: Record, how: str, why: str, identity: str = "foreign-closing") -> Breach:
    what = f"record {str(record['hash'])[:12]} of {overridden(record)} {how}"
    return Breach(id=identity, file=LOG, line=0, what=what, proves=f"{why}, so another wrote the record")
