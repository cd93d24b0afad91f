"""Pins that moved by records without an override where ``pin`` asks for one: with their tag, or a step back. Pure.

A record with right hashes is no proof that its command was run. What ``pin`` refuses without an override, and the log
alone shows, was not written by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from git_hybrid.core.audit import RESTS_ON, TRACKS, Record, detail_of
from git_hybrid.core.errors import Rollback
from git_hybrid.core.governance import REPLACED
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.last_pins import ANEW, DESCENDS, bare_tags, by_source, last_records, pin_of
from git_hybrid.core.last_told import Last, last_told
from git_hybrid.core.lock import Pin, is_valid, still_allowed
from git_hybrid.core.manifest import Source, Tag, Version
from git_hybrid.core.pin_steps import Step, Walk, is_elsewhere, is_plain, lifts_of
from git_hybrid.core.value import replace

_TRACKS = frozenset(TRACKS)
Pins = Mapping[SourceName, Pin]
Sources = Mapping[SourceName, Source]
Found = dict[SourceName, tuple[str, ...]]


def moved_tags(records: Mapping[str, Record], pins: Pins, sources: Sources) -> Found:
    """Return where those of *pins* stood by the same tag before they were moved without an override."""
    asked, walk = _by_their_tags(records, pins, sources)
    found = {name: commits_of(_moved_from(walk, pin, sources[name])) for name, pin in asked.items()}
    return {name: before for name, before in found.items() if before}


def _moved_from(walk: Walk, pin: Pin, source: Source) -> Sequence[Record]:
    """Return what *pin* was moved from with its tag; nothing where that led back: upstream put its tag right again."""
    bare = set[object]()

    def moved_from(newest: Iterable[str]) -> Sequence[Record]:
        steps = replace(walk, last=Last({pin.source: frozenset(newest)}, walk.last.over)).steps(pin, source)
        before = [item for step in steps for item in step.before]
        here = (item for item in walk.all_before(before) if item.get("after") == pin.commit)
        # What another wrote says nothing of where the tag was; what a commit was named for says it of itself alone.
        told = (item for item in here if item["hash"] not in bare or (item in before and "commit" in detail_of(item)))
        return [] if any(not REPLACED & walk.lifted(item) for item in told) else before

    last = walk.last.newest.get(pin.source, frozenset())
    if not moved_from(last):
        # The earlier ones first: each may be what explains the next.
        for item in walk.last.over:
            record = walk.records[item]
            if record.get("source") == pin.source and record.get("after") == pin.commit and moved_from([item]):
                bare.add(item)
    return moved_from(last)


def taken_tags(records: Mapping[str, Record], pins: Pins, sources: Sources) -> Found:
    """Return where another branch had taken the tag of those of *pins*, before any took it to where the pin is.

    Whoever merges the two may not choose: by one tag there is one commit, and an override lets it have another.
    """
    asked, walk = _by_their_tags(records, pins, sources)
    found: Found = {}
    for name, pin in asked.items():
        newest = [records[item] for item in walk.last.newest.get(name, ())]
        own = [item for item in newest if item.get("after") == pin.commit]
        others = [item for item in newest if item not in own and is_plain(item, walk.lifts)]
        if own and others and not any(detail_of(item).get(RESTS_ON) for item in own):
            first = _first_by(_of(records.values(), {name: pin}), pin.ref)
            found[name] = commits_of([item for item in others if first[item.get("after")] <= first[pin.commit]])
    return {name: before for name, before in found.items() if before}


def _by_their_tags(records: Mapping[str, Record], pins: Pins, sources: Sources) -> tuple[Pins, Walk]:
    """Return those of *pins* that follow a tag which the log has at more than one commit, and the way back by it."""
    plain = plain_pins(pins, sources)
    tagged = {name: pin for name, pin in plain.items() if isinstance(sources[name].track, Tag | Version)}

    def is_by_tag(record: Record) -> bool:
        """Tell whether it is of a pin by the tag of the pin, or to its commit: whoever follows that is asked no tag."""
        pin, told = tagged[SourceName(str(record["source"]))], detail_of(record)
        if told.get("ref") != pin.ref or not pin.ref.startswith("refs/tags/") or is_elsewhere(told, str(pin.url)):
            return False
        return "tag" in told or "version" in told or record.get("after") == pin.commit

    commits: dict[str, set[object]] = {}
    for record in _of(records.values(), tagged):
        if is_by_tag(record):
            commits.setdefault(str(record["source"]), set()).add(record.get("after"))
    asked = {name: pin for name, pin in tagged.items() if len(commits.get(name, ())) > 1}
    return asked, Walk(records, last_of(records, asked, is_by_tag), lifts_of(records) if asked else {})


def _first_by(records: Iterable[Record], ref: RefName) -> Mapping[object, str]:
    """Return when *records* first tell of each commit by *ref*."""
    first: dict[object, str] = {}
    for record in records:
        if detail_of(record).get("ref") == ref:
            at, commit = str(record["at"]), record.get("after")
            first[commit] = min(at, first.get(commit, at))
    return first


def moving(records: Mapping[str, Record], pins: Pins) -> Pins:
    """Return those of *pins* of which the log has a tag at more than one commit; of nearly all it has not."""
    at: dict[tuple[object, str], object] = {}
    names = set[object]()
    for record in _of(records.values(), pins):
        ref, commit = str(detail_of(record).get("ref")), record.get("after")
        if ref.startswith("refs/tags/") and at.setdefault((record["source"], ref), commit) != commit:
            names.add(record["source"])
    return {name: pin for name, pin in pins.items() if name in names}


def stray_tags(records: Mapping[str, Record], pins: Pins) -> Iterator[tuple[SourceName, Record]]:
    """Yield the last records of *pins* that moved one with its tag and no override, and that the lock denies.

    ``pin`` would refuse that move. Whoever went on from such a record would take a tag that stayed for one that moved.
    """
    by_name = by_source(records.values()) if pins else {}
    for name, pin in pins.items():
        told = by_name.get(name, ())
        elsewhere = [record for record in last_records(told, name) if record.get("after") != pin.commit]
        yield from ((name, record) for record in elsewhere if record["hash"] in bare_tags(told, record))


def steps_back(records: Mapping[str, Record], pins: Pins, sources: Sources) -> Found:
    """Return where those of *pins* stood that went back, by version or on their branch, without an override.

    So are those that stayed where an override alone allows them, by a record that names none; and those that went back
    by way of another ref behind what the entry allows still.
    """
    asked = _may_be_back(records.values(), plain_pins(pins, sources))
    walk = Walk(records, last_of(records, asked, lambda _record: True), lifts_of(records) if asked else {})
    found: Found = {}
    for name, pin in asked.items():
        steps = walk.steps(pin, sources[name])
        above = [_left_above(walk, step, sources[name]) for step in steps]
        if steps and all(newer or _went_back(walk, step) for step, newer in zip(steps, above, strict=True)):
            pairs = zip(steps, above, strict=True)
            found[name] = commits_of([item for step, newer in pairs for item in newer or step.before])
    return found


def _went_back(walk: Walk, step: Step) -> bool:
    """Tell whether no plain pin takes *step* from any of what it is judged by."""
    earlier = walk.all_before(step.before)
    return all(
        REPLACED & step.left or _is_behind(step, item) or is_back(walk, step.to, item, earlier) for item in step.before
    )


def _left_above(walk: Walk, step: Step, source: Source) -> list[Record]:
    """Return the records of newer versions, which *source* allows, that the pin left for another ref before *step*."""
    # Imported here: nearly no pin has a newer version in the log.
    from git_hybrid.core.left_pins import after_of, followed, left_records

    to, told = step.to, detail_of(step.to)
    ref = str(told.get("ref"))
    if followed(to) is None or told.get(DESCENDS):
        return []
    begin = [(digest, after_of(to)) for digest in sorted(walk.last.over[str(to["hash"])])]
    left = [record for record in left_records(walk.records, walk.last, begin, walk.lifts) if followed(record)]
    newer = [record for record in left if _is_older(str(detail_of(record).get("ref")), ref)]
    return [record for record in newer if still_allowed(pin_of(record, source.name, source.url), source)]


def plain_pins(pins: Pins, sources: Sources) -> dict[SourceName, Pin]:
    """Return those of *pins* that are as the manifest wants them, and rest on no override."""
    return {
        name: pin
        for name, pin in pins.items()
        if name in sources and pin.override is None and is_valid(pin, sources[name])
    }


def _of(records: Iterable[Record], pins: Pins) -> Iterator[Record]:
    return (record for record in records if record["event"] == "pin" and record.get("source") in pins)


def _may_be_back(records: Iterable[Record], pins: Pins) -> dict[SourceName, Pin]:
    """Return those of *pins* of which the log has a newer version, or another commit between two records of theirs.

    Those that were forced there are asked as well; nearly all are none of these.
    """
    refs: dict[SourceName, set[str]] = {}
    left, back = dict[SourceName, bool](), set[SourceName]()
    for record in _of(records, pins):
        name = SourceName(str(record["source"]))
        refs.setdefault(name, set()).add(str(detail_of(record).get("ref")))
        is_here = record.get("after") == pins[name].commit
        if is_here and (left.get(name) or detail_of(record).get(RESTS_ON)):
            back.add(name)
        if is_here or name in left:
            left[name] = not is_here
    back.update(name for name, seen in refs.items() if any(_is_older(ref, pins[name].ref) for ref in seen))
    return {name: pin for name, pin in pins.items() if name in back}


def last_of(records: Mapping[str, Record], pins: Pins, counts: Callable[[Record], bool]) -> Last:
    """Return the last records of each of *pins* that count, since its source last began anew."""
    if not pins:
        return Last({}, {})

    def about(record: Record) -> str | None:
        if record.get("source") not in pins:
            return None
        is_told = record["event"] in ANEW or (record["event"] == "pin" and counts(record))
        return str(record["source"]) if is_told else None

    return last_told(records, about, ends=ANEW)


def _is_behind(step: Step, item: Record) -> bool:
    """Tell whether *step* stays where an override let it go back to, on the branch, from *item*."""
    is_there = step.to.get("after") == item.get("after")
    return Rollback.code in step.left and not is_there and _is_by_branch(step.to, item)


def _is_by_branch(to: Record, item: Record) -> bool:
    new, old = detail_of(to), detail_of(item)
    is_same = not is_elsewhere(new, old.get("url")) and new.get("ref") == old.get("ref")
    return is_same and "branch" in new and "branch" in old


def is_back(walk: Walk, to: Record, item: Record, earlier: Sequence[Record]) -> bool:
    """Tell whether no plain pin goes from *item* to *to*, by what both tell and which commit came *earlier*."""
    new, old = detail_of(to), detail_of(item)
    if is_elsewhere(new, old.get("url")) or not (_TRACKS & new.keys() and _TRACKS & old.keys()):
        return False
    if _is_older(str(old.get("ref")), str(new.get("ref"))):
        return not new.get(DESCENDS)
    if not _is_by_branch(to, item) or item.get("after") == to.get("after"):
        return False
    # What was forced may have lain off the branch, and be ahead of it by now.
    plain = [record for record in earlier if not detail_of(record).get(RESTS_ON)]
    there = [record for record in plain if record.get("after") == item.get("after")] or [item]
    # Where the log has one line before the other, branches may have written both: that is no order.
    return all(_follows(walk, record, to.get("after")) for record in there)


def _follows(walk: Walk, record: Record, commit: object) -> bool:
    """Tell whether *record* follows one that pinned *commit* without an override."""
    before = walk.all_before([record])
    return any(other.get("after") == commit and not detail_of(other).get(RESTS_ON) for other in before)


def _is_older(old: str, new: str) -> bool:
    if not (old.startswith("refs/tags/") and new.startswith("refs/tags/")) or old == new:
        return False
    from git_hybrid.core.resolve import is_older_release

    return is_older_release(RefName(old), RefName(new))


def commits_of(records: Sequence[Record]) -> tuple[str, ...]:
    """Return the commits that *records* pinned, each once, in order."""
    return tuple(sorted({str(record.get("after")) for record in records}))
