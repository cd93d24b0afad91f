"""What of the audit log is at odds with a pin that a commit moved to where it stands. Pure.

A record by another URL or ref explains no pin that comes back from there: two edits that cancel out leave nothing to
see. So that is held against its last records by its own URL and ref, as ``pin`` holds it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from git_hybrid.core.audit import RESTS_ON, Record, detail_of, rests_on
from git_hybrid.core.errors import Rollback
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.last_pins import former_records, last_pins, untold
from git_hybrid.core.last_told import brought_along
from git_hybrid.core.lock import Pin, table_of
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct

Place = tuple[str, ...]
"""Where a pin stands, and by what: its commit, and the other lines of its table that say so."""
_KEYS = ("commit", "url", "ref", "config_digest", "override")
_LINE = pattern(rf'(?m)^({"|".join(_KEYS)}) = "([^"\\]*)"$')
_LAST, _MERGED = "the last record of its pin has", "a merge before that had left it at"


class Side(Struct, frozen=True):
    """The commit at which a pin ``stood`` that was moved from there, and the lines of the log that were known then."""

    stood: str
    known: frozenset[str]


class Odds(Struct, frozen=True):
    """The ``records`` that have a pin otherwise than it stands, and ``how`` they come to count, in words."""

    records: Sequence[Record]
    how: str


def place_of(pin: Pin) -> Place:
    """Return where *pin* stands."""
    table = table_of(pin)
    return tuple(str(table[key] or "") for key in _KEYS)


def place_in(table: str) -> Place | None:
    """Return where the pin of a *table* of the lock stands, if that is written as we write it."""
    lines = _LINE.findall(table)
    found = dict(lines)
    return tuple(found.get(key, "") for key in _KEYS) if "commit" in found and len(found) == len(lines) else None


def is_by(record: Record, pin: Pin) -> bool:
    """Tell whether *record*, which is of the commit of *pin*, tells of it by the same URL and ref, forced or not."""
    told = detail_of(record)
    # The digest of a whole table takes longer, and most pins follow a branch or a tag.
    same = told.get("url", pin.url) == pin.url and told.get("ref", pin.ref) == pin.ref and "commit" not in told
    return (same and bool(rests_on(record)) == (pin.override is not None)) or not untold(record, pin)


def at_odds(
    records: Mapping[str, Record],
    newest: Collection[str],
    pin: Pin,
    lines: Mapping[str, str],
    sides: Sequence[Side],
) -> Odds | None:
    """Return what does not explain that *pin* was moved to where it stands, by *records*; None if they explain it.

    *newest* are its last ones. *sides* are those that the move was made from: where one stood at another of the last
    records, and the line (by *lines*) of the one of its commit was known there, there it was decided.
    """
    last = [records[digest] for digest in sorted(newest)]
    own = [record for record in last if record.get("after") == pin.commit]
    if not own:
        undone = _undone(records, last, pin, sides)
        if undone is None:
            return Odds(_as_needed(records, last), _LAST)
        return at_odds(undone, newest_of(undone, pin.source), pin, lines, sides)
    here = {str(record["hash"]) for record in own}
    # Where the record of the one side only came along with the other nobody had decided.
    others = {str(record.get("after")) for record in last if here.isdisjoint(brought_along(record))} - {pin.commit}
    told = {lines[str(record["hash"])] for record in own}
    if any(side.stood in others and side.known >= told for side in sides):
        return Odds([record for record in last if record not in own], _MERGED)
    return None if any(is_by(record, pin) for record in own) else _by_its_own(records, pin)


def newest_of(records: Mapping[str, Record], name: SourceName) -> Collection[str]:
    """Return the last records of the pin of *name*; of many pins :func:`last_pins` tells at once."""
    return last_pins(records, {name}).newest.get(name, frozenset())


def is_left(records: Mapping[str, Record], newest: Collection[str], pin: Pin, sides: Collection[Side]) -> bool:
    """Tell whether *pin* was left at its commit, where *sides* had it, and none of its *newest* records has it there.

    Its table alone changed: what put it there, or that records of another branch came along, was before.
    """
    is_told = any(records[digest].get("after") == pin.commit for digest in newest)
    return {side.stood for side in sides} == {pin.commit} and not is_told


def _undone(
    records: Mapping[str, Record], last: Sequence[Record], pin: Pin, sides: Collection[Side]
) -> Mapping[str, Record] | None:
    """Return *records* without the one that is *last*, if *pin* only takes back what that had forced; None if not.

    A revert of what an override had let in needs no approval. A rollback was approved to get away from where it came
    from, and what was forced without need is a step ahead as any: whoever goes back there makes a move.
    """
    record = last[0] if len(last) == 1 and rests_on(last[0]) else {}
    is_revert = record.get("before") == pin.commit and any(side.stood == record.get("after") for side in sides)
    if not is_revert:
        return None
    from git_hybrid.core.pin_steps import lifts_of  # noqa: PLC0415

    lifts = lifts_of(records).get(str(detail_of(record)[RESTS_ON]))
    if lifts == frozenset() or Rollback.code in (lifts or ()):
        return None
    return {**records, str(record["hash"]): {**record, "event": "undone"}}


def _as_needed(records: Mapping[str, Record], last: Sequence[Record]) -> Sequence[Record]:
    """Return the *last* of *records* where those that were forced without need name no override."""
    if not any(rests_on(record) for record in last):
        return last
    from git_hybrid.core.named_overrides import without_names  # noqa: PLC0415
    from git_hybrid.core.pin_steps import is_plain, lifts_of  # noqa: PLC0415

    told, lifts = {str(record["hash"]): record for record in last}, lifts_of(records)
    return list(without_names(told, [key for key, record in told.items() if is_plain(record, lifts)]).values())


def _by_its_own(records: Mapping[str, Record], pin: Pin) -> Odds | None:
    """Return what *pin* is at odds with by its own URL and ref; by no ref if its entry names the commit."""
    own = (item for item in records.values() if item["event"] == "pin" and item.get("source") == pin.source)
    by_commit = any("commit" in detail_of(item) and not _otherwise(item, pin) for item in own)
    for ref in (None,) if by_commit else (None, pin.ref):
        found = former_records(records.values(), pin.source, pin.url, ref)
        same = (item for item in found if item.get("after") == pin.commit)
        if found and not any(bool(rests_on(item)) == (pin.override is not None) for item in same):
            return Odds(found, f"the last record of its pin by {'this URL' if ref is None else short_ref(ref)} has")
    return None


def _otherwise(record: Record, pin: Pin) -> bool:
    return record.get("after") != pin.commit or bool(untold(record, pin))
