"""Where a pin stood before its entry came to follow something else, as the audit log has it. Pure.

By way of a ref beside it a pin went back, and no two records that follow each other showed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_hybrid.core.audit import RESTS_ON, TRACKS, Record, detail_of, rests_on
from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.governance import REPLACED
from git_hybrid.core.ids import Url
from git_hybrid.core.last_pins import ANEW, last_pins, pin_of
from git_hybrid.core.last_told import Last
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source, track_field
from git_hybrid.core.pin_steps import Lifts, is_elsewhere, is_plain

Followed = tuple[str, str]
After = tuple[Followed | None, Json]


def followed(record: Record) -> Followed | None:
    """Return what the entry asked for of which *record* tells, as a key and its value; older versions told it not."""
    told = detail_of(record)
    return next(((key, str(told[key])) for key in TRACKS if key in told), None)


def after_of(record: Record) -> After:
    """Return what *record* tells of what was followed, and where."""
    return followed(record), detail_of(record).get("url")


def left_pins(told: Mapping[str, Sequence[Record]], lifts: Lifts, source: Source, url: Url) -> tuple[Pin, ...]:
    """Return the pins of *url* that needed no override, and that *source* left by following something else.

    There are none where it follows what its last record tells, by no override: its entry was edited in something else.
    *told* are the records of each source (:func:`git_hybrid.core.last_pins.by_source`).
    """
    now: After = (track_field(source.track), str(url))
    records, last = _with_former_names(told, source.name)
    newest = {item: records[item] for item in last.newest.get(source.name, ())}
    begin = [(item, now) for item in newest if rests_on(newest[item]) or _is_left(newest[item], now)]
    pins = (pin_of(record, source.name, url) for record in left_records(records, last, begin, lifts))
    return tuple(pin for pin in pins if same_repository(pin.url, url))


def _with_former_names(told: Mapping[str, Sequence[Record]], name: str) -> tuple[Mapping[str, Record], Last]:
    """Return the records of *name*, and of the names from which its source went on: they are as of one name."""
    names, records, over = [name], dict[str, Record](), dict[str, frozenset[str]]()
    newest: Mapping[str, frozenset[str]] = {}
    for now in names:
        mine = {str(record["hash"]): record for record in told.get(now, ())}
        last = last_pins(mine, {now}, ends=ANEW)
        newest = newest or last.newest
        records.update(mine)
        over.update(last.over)
        for digest in (digest for digest, before in last.over.items() if not before and mine[digest].get("before")):
            stood = _stood_at(told, mine[digest])
            over[digest] = frozenset(str(record["hash"]) for record in stood)
            names += sorted({str(record["source"]) for record in stood} - set(names))
    return records, Last(newest, over)


def _stood_at(told: Mapping[str, Sequence[Record]], first: Record) -> list[Record]:
    """Return the records of other names that pinned what *first*, with which a name begins, says was pinned before."""
    others = (record for name in sorted(told) if name != first["source"] for record in told[name])
    pins = (record for record in others if record["event"] == "pin" and record.get("after") == first["before"])
    return [record for record in pins if not _is_other(record, detail_of(first).get("url"))]


def _is_left(record: Record, after: After) -> bool:
    own = followed(record)
    return own is None or own != after[0] or _is_other(record, after[1])


def _is_other(record: Record, url: Json) -> bool:
    told = detail_of(record)
    return None not in (told.get("url"), url) and is_elsewhere(told, url)


def left_records(
    records: Mapping[str, Record], last: Last, begin: Iterable[tuple[str, After]], lifts: Lifts
) -> list[Record]:
    """Return the records without need of an override that what came after each left for something else to follow.

    *begin* are the last ones, each with what was followed after it, and where. What an override let in where upstream's
    past is gone is a beginning: what stood before it is of another history.
    """
    open_ = list(begin)
    done, found = set(open_), list[Record]()
    while open_:
        digest, after = open_.pop()
        record = records[digest]
        identity = detail_of(record).get(RESTS_ON)
        if identity and REPLACED & lifts.get(str(identity), REPLACED):
            continue
        if is_plain(record, lifts) and _is_left(record, after):
            found.append(record)
        more = {(item, after_of(record)) for item in last.over.get(digest, ())} - done
        done |= more
        open_ += sorted(more, key=lambda pair: pair[0])
    return found
