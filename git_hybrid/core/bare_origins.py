"""Pins that came by records without an override from elsewhere: another repository, or another name's tag. Pure.

As :mod:`git_hybrid.core.bare_moves` these are what ``pin`` refuses, and the log alone shows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from git_hybrid.core.audit import Record, detail_of, previous, rests_on
from git_hybrid.core.bare_moves import Found, Pins, Sources, commits_of, last_of, plain_pins
from git_hybrid.core.endpoints import repository_key
from git_hybrid.core.ids import SourceName
from git_hybrid.core.last_pins import ANEW, last_pins, repository_told, roots_told
from git_hybrid.core.last_told import Last, last_told
from git_hybrid.core.lock import Pin, is_other_repository
from git_hybrid.core.manifest import Tag, Version
from git_hybrid.core.pin_steps import Lifts, is_elsewhere, is_plain, lifts_of
from git_hybrid.core.value import replace


def other_repositories(records: Mapping[str, Record], pins: Pins, sources: Sources) -> Found:
    """Return where those of *pins* stood by another repository at the same URL, and left it without an override."""
    plain = plain_pins(pins, sources)
    told = (record for record in records.values() if record["event"] == "pin" and record.get("source") in plain)
    names = {record["source"] for record in told if _is_apart(record, plain[SourceName(str(record["source"]))])}
    asked = {name: pin for name, pin in plain.items() if name in names}
    last = last_of(records, asked, lambda _record: True)
    lifts = lifts_of(records) if asked else {}
    found: Found = {}
    for name, pin in asked.items():
        bare = _from_another(records, last, pin, lifts)
        newest = [item for item in last.newest.get(name, ()) if records[item].get("after") == pin.commit]
        if newest and all(item in bare for item in newest):
            found[name] = commits_of([record for item in newest for record in bare[item]])
    return found


def _is_apart(record: Record, pin: Pin) -> bool:
    """Tell whether *record* is of another repository than *pin*, at the same URL."""
    roots = roots_told(record)
    # Nearly all have the same.
    if roots == pin.root_commits or not is_other_repository(roots, pin.root_commits):
        return False
    return not is_elsewhere(detail_of(record), str(pin.url))


def _from_another(records: Mapping[str, Record], last: Last, pin: Pin, lifts: Lifts) -> Mapping[str, Sequence[Record]]:
    """Return the records of the source of *pin* that came from another repository by no override, with those of that.

    ``pin`` would refuse them. They say as little of what is served at the URL as what was forced in between, so what
    leads back to where it stood before is none of them.
    """
    found: dict[str, Sequence[Record]] = {}
    for digest in (item for item in last.over if records[item].get("source") == pin.source):
        record = records[digest]
        here = replace(pin, root_commits=roots_told(record) or pin.root_commits)
        is_asked = bool(here.root_commits) and (roots_told(record) or record.get("after") == pin.commit)
        is_bare = not rests_on(record) and not is_elsewhere(detail_of(record), str(pin.url))
        if is_asked and is_bare and (before := _left(records, last, digest, here, found, lifts)):
            found[digest] = before
    return found


def _left(
    records: Mapping[str, Record],
    last: Last,
    digest: str,
    here: Pin,
    bare: Mapping[str, Sequence[Record]],
    lifts: Lifts,
) -> Sequence[Record]:
    """Return the records of another repository than *here* that the one of *digest* follows; none where one is not."""
    open_, found = [*last.over[digest]], list[Record]()
    done = set(open_)
    while open_:
        item = open_.pop()
        record, is_forced = records[item], not is_plain(records[item], lifts)
        is_apart, is_known = _is_apart(record, here), bool(roots_told(record)) or is_forced
        if is_apart and not is_forced and item not in bare:
            found.append(record)
        elif is_apart or item in bare or not is_known or is_elsewhere(detail_of(record), str(here.url)):
            more = last.over[item] - done
            done |= more
            open_ += more
        else:
            return ()
    return found


def other_names(records: Mapping[str, Record], pins: Pins, sources: Sources) -> Found:
    """Return where other names had the tag of those of *pins* whose source began elsewhere by it, without an ``add``.

    So does one whose name was changed. What its ``add`` tells of begins anew.
    """
    tagged = {name: pin for name, pin in plain_pins(pins, sources).items() if _follows_tag(pin, sources)}
    by_tag: dict[tuple[object, object], list[Pin]] = {}
    for pin in tagged.values():
        by_tag.setdefault((repository_key(pin.url), pin.ref), []).append(pin)
    refs = {ref for _, ref in by_tag}
    beside, apart = dict[SourceName, set[str]](), set[SourceName]()
    for record in (item for item in records.values() if item["event"] == "pin"):
        ref = str(detail_of(record).get("ref"))
        for pin in by_tag.get((repository_told(record), ref), ()) if ref in refs else ():
            beside.setdefault(pin.source, set()).add(str(record["source"]))
            if record.get("after") != pin.commit:
                apart.add(pin.source)
    found: Found = {}
    lifts = lifts_of(records) if apart else {}
    for name in sorted(apart):
        others = beside[name] - {name}
        told = [_taken_from(records, first, tagged[name], others, lifts) for first in _firsts(records, tagged[name])]
        if told and all(told):
            found[name] = commits_of([item for had in told for item in had])
    return found


def _follows_tag(pin: Pin, sources: Sources) -> bool:
    return pin.ref.startswith("refs/tags/") and isinstance(sources[pin.source].track, Tag | Version)


def _is_by_tag(record: Record, pin: Pin) -> bool:
    """Tell whether *record* says where the tag of *pin* was; whoever follows a commit is asked no tag."""
    told = detail_of(record)
    return told.get("ref") == pin.ref and "commit" not in told and not is_elsewhere(told, str(pin.url))


def _firsts(records: Mapping[str, Record], pin: Pin) -> Sequence[Record]:
    """Return the records with which the source of *pin* came to its tag there; none where an override explains one."""
    last = last_of(records, {pin.source: pin}, lambda record: _is_by_tag(record, pin))
    at = [item for item in last.newest.get(pin.source, ()) if records[item].get("after") == pin.commit]
    way = _with_earlier(at, last.over)
    if any(rests_on(records[item]) for item in way):
        return ()
    firsts = [records[item] for item in way if not last.over[item]]
    return firsts if all(first.get("after") == pin.commit for first in firsts) else ()


def _taken_from(
    records: Mapping[str, Record], first: Record, pin: Pin, others: Collection[str], lifts: Lifts
) -> Sequence[Record]:
    """Return the records of *others* before *first* that had the tag of *pin* elsewhere; none where one agrees.

    What was forced agrees with all that the same name had by that tag before.
    """
    digest = str(first["hash"])
    way = _with_earlier([digest], {item: previous(record) for item, record in records.items()})
    earlier = {item: record for item, record in records.items() if item in way and item != digest}
    if _was_added(earlier, pin.source):
        return ()
    last = last_pins(earlier, others, ends=ANEW)
    had = list[Record]()
    for item in (item for newest in last.newest.values() for item in newest if _is_by_tag(earlier[item], pin)):
        way = {item} if is_plain(earlier[item], lifts) else _with_earlier([item], last.over)
        had += [earlier[one] for one in way if _is_by_tag(earlier[one], pin)]
    agrees = any(record.get("after") == pin.commit for record in had)
    return () if agrees else [record for record in had if is_plain(record, lifts)]


def _was_added(records: Mapping[str, Record], name: SourceName) -> bool:
    """Tell whether the last of *records* with which the source began, or ended, is an ``add``."""
    last = last_told(records, lambda record: name if record["event"] in ANEW and record.get("source") == name else None)
    return any(records[item]["event"] == "add" for item in last.newest.get(name, ()))


def _with_earlier(begin: Iterable[str], over: Mapping[str, Iterable[str]]) -> set[str]:
    """Return *begin*, and all that each of them follows."""
    open_ = [item for item in begin if item in over]
    done = set(open_)
    while open_:
        more = [item for item in over[open_.pop()] if item in over and item not in done]
        done.update(more)
        open_ += more
    return done
