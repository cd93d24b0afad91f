"""Where a pin stood last, as the audit log has it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress

from git_hybrid.core.audit import Record, detail_of, previous
from git_hybrid.core.ids import InvalidText, Oid, RefName, SourceName, Url, parse_url
from git_hybrid.core.lock import UNREACHABLE, Pin
from git_hybrid.core.override import RESTS_ON
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time

ANEW = frozenset({"add", "remove", "prune"})
"""The events with which a source begins or ends: what stood before them is compared with nothing.

Whatever puts a source into the manifest or takes it out records one of them; by hand no source begins anew.
"""


class LastPins(Struct, frozen=True):
    """The records that pinned each source last, by their hashes: more than one where branches went on side by side.

    ``over`` has for each record of a pin those whose place it took.
    """

    newest: Mapping[str, frozenset[str]]
    over: Mapping[str, frozenset[str]]


def last_pins(records: Mapping[str, Record], names: Collection[str], *, ends: Collection[str] = ()) -> LastPins:
    """Return the records that pinned each of *names* last; what an event of *ends* follows counts no more.

    A record that moves a pin stands for all records of that pin that it follows, over any number of others.
    """
    at: dict[str, dict[str, frozenset[str]]] = {}
    over: dict[str, frozenset[str]] = {}
    replaced: set[str] = set()
    for digest, record in records.items():
        known: dict[str, frozenset[str]] = {}
        for item in previous(record):
            for name, pins in at.get(item, {}).items():
                known[name] = known.get(name, frozenset()) | pins
        name, event = str(record.get("source")), record["event"]
        if name in names and (event == "pin" or event in ends):
            replaced |= known.get(name, frozenset())
            if event == "pin":
                over[digest] = known.get(name, frozenset())
            known[name] = frozenset({digest}) if event == "pin" else frozenset()
        at[digest] = known
    newest: dict[str, frozenset[str]] = {}
    for known in at.values():
        for name, pins in known.items():
            newest[name] = newest.get(name, frozenset()) | pins
    return LastPins({name: pins - replaced for name, pins in newest.items()}, over)


def pins_of_log(records: Iterable[Record], name: SourceName, url: Url) -> tuple[Pin, ...]:
    """Return the last pin of a source that was not removed, as far as *records* tell of it; one for each branch.

    They do not tell the tag object, nor the roots of the history; where one tells no URL, it was *url*.
    """
    by_hash = {str(record["hash"]): record for record in records}
    newest = last_pins(by_hash, {name}, ends=ANEW).newest.get(name, frozenset())
    return tuple(_pin(by_hash[digest], name, url) for digest in by_hash if digest in newest)


def _pin(record: Record, name: SourceName, url: Url) -> Pin:
    told, at = detail_of(record), parse_time(str(record["at"]))
    ref = RefName(str(told.get("ref") or UNREACHABLE))
    rests_on = told.get(RESTS_ON)
    with suppress(InvalidText):
        url = parse_url(str(told.get("url", "")))
    return Pin(
        source=name,
        url=url,
        ref=ref,
        commit=Oid(str(record["after"])),
        tree=Oid(str(told.get("tree", ""))),
        reachable_from=ref,
        content_sha256=str(told.get("content_sha256", "")),
        commit_time=at,
        first_seen=at,
        config_digest="",
        override=None if rests_on is None else str(rests_on),
    )
