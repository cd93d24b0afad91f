"""What the log tells of commits is gathered once, and again when the log is another one."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta

import pytest

from git_hybrid.core.audit import Event, Tail, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.errors import InvalidFile
from git_hybrid.core.ids import RunId, SourceName, parse_url
from git_hybrid.core.last_told import last_told
from git_hybrid.store import chain, reading, told
from git_hybrid.store.chain import last_seen
from git_hybrid.store.history import AuditHistory
from git_hybrid.store.layout import Layout
from git_hybrid.store.told import first_seen, pins_told
from support.values import NOW, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")
URL = parse_url("https://example.org/group/tool")


def _pin(number: int, source: str = "tool") -> Event:
    detail = {"ref": "refs/heads/main", "tree": oid(number + 100), "url": str(URL)}
    return Event(event="pin", source=source, before=oid(number - 1), after=oid(number), detail=detail)


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path)


@pytest.fixture
def append(layout):
    tail = Tail()

    def write(*events: Event, at: datetime = NOW) -> None:
        nonlocal tail
        run = RunId("01J2ZK5Y8Q0000000000000001")
        records = extend(tail, events, at=at, operator="Ada", command_id=run, log_id="x")
        tail = tail_of(records)
        layout.audit.parent.mkdir(exist_ok=True)
        with layout.audit.open("ab") as file:
            file.writelines(canonical_json(record) + b"\n" for record in records)

    return write


@pytest.fixture
def parsed(monkeypatch):
    """How often the log was taken apart."""
    times = []
    parse = chain.parse_log

    def counting(data: bytes) -> chain.Log:
        times.append(len(data))
        time.sleep(0.05)
        return parse(data)

    monkeypatch.setattr(told.chain, "parse_log", counting)
    return times


def test_threads_take_the_log_apart_once(layout, append, parsed):
    append(*(_pin(number) for number in range(1, 30)))
    found = []

    def ask() -> None:
        history = AuditHistory(layout)
        for number in range(1, 30):
            found.append(first_seen(layout, TOOL, oid(number), NOW))
            history.known_scan(oid(number), oid(1))
            assert history.previous_pin(TOOL, oid(number)) == oid(number - 1)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [NOW] * 29 * 4
    assert len(parsed) == 1


def test_what_was_written_since_counts(layout, append, parsed):
    assert first_seen(layout, TOOL, oid(1), NOW) is None
    append(_pin(1))
    assert first_seen(layout, TOOL, oid(1), NOW) == NOW
    append(_pin(2))
    assert first_seen(layout, TOOL, oid(2), NOW) == NOW
    assert len(parsed) == 3


def test_the_last_pins_of_many_sources(layout, append, parsed, monkeypatch):
    append(*(_pin(number, f"s{number}") for number in range(1, 9)))
    read = []
    pins = told._pins._make
    monkeypatch.setattr(told._pins, "_make", lambda layout: read.append(layout) or pins(layout))
    for number in range(1, 9):
        (pin,) = pins_told(layout, SourceName(f"s{number}"), URL)
        assert pin.commit == oid(number)
    assert pins_told(layout, OTHER, URL) == ()
    assert len(read) == 1


def test_of_many_sources_each_is_told_by_its_own_records(layout, append, monkeypatch):
    append(*(_pin(number, f"s{number % 8}") for number in range(1, 41)))
    followed = []

    def counting(records, about, *, ends=()):
        followed.append(len(records))
        return last_told(records, about, ends=ends)

    monkeypatch.setattr("git_hybrid.core.last_pins.last_told", counting)
    for number in range(8):
        (pin,) = told.former_pins_told(layout, SourceName(f"s{number}"), URL, None)
        assert pin.commit == oid(number + 32 if number else 40)
    assert followed == [40, *[5] * 8]


def test_a_line_in_the_middle_that_is_none(layout, append):
    append(_pin(1))
    with layout.audit.open("ab") as file:
        file.write(b"half a rec\n")
    append(_pin(2))
    assert first_seen(layout, TOOL, oid(2), NOW) == NOW
    for _ in range(2):
        with pytest.raises(InvalidFile) as caught:
            AuditHistory(layout).known_scan(oid(2), oid(2))
        assert caught.value.problems[0].place == "line 2"
    with pytest.raises(InvalidFile):
        AuditHistory(layout).previous_pin(TOOL, oid(2))


def test_the_newest_commit_of_each_source(layout, append):
    seen = Event(event="seen", source="other", after=oid(7))
    odd = Event(event="seen", source="odd", after="--upload-pack=x")
    append(_pin(1), _pin(2), seen, odd, Event(event="clone", source="tool", after=oid(1)))
    assert last_seen(reading.records(layout)) == {TOOL: oid(2), OTHER: oid(7)}


def test_a_commit_is_no_older_than_what_stands_before_it(layout, append):
    day = timedelta(days=1)
    append(_pin(1))
    append(_pin(2), at=NOW - 8 * day)
    append(_pin(3), at=NOW + 30 * day)
    append(_pin(4), at=NOW + day)
    seen = [first_seen(layout, TOOL, oid(number), NOW + day) for number in range(1, 5)]
    assert seen == [NOW, NOW, NOW + 30 * day, NOW + day], "nor is it younger for a clock that was ahead"
    assert first_seen(layout, TOOL, oid(4), NOW + 30 * day) == NOW + 30 * day
