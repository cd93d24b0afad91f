"""Where the audit log has a pin last: over branches, after a removal, and as a pin that a move is judged against."""

from __future__ import annotations

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.last_pins import pins_of_log
from git_hybrid.core.lock import UNREACHABLE
from support.values import NOW, OPERATOR, RUN, oid

TOOL = SourceName("tool")
URL = parse_url("https://example.org/tool")


def grown(records: tuple[Record, ...], *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def pinned(number: int, *, source: str = "tool", **detail: str) -> Event:
    return Event(event="pin", source=source, after=oid(number), detail=detail)


def commits(records: tuple[Record, ...]) -> list[str]:
    return [pin.commit for pin in pins_of_log(records, TOOL, URL)]


def test_the_last_record_counts_until_the_source_is_removed() -> None:
    lines = grown((), Event(event="add", source="tool"), pinned(1), pinned(2), pinned(3, source="other"))
    assert commits(lines) == [oid(2)]
    for end in ("remove", "prune"):
        removed = grown(lines, Event(event=end, source="tool"))
        assert commits(removed) == []
        assert commits(grown(removed, Event(event="add", source="tool"), pinned(4))) == [oid(4)]
    assert commits(()) == []


def test_of_branches_that_both_moved_it_either_counts() -> None:
    lines = grown((), pinned(1))
    left, right = grown(lines, pinned(2)), grown(lines, pinned(3))
    assert commits((*left, right[-1])) == [oid(2), oid(3)]


def test_what_a_record_tells_of_a_pin() -> None:
    told = {"url": "https://example.org/other", "ref": "refs/tags/v1", "rests_on": "ovr-1"}
    (pin,) = pins_of_log(grown((), pinned(1, **told)), TOOL, URL)
    assert (str(pin.url), pin.ref, pin.override) == (told["url"], told["ref"], told["rests_on"])
    for bare in ({}, {"url": "no url"}):
        (pin,) = pins_of_log(grown((), pinned(1, **bare)), TOOL, URL)
        assert (pin.url, pin.ref, pin.override) == (URL, UNREACHABLE, None)
