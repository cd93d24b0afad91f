"""Where the audit log has a pin last: over branches, after a removal, and as a pin that a move is judged against."""

from __future__ import annotations

import pytest

from git_hybrid.core.audit import Event, Record, extend, previous, tail_of
from git_hybrid.core.ids import RefName, SourceName, parse_url
from git_hybrid.core.last_pins import as_locked, by_source, former_pins, pinned_as, pins_of_log, untold
from git_hybrid.core.lock import UNREACHABLE, pin_digest
from git_hybrid.core.manifest import Branch, Commit
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

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


def test_the_pins_of_a_url_or_a_ref_are_remembered_until_the_source_begins_anew() -> None:
    here, there = {"url": str(URL)}, {"url": "https://example.org/other"}
    main, tag = {"ref": "refs/heads/main"}, {"ref": "refs/tags/v1"}
    here_too = {"url": f"{URL}.git"}
    lines = grown((), pinned(1, **here_too, **tag), pinned(2, **here, **main), pinned(3, **there, **tag), pinned(9))
    lines = grown(lines, pinned(4, source="other", **here, **tag), Event(event="sync", source="tool"))

    def found(records: tuple[Record, ...], ref: str | None = None) -> list[str]:
        return [pin.commit for pin in former_pins(records, TOOL, URL, None if ref is None else RefName(ref))]

    assert found(lines[:3]) == [oid(2)]
    assert found(lines[:3], "refs/tags/v1") == [oid(1)]
    assert found(lines[:3], "refs/tags/v2") == []
    assert found(grown(lines[:2], pinned(7, **here, **main, commit=oid(7))), "refs/heads/main") == [oid(2)]
    # A record that tells no URL was made before they did.
    assert found(lines) == [oid(9)]
    assert found(grown(lines, Event(event="prune", source="tool"))) == []
    left, right = grown(lines[:2], pinned(5, **here, **main)), grown(lines[:2], pinned(6, **here, **main))
    assert found((*left, right[-1]), "refs/heads/main") == [oid(5), oid(6)]


def test_the_records_of_one_source_tell_what_the_whole_log_does() -> None:
    lines = grown((), Event(event="add", source="tool"), pinned(1), pinned(3, source="other"), Event(event="init"))
    left, right = grown(lines, Event(event="sync", source="tool"), pinned(2)), grown(lines, pinned(5, source="other"))
    merged = grown((*left, *right[len(lines) :]), pinned(6, source="other"), pinned(4))
    told = by_source(merged)
    assert {name: [item["after"] for item in found if "after" in item] for name, found in told.items()} == {
        "tool": [oid(1), oid(2), oid(4)],
        "other": [oid(3), oid(5), oid(6)],
    }
    assert [len(previous(item)) for item in told["tool"]] == [0, 1, 1, 2]
    assert by_source(()) == {}


def test_a_record_tells_the_evidence_of_a_pin_and_what_was_asked_for() -> None:
    pin = a_pin(commit=oid(3))
    for track, (key, value) in ((Branch("main"), ("branch", "main")), (Commit(oid(3)), ("commit", oid(3)))):
        told = pinned_as(pin, a_source(track=track))
        assert told == {
            "url": str(pin.url),
            "ref": pin.ref,
            "tree": pin.tree,
            "content_sha256": pin.content_sha256,
            "pin_sha256": pin_digest(pin),
            key: value,
        }
    told = pinned_as(replace(pin, root_commits=(oid(8), oid(9))), a_source())
    assert told["root_commits"] == [oid(8), oid(9)]
    event = Event(event="pin", source="tool", after=oid(3), detail=told)
    assert [found.root_commits for found in pins_of_log(grown((), event, pinned(3)), TOOL, URL)] == [()]
    assert [found.root_commits for found in pins_of_log(grown((), event), TOOL, URL)] == [(oid(8), oid(9))]


def test_what_has_the_digest_of_a_pin_counts_as_telling_what_that_has() -> None:
    pin, source = a_pin(roots=(oid(8),)), a_source()
    rest = {"served_by": "x", "descends": True}

    def told(**lie: object) -> Record:
        detail = {key: value for key, value in (pinned_as(pin, source) | rest | lie).items() if value is not None}
        (record,) = grown((), Event(event="pin", source="tool", after=pin.commit, detail=detail))
        return record

    def locked(record: Record, *, known: bool = True) -> Record:
        log = {str(record["hash"]): record}
        (found,) = as_locked(log, {TOOL: pin}, {TOOL: source} if known else {}).values()
        return found

    for lie in ({"url": "x"}, {"root_commits": [oid(9)]}, {"rests_on": "ovr-1"}, {"branch": None, "tag": "v1"}):
        assert untold(told(**lie), pin, source)
        assert locked(told(**lie))["detail"] == told()["detail"]
    # What the entry asks for is known of a pin that was made from it, and roots are told since later.
    for record in (told(), told(root_commits=None), told(ref="x", pin_sha256="0" * 64)):
        assert locked(record) is record
    assert locked(told(branch="x"), known=False)["detail"]["branch"] == "x"
    assert locked(told(branch="x", ref="y"), known=False)["detail"] == told(branch="x")["detail"]
    assert [untold(told(branch="x"), pin), untold(told(rests_on="ovr-1"), pin)] == ["", "rests_on"]
    # One that rests on an override is what it is; that a record names none is judged by itself.
    forced = replace(pin, override="ovr-1")
    lines = grown((), Event(event="pin", source="tool", after=pin.commit, detail=pinned_as(forced, source)))
    assert untold(lines[0], forced, source) == ""


@pytest.mark.timeout(10)
def test_many_branches_of_a_log_are_read_once() -> None:
    (first,) = grown((), pinned(0))
    told = {"url": str(URL), "tag": "v1", "ref": "refs/tags/v1"}
    events = [pinned(number, **(told if number % 2 else {})) for number in range(1, 3001)]
    branches = [grown((first,), event)[1] for event in events]
    assert len(pins_of_log((first, *branches), TOOL, URL)) == 3000
