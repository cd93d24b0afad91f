"""What the files in a bundle say that its log has to bear out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, Record, Tail, extend
from git_hybrid.core.bundle_log import unborne
from git_hybrid.core.last_pins import pinned_as
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.override import Overrides, event_of
from git_hybrid.core.scans import scan_event
from git_hybrid.core.state import ScanStatus, State
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, a_state_entry, an_override, oid

PIN = replace(a_pin(), first_seen=NOW)
SCAN = ScanStatus(state="findings", scanner="x", commit=PIN.commit, scanned_at=NOW, counts={"high": 1})
OVERRIDE = an_override(source="lib")
PINNED = Event(event="pin", source=PIN.source, after=PIN.commit, detail=pinned_as(PIN, a_source()))
EVENTS = (PINNED, event_of(OVERRIDE, "override"), scan_event(PIN.source, SCAN))


def records_of(*events: Event) -> tuple[Record, ...]:
    return extend(Tail(), events, at=NOW, operator=OPERATOR, command_id=RUN, log_id="log")


def said(*events: Event, pin: Pin = PIN, scan: ScanStatus = SCAN, overrides: tuple[str, ...] = (OVERRIDE.id,)) -> str:
    records = records_of(*events)
    last = next((str(item["hash"]) for item in records if item["event"] == "override"), None)
    kept = {OVERRIDE.id: replace(OVERRIDE, audit_hash=last)} if overrides else {}
    state = State(sources={PIN.source: replace(a_state_entry(), scan=scan)})
    return unborne(records, Lock(pins={pin.source: pin}), state, Overrides(records=kept))


def test_a_log_that_bears_out_all_of_it():
    assert said(*EVENTS) == ""
    assert unborne((), Lock(), State(), Overrides()) == ""


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        (replace(PIN, commit=oid(9)), "no record tells that tool was pinned to"),
        (replace(PIN, content_sha256="9" * 64), "no record tells of the content"),
        (replace(PIN, first_seen=NOW - timedelta(days=9)), "no record tells of the entry"),
    ],
)
def test_a_pin_that_no_record_tells(pin, words):
    assert said(*EVENTS, pin=pin, scan=ScanStatus()).startswith(words)


def test_a_pin_of_a_source_that_was_removed():
    assert "was removed last" in said(*EVENTS, Event(event="remove", source=PIN.source))


def test_an_override_that_the_file_has_lost():
    assert said(*EVENTS, overrides=()) == f"{OVERRIDE.id} is in the log and not in state/sources-overrides.json"


def test_a_scan_that_the_log_tells_otherwise():
    assert "does not tell what its state does" in said(*EVENTS, scan=replace(SCAN, state="clean", counts={}))


def test_a_scan_that_the_log_does_not_tell_of_is_left_to_the_checks():
    assert said(*EVENTS[:2]) == ""
