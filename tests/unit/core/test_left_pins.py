"""Where a pin stood before its entry came to follow something else, and what counts as left for good."""

from __future__ import annotations

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.last_pins import by_source
from git_hybrid.core.left_pins import followed, left_pins
from git_hybrid.core.manifest import Branch, Track, Version
from git_hybrid.core.pin_steps import Lifts
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_source, oid

TOOL, URL = SourceName("tool"), parse_url("https://example.org/tool")
ADD = Event(event="add", source="tool")


def grown(records: tuple[Record, ...], *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def at(number: int, key: str, value: str, **detail: str) -> Event:
    told = {"url": str(URL), **({key: value} if key else {}), **detail}
    return Event(event="pin", source="tool", after=oid(number), detail=told)


def left(
    records: tuple[Record, ...], track: Track | None = None, lifts: Lifts | None = None, name: str = TOOL
) -> list[str]:
    source = replace(a_source(track=track or Version(">=1")), name=SourceName(name), url=URL)
    return sorted(pin.commit for pin in left_pins(by_source(records), lifts or {}, source, URL))


def test_what_an_entry_followed_before_it_was_edited_is_left() -> None:
    first = grown((), ADD, at(1, "version", ">=1"), at(2, "version", ">=1"))
    assert left(()) == left(first) == []
    assert left(first, Branch("fix")) == [oid(2)]
    aside = grown(first, at(3, "branch", "fix"), at(4, "branch", "fix"))
    assert left(aside, Branch("fix")) == []
    assert left(aside) == [oid(2), oid(4)]
    # It begins anew, or comes from another repository.
    assert left(grown(first, Event(event="remove", source="tool"), ADD, at(3, "branch", "fix"))) == [oid(3)]
    elsewhere = grown((), ADD, at(1, "tag", "v1", url="https://example.org/other"), at(2, "branch", "fix"))
    assert left(elsewhere) == [oid(2)]


def test_what_tells_not_what_it_followed_may_be_left() -> None:
    assert left(grown((), ADD, at(1, "", ""), at(2, "version", ">=1"), at(3, "branch", "fix"))) == [
        oid(1),
        oid(2),
        oid(3),
    ]
    (_, record) = grown((), ADD, at(1, "", ""))
    assert followed(record) is None


def test_what_was_forced_is_not_and_where_the_past_is_gone_nothing_before_it_is() -> None:
    first = grown((), ADD, at(1, "version", ">=1"))
    forced = grown(first, at(2, "branch", "fix", rests_on="ovr-1"))
    assert left(forced, lifts={"ovr-1": frozenset({"rollback"})}) == [oid(1)]
    assert left(forced, lifts={"ovr-1": frozenset()}) == [oid(1), oid(2)]
    # It goes on from what it came from, whatever the entry says by now.
    again = grown(first, at(2, "branch", "fix"), at(3, "version", ">=1", rests_on="ovr-1"))
    assert left(again, lifts={"ovr-1": frozenset({"rollback"})}) == [oid(1), oid(2)]
    assert left(forced, lifts={"ovr-1": frozenset({"rollback", "moved-tag"})}) == left(forced) == []


def test_what_it_followed_the_same_way_at_another_url_is_left() -> None:
    elsewhere = "https://example.org/fork"
    first = grown((), ADD, at(1, "version", ">=1"), at(2, "version", ">=1", url=elsewhere))
    assert left(first) == [oid(1)]
    aside = grown(first, at(3, "branch", "fix", url=elsewhere), at(3, "branch", "fix"))
    assert left(aside) == [oid(1), oid(3)]


def test_what_it_followed_under_another_name_is_left() -> None:
    def under(name: str, event: Event, before: int | None = None) -> Event:
        return replace(event, source=name, before=None if before is None else oid(before))

    first = grown((), ADD, at(1, "version", ">=1"), at(2, "version", ">=1"))
    # Others at that commit: of another repository, or added; and what was pruned after that is left all the same.
    others = grown(first, under("other", at(2, "version", ">=1", url="https://example.org/other")))
    prune = Event(event="prune", source="was")
    begun = grown(others, under("was", at(2, "tag", "v2"), 1), prune, under("tool", at(3, "branch", "fix"), 2))
    assert left(begun) == [oid(2), oid(3)]
    named = grown(first, under("new", at(3, "branch", "fix"), 2), under("new", at(4, "branch", "fix"), 3))
    assert left(named, name="new") == [oid(2), oid(4)]
    twice = grown(named, under("third", at(5, "tag", "v1"), 4))
    assert left(twice, name="third") == [oid(2), oid(4), oid(5)]
    assert left(grown(named, under("third", at(5, "tag", "v1"))), name="third") == [oid(5)]


def test_of_branches_each_is_left() -> None:
    base = grown((), ADD, at(1, "version", ">=1"))
    one, other = grown(base, at(2, "branch", "fix")), grown(base, at(3, "version", ">=1"))
    merged = (*one, *other[len(base) :])
    assert left(merged) == [oid(1), oid(2)]
    assert left(grown(merged, at(2, "branch", "fix"))) == [oid(1), oid(2), oid(3)]
