"""Which pins moved with their tag by records that no plain pin writes, and that honest ones are never told."""

from __future__ import annotations

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Commit, Tag, Version, config_digest
from git_hybrid.core.tag_moves import moved_tags
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL = SourceName("tool")
SOURCE = replace(a_source(), track=Tag("v1"))
Log = tuple[Record, ...]
ADD = Event(event="add", source="tool")


def the_pin(number: int, **changed: object) -> Pin:
    pin = a_pin(commit=oid(number), digest=config_digest(SOURCE))
    return replace(pin, **{"ref": RefName("refs/tags/v1"), **changed})


def grown(records: Log, *events: Event) -> Log:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def to(number: int, **detail: str) -> Event:
    told = {"url": str(the_pin(1).url), "ref": "refs/tags/v1", "tag": "v1", **detail}
    return Event(event="pin", source="tool", after=oid(number), detail={key: told[key] for key in told if told[key]})


def forced(number: int) -> Event:
    return to(number, rests_on="ovr-1")


def moved(records: Log, stands: int = 2, **changed: object) -> list[str]:
    by_hash = {str(record["hash"]): record for record in records}
    return list(moved_tags(by_hash, {TOOL: the_pin(stands, **changed)}, {TOOL: SOURCE}).get(TOOL, ()))


def test_a_tag_that_moved_without_an_override_is_told() -> None:
    first = grown((), Event(event="init"), ADD, to(1))
    assert moved(first, 1) == []
    assert moved(grown(first, to(1)), 1) == []
    assert moved(grown(first, to(2))) == [oid(1)]
    # One more record of the same, also one that says that it follows the commit, explains nothing.
    assert moved(grown(first, Event(event="seen", source="tool", after=oid(2)), to(2), to(2))) == [oid(1)]
    assert moved(grown(first, to(1), to(2, tag="", commit=oid(2)), to(2))) == [oid(1)]
    assert moved(grown(first, to(2, tag="", version=">=1"))) == [oid(1)]


def test_what_an_override_a_beginning_or_an_earlier_pin_explains_is_not() -> None:
    first = grown((), ADD, to(1))
    assert moved(grown(first, forced(2)), override="ovr-1") == []
    assert moved(grown(first, forced(2), to(2))) == []
    assert moved(grown(first, forced(3), to(2))) == []
    # Upstream put its tag right again, also after more than one override.
    assert moved(grown(first, forced(2), to(1)), 1) == []
    assert moved(grown(first, forced(2), forced(3), to(2), to(1)), 1) == []
    assert moved(grown(first, to(2), to(1)), 1) == []
    for end in ("remove", "prune"):
        assert moved(grown(first, Event(event=end, source="tool"), to(2))) == []
    assert moved(grown(first, Event(event="remove", source="tool"), ADD, to(2))) == []


def test_another_ref_or_url_and_what_did_not_follow_the_tag_count_not() -> None:
    for other in ({"ref": "refs/tags/v0"}, {"url": "https://example.org/other"}, {"tag": "", "commit": oid(1)}):
        assert moved(grown((), ADD, to(1, **other), to(2))) == []
    lines = grown((), ADD, to(1), to(2))
    by_hash = {str(record["hash"]): record for record in lines}
    assert moved(lines, config_digest="sha256:" + "0" * 64) == []
    assert moved_tags(by_hash, {TOOL: the_pin(2)}, {}) == {}
    for track in (Branch("main"), Commit(oid(2)), Version(">=1")):
        source = replace(SOURCE, track=track)
        pins = {TOOL: the_pin(2, config_digest=config_digest(source))}
        assert bool(moved_tags(by_hash, pins, {TOOL: source})) == isinstance(track, Version)


def test_of_branches_each_may_have_begun_by_itself() -> None:
    base = grown((), Event(event="init"))
    left, right = grown(base, ADD, to(1)), grown(base, ADD, to(2))
    merged = (*left, *right[1:])
    assert moved(merged) == moved(merged, 1) == []
    # Whoever merges chooses, and both stood there.
    assert moved(grown(merged, to(2))) == []
    # Where the branches had the pin in common it moved on one of them.
    base = grown((), ADD, to(1))
    left, right = grown(base, to(2)), grown(base, to(1, more="x"))
    assert moved(grown((*left, *right[len(base) :]), to(2))) == [oid(1)]
    assert moved((*left, *right[len(base) :]), 3) == []
    left = grown(base, forced(2))
    assert moved(grown((*left, *right[len(base) :]), to(2))) == []
