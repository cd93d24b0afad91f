"""Where a pin stood before its entry came to follow something else, as the audit log has it. Pure.

By way of a ref beside it a pin went back, and no two records that follow each other showed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.governance import REPLACED
from git_hybrid.core.ids import Url
from git_hybrid.core.last_pins import ANEW, TRACKS, last_pins, pin_of
from git_hybrid.core.last_told import Last
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source, track_field
from git_hybrid.core.override import RESTS_ON
from git_hybrid.core.pin_steps import Lifts

Followed = tuple[str, str]


def followed(record: Record) -> Followed | None:
    """Return what the entry asked for of which *record* tells, as a key and its value; older versions told it not."""
    told = detail_of(record)
    return next(((key, str(told[key])) for key in TRACKS if key in told), None)


def left_pins(records: Iterable[Record], lifts: Lifts, source: Source, url: Url) -> tuple[Pin, ...]:
    """Return the pins of *url* that needed no override, and that *source* left by following something else.

    There are none where it follows what its last record tells, by no override: its entry was edited in something else.
    """
    by_hash, now = {str(record["hash"]): record for record in records}, track_field(source.track)
    last = last_pins(by_hash, {source.name}, ends=ANEW)
    told = {item: by_hash[item] for item in last.newest.get(source.name, ())}
    begin = [(item, now) for item in told if _is_forced(told[item]) or followed(told[item]) != now]
    pins = (pin_of(record, source.name, url) for record in left_records(by_hash, last, begin, lifts))
    return tuple(pin for pin in pins if same_repository(pin.url, url))


def _is_forced(record: Record) -> bool:
    return bool(detail_of(record).get(RESTS_ON))


def left_records(
    records: Mapping[str, Record], last: Last, begin: Iterable[tuple[str, Followed | None]], lifts: Lifts
) -> list[Record]:
    """Return the records without an override that what came after each of them left for something else to follow.

    *begin* are the last ones, each with what was followed after it. What an override let in where upstream's past is
    gone is a beginning: what stood before it is of another history.
    """
    open_ = list(begin)
    done, found = set(open_), list[Record]()
    while open_:
        digest, after = open_.pop()
        record = records[digest]
        own, identity = followed(record), detail_of(record).get(RESTS_ON)
        if identity and REPLACED & lifts.get(str(identity), REPLACED):
            continue
        if not identity and (own is None or own != after):
            found.append(record)
        more = {(item, own) for item in last.over[digest]} - done
        done |= more
        open_ += sorted(more, key=lambda pair: pair[0])
    return found
