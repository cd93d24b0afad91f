"""Pins that follow a tag and moved with it, by records that no plain pin writes. Pure.

A record with right hashes is no proof that its command was run. By one tag ``pin`` takes one commit, and another only
with an override, which its record names: what says otherwise was not written by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW
from git_hybrid.core.last_told import Last, last_told
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Source, Tag, Version
from git_hybrid.core.override import RESTS_ON


def moved_tags(
    records: Mapping[str, Record], pins: Mapping[SourceName, Pin], sources: Mapping[SourceName, Source]
) -> dict[SourceName, tuple[str, ...]]:
    """Return where those of *pins* stood by the same tag before they were moved without an override."""
    asked = {name: pin for name, pin in pins.items() if _follows_tag(pin, sources.get(name))}
    commits: dict[str, set[object]] = {}
    for record in records.values() if asked else ():
        if _is_by_tag(record, asked):
            commits.setdefault(str(record["source"]), set()).add(record.get("after"))
    asked = {name: pin for name, pin in asked.items() if len(commits.get(name, ())) > 1}
    if not asked:
        return {}

    def about(record: Record) -> str | None:
        begins = record["event"] in ANEW and record.get("source") in asked
        return str(record["source"]) if begins or _is_by_tag(record, asked) else None

    last = last_told(records, about, ends=ANEW)
    found = {name: _stood(records, last, name, pin.commit) for name, pin in asked.items()}
    return {name: before for name, before in found.items() if before}


def _follows_tag(pin: Pin, source: Source | None) -> bool:
    if source is None or pin.override is not None or not is_valid(pin, source):
        return False
    return isinstance(source.track, Tag | Version) and pin.ref.startswith("refs/tags/")


def _is_by_tag(record: Record, pins: Mapping[SourceName, Pin]) -> bool:
    """Tell whether *record* is of a pin by the tag of one of *pins*, or to its commit.

    Whoever follows a commit is asked no tag; and an older version, which told not what was followed, let a tag move
    while that was something else.
    """
    pin = pins.get(SourceName(str(record.get("source")))) if record["event"] == "pin" else None
    told = detail_of(record)
    if pin is None or (told.get("url"), told.get("ref")) != (str(pin.url), pin.ref):
        return False
    return "tag" in told or "version" in told or record.get("after") == pin.commit


def _stood(records: Mapping[str, Record], last: Last, name: str, commit: str) -> tuple[str, ...]:
    """Return the commits from which a pin went to *commit* for the first time; nothing where that is explained.

    It is by an override on either side, by a beginning, or by an earlier pin to it: then a tag was put right again.
    """
    open_ = [digest for digest in last.newest.get(name, ()) if records[digest].get("after") == commit]
    moved, done = set[str](), set(open_)
    while open_:
        digest = open_.pop()
        before = last.over[digest]
        if _is_forced(records[digest]) or not before:
            return ()
        same = [item for item in before if records[item].get("after") == commit]
        open_ += [item for item in same if item not in done]
        done.update(same)
        if not same:
            moved |= before
    if any(map(_is_forced, (records[digest] for digest in moved))):
        return ()
    if any(records[digest].get("after") == commit for digest in _before(last, moved)):
        return ()
    return tuple(sorted({str(records[digest].get("after")) for digest in moved}))


def _is_forced(record: Record) -> bool:
    return bool(detail_of(record).get(RESTS_ON))


def _before(last: Last, digests: set[str]) -> Iterator[str]:
    """Yield the records that those of *digests* follow, over any number of others."""
    open_: Sequence[str] = tuple(digests)
    done = set(digests)
    while open_:
        open_ = [item for digest in open_ for item in last.over[digest] if item not in done]
        done.update(open_)
        yield from open_
