from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.audit_scans import against_scans
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.scan_trail import scan_trail_of, told_by, told_together
from git_hybrid.core.scans import facts_of, scan_detail, scan_event
from git_hybrid.core.state import ScanStatus, ScanTrail, State
from git_hybrid.core.value import replace
from support.scan_values import a_finding, a_log, a_record, a_scan
from support.values import NOW, a_pin, a_source, a_state_entry, oid

SOURCE, NAME = a_source(), SourceName("tool")
CLEAN = a_scan()
FOUND = a_scan(findings=(a_finding(),))
LATER = a_scan(a_record(age=timedelta(hours=-1)))
LOCK = Lock(pins={NAME: a_pin()})
OTHER = Event(event="mirror-add")


def state(scan: ScanStatus) -> State:
    return State(sources={NAME: a_state_entry(SOURCE, scan=scan)})


def event(scan: ScanStatus, *, refused: bool = False) -> Event:
    return scan_event(NAME, scan, refused=refused)


def test_a_scan_that_the_newest_record_tells_of_is_borne_out() -> None:
    log = a_log(event(FOUND), OTHER, event(CLEAN), OTHER)
    assert scan_trail_of(log, state(CLEAN), LOCK) == ScanTrail()
    assert scan_trail_of((), State(), Lock()) == ScanTrail()
    assert scan_trail_of((), state(ScanStatus()), Lock()) == ScanTrail()


def test_an_older_result_and_one_that_is_in_no_record_are_not() -> None:
    log = a_log(event(CLEAN), OTHER, event(FOUND))
    found = scan_trail_of(log, state(CLEAN), LOCK)
    assert found.unproved == {NAME}
    assert (found.told[NAME].state, found.told[NAME].counts) == ("findings", FOUND.counts)
    assert [item.id for item in found.told[NAME].findings] == [a_finding().id]
    assert scan_trail_of((), state(CLEAN), LOCK) == ScanTrail(unproved=frozenset({NAME}), told={NAME: ScanStatus()})


@pytest.mark.parametrize(
    "forged",
    [
        replace(FOUND, state="clean"),
        replace(FOUND, counts={"high": 0, "medium": 1, "low": 0}),
        replace(FOUND, findings=()),
        replace(FOUND, scanned_at=NOW + timedelta(days=900)),
        replace(FOUND, report_sha256="b" * 64),
        replace(FOUND, tree=oid(0x78)),
        replace(FOUND, commit=oid(2)),
        replace(FOUND, scanners=(replace(FOUND.scanners[0], config_digest="sha256:" + "9" * 64),)),
        replace(FOUND, scanners=()),
        replace(FOUND, scanner="other"),
        replace(FOUND, scanner_version="9.9"),
        replace(FOUND, rules_digest="sha256:" + "9" * 64),
        *(replace(FOUND, findings=(replace(FOUND.findings[0], **{key: "x"}),)) for key in ("scanner", "rule", "path")),
    ],
    ids=[
        "state",
        "counts",
        "findings",
        "time",
        "report",
        "tree",
        "commit",
        "settings",
        "scanners",
        "scanner",
        "version",
        "rules",
        "found by",
        "rule",
        "path",
    ],
)
def test_whatever_is_changed_by_hand_is_seen(forged: ScanStatus) -> None:
    assert scan_trail_of(a_log(event(FOUND)), state(forged), LOCK).unproved == {NAME}


def test_of_two_branches_that_both_scanned_the_later_result_stands_until_the_next() -> None:
    base = a_log(OTHER)
    head = (str(base[-1]["hash"]),)
    worse = replace(FOUND, scanned_at=NOW + timedelta(hours=1))
    other = replace(worse, findings=(replace(worse.findings[0], id="0" * 20),))
    broken = replace(LATER, state="error")
    for first, second in ((CLEAN, FOUND), (CLEAN, worse), (FOUND, other), (CLEAN, broken), (broken, FOUND)):
        for left, right in ((first, second), (second, first)):
            ours, theirs = a_log(event(left), after=base), a_log(event(right), after=base, heads=head)
            merged = (*ours, theirs[-1])
            assert scan_trail_of(merged, state(second), LOCK) == ScanTrail()
            assert scan_trail_of(merged, state(first), LOCK).unproved == {NAME}
            told = scan_trail_of(merged, State(), LOCK).told[NAME]
            assert (told.state, told.counts) == (second.state, second.counts)
            after = a_log(event(CLEAN), after=a_log(OTHER, after=merged))
            assert scan_trail_of(after, state(CLEAN), LOCK) == ScanTrail()


def test_of_two_branches_that_both_scanned_either_result_stands_where_the_later_has_no_more() -> None:
    base = a_log(OTHER)
    head = (str(base[-1]["hash"]),)
    for left, right in ((CLEAN, LATER), (FOUND, LATER)):
        ours, theirs = a_log(event(left), after=base), a_log(event(right), after=base, heads=head)
        for scan in (left, right):
            assert scan_trail_of((*ours, theirs[-1]), state(scan), LOCK) == ScanTrail()


def test_of_two_branches_of_which_one_could_not_scan_all_that_either_found_counts() -> None:
    base = a_log(OTHER)
    head = (str(base[-1]["hash"]),)
    failed = a_scan(a_record(state="error", age=timedelta(hours=-1)), findings=(a_finding(2),))
    for left, right in ((FOUND, failed), (failed, FOUND)):
        ours, theirs = a_log(event(left), after=base), a_log(event(right), after=base, heads=head)
        for scan in (FOUND, failed):
            found = scan_trail_of((*ours, theirs[-1]), state(scan), LOCK)
            assert (found.unproved, found.told[NAME].counts) == ({NAME}, {"high": 2, "medium": 0, "low": 0})


def test_audit_verify_tells_of_a_scan_that_its_record_does_not_tell() -> None:
    log = a_log(event(FOUND))
    assert list(against_scans(log, state(FOUND), LOCK)) == []
    (breach,) = against_scans(log, state(CLEAN), LOCK)
    assert (breach.id, breach.mend) == ("foreign-record", "git hybrid scan tool")
    # Of what no record tells, check scans tells.
    assert list(against_scans(a_log(OTHER), state(CLEAN), LOCK)) == []


def test_what_was_made_between_by_another_branch_is_not_followed() -> None:
    base = a_log(event(LATER))
    head = (str(base[-1]["hash"]),)
    ours, theirs = a_log(OTHER, after=base), a_log(event(CLEAN), after=base, heads=head)
    assert scan_trail_of((*ours, theirs[-1]), state(CLEAN), LOCK) == ScanTrail()
    assert scan_trail_of((*ours, theirs[-1]), state(LATER), LOCK).unproved == {NAME}


def test_what_was_made_after_it_counts_whatever_the_clock_said() -> None:
    log = a_log(event(LATER), OTHER, event(CLEAN))
    assert scan_trail_of(log, state(CLEAN), LOCK) == ScanTrail()
    assert scan_trail_of(log, state(LATER), LOCK).unproved == {NAME}


def test_a_refused_scan_is_none_of_the_source() -> None:
    log = a_log(event(CLEAN), event(FOUND, refused=True))
    assert scan_trail_of(log, state(CLEAN), LOCK) == ScanTrail()


def test_the_log_is_asked_for_the_pinned_commit_where_state_tells_of_another() -> None:
    other = a_scan(commit=oid(9))
    log = a_log(event(FOUND), event(other))
    found = scan_trail_of(log, state(other), LOCK)
    assert (found.unproved, found.told[NAME].state) == (frozenset(), "findings")
    assert scan_trail_of(a_log(event(FOUND)), State(), LOCK).told[NAME].state == "findings"


def test_what_a_bundle_brought_is_told_by_its_own_record() -> None:
    bare = ScanStatus(state="clean", commit=oid(1), scanned_at=NOW)
    brought = Event(event="bundle-scan", source=NAME, after=oid(1), detail={**scan_detail(bare), "bundle": "b" * 64})
    assert scan_trail_of(a_log(brought), state(bare), LOCK) == ScanTrail()
    assert scan_trail_of(a_log(brought), state(FOUND), LOCK).unproved == {NAME}


@pytest.mark.parametrize("detail", [{"bundle": "b" * 64}, facts_of(FOUND)])
def test_a_record_without_the_digest_bears_out_nothing(detail: dict[str, Json]) -> None:
    bare = Event(event="bundle-scan", source=NAME, after=oid(1), detail=detail)
    assert scan_trail_of(a_log(bare), state(FOUND), LOCK) == ScanTrail(
        unproved=frozenset({NAME}), told={NAME: ScanStatus()}
    )
    assert scan_trail_of(a_log(event(FOUND), bare), state(FOUND), LOCK) == ScanTrail()


def test_a_record_without_a_result_tells_none() -> None:
    (odd,) = a_log(Event(event="scan", source=NAME, after=oid(1), detail={"state": "odd"}))
    (bare,) = a_log(Event(event="scan", source=NAME, after=oid(1)))
    assert told_by(odd, oid(1)) is None
    assert told_by(bare, oid(1)) is None
    assert told_together((odd, bare), oid(1)) is None
