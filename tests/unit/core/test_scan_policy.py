from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from git_hybrid.core.approval import Approvals
from git_hybrid.core.audit import ROTATED, Event, Record
from git_hybrid.core.check_scans import check_scans
from git_hybrid.core.checks import Facts
from git_hybrid.core.condition import awaits_archive, condition, scan_mend
from git_hybrid.core.errors import ScanBlocked
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Branch, Commit, Manifest, Policy, Scanner, Tag, Track, Version
from git_hybrid.core.override import Override, Overrides, Trail, event_of, trail_of
from git_hybrid.core.plan import Absent
from git_hybrid.core.planner import pinned, plan_resume, plan_sync
from git_hybrid.core.scan_policy import (
    accepted_findings,
    blocked_by,
    finding_line,
    finding_lines,
    scan_blocked,
    what_is_found,
)
from git_hybrid.core.scanners import rules_digest, spec_of
from git_hybrid.core.scans import scan_event
from git_hybrid.core.state import ScanStatus, ScanTrail, State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import BRING_BACK, unmarked
from support.scan_values import SECRETS, WORKFLOWS, a_finding, a_log, a_record, a_scan, accepting_override, segments
from support.values import (
    NOW,
    a_clone,
    a_pin,
    a_snapshot,
    a_source,
    a_state_entry,
    a_task,
    an_unfinished_run,
    oid,
)

SOURCE, NAME = a_source(), SourceName("tool")
FOUND = a_scan(findings=(a_finding(1), a_finding(2, level="low")))


def test_a_finding_on_the_pinned_commit_blocks_sync_and_resume_also_when_nothing_is_to_do() -> None:
    entry = a_state_entry(SOURCE, scan=FOUND)
    snapshot = a_snapshot(SOURCE, pins=[a_pin()], recorded=[entry])
    plan = plan_sync(snapshot, {NAME: a_clone()}, [NAME])
    assert isinstance(plan.blocked[NAME], ScanBlocked)
    assert not plan.unchanged
    resumed = plan_resume(an_unfinished_run(a_task()), snapshot, {NAME: a_clone()})
    assert isinstance(resumed.blocked[NAME], ScanBlocked)


@pytest.mark.parametrize(
    ("scan", "policy"),
    [
        (ScanStatus(), Policy()),
        (a_scan(), Policy()),
        (a_scan(findings=(a_finding(level="low"),)), Policy()),
        (FOUND, Policy(scan_block_on="none")),
        (a_scan(findings=(a_finding(),), commit=oid(9)), Policy()),
    ],
    ids=["never", "clean", "below", "no-policy", "other-commit"],
)
def test_all_else_does_not_block(scan: ScanStatus, policy: Policy) -> None:
    entry = a_state_entry(SOURCE, scan=scan)
    assert pinned(a_snapshot(SOURCE, pins=[a_pin()], recorded=[entry], policy=policy), SOURCE) == a_pin()


def test_a_source_without_state_is_not_blocked() -> None:
    assert scan_blocked(a_snapshot(SOURCE, pins=[a_pin()]), NAME, a_pin()) is None
    snapshot = a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=FOUND)])
    error = scan_blocked(snapshot, NAME, a_pin())
    assert error is not None
    assert error.ids == (a_finding(1).id,)


TWIN = a_source("twin")


@pytest.mark.parametrize(
    ("own", "twin", "changes", "blocks"),
    [
        (None, FOUND, {}, True),
        (ScanStatus(), FOUND, {}, True),
        (a_scan(commit=oid(9)), FOUND, {}, True),
        (a_scan(a_record(age=timedelta(hours=1))), FOUND, {}, True),
        (a_scan(), FOUND, {}, False),
        (None, a_scan(), {}, False),
        (None, a_scan(findings=(a_finding(1),), commit=oid(9)), {}, False),
        (None, a_scan(findings=(a_finding(1, level="low"),)), {}, False),
        (None, replace(FOUND, scanned_at=None), {}, True),
        (None, FOUND, {"submodules": True}, False),
    ],
)
def test_what_was_found_in_the_commit_of_another_source_blocks_too(
    own: ScanStatus | None, twin: ScanStatus, changes: dict[str, Any], *, blocks: bool
) -> None:
    other, third = replace(TWIN, **changes), a_source("third")
    # What found less takes nothing back.
    less = a_scan(findings=(a_finding(2, level="low"),))
    recorded = [a_state_entry(other, scan=twin), a_state_entry(third, scan=less)]
    recorded += [] if own is None else [a_state_entry(SOURCE, scan=own)]
    snapshot = a_snapshot(SOURCE, other, third, pins=[a_pin(), a_pin(other)], recorded=recorded)
    snapshot = replace(snapshot, manifest=replace(snapshot.manifest, scanners=(SECRETS,)))
    error = scan_blocked(snapshot, NAME, a_pin())
    assert (error is not None) is blocks
    if error is not None:
        assert error.findings[-1] == "found by the scan of twin, which has the same commit"
        assert unmarked(error.again).endswith(", then: git hybrid scan twin")
    log = segments(a_log(scan_event(TWIN.name, twin), *([] if own is None else [scan_event(NAME, own)])))
    facts = Facts(manifest=snapshot.manifest, clock=NOW, lock=snapshot.lock, state=snapshot.state, log=log)
    told = [item.what for item in check_scans(facts) if item.entry == NAME]
    is_stale = own is not None and own.commit == oid(9)
    assert (told[:1] == ["has 1 finding at or above high"]) is (blocks and not is_stale)
    assert ("was never scanned" in told) is (own is None or own.state == "missing")
    # Without a scanner no scan is stale, and what was found is refused all the same.
    facts = replace(facts, manifest=replace(snapshot.manifest, scanners=()))
    told = [item.what for item in check_scans(facts) if item.entry == NAME]
    assert (told == ["has 1 finding at or above high"]) is blocks
    unproved = replace(snapshot, scan_trail=ScanTrail(unproved=frozenset({"twin"})))
    assert scan_blocked(unproved, NAME, a_pin()) is None


def test_what_another_source_accepts_is_not_accepted_here() -> None:
    recorded = [a_state_entry(TWIN, scan=FOUND)]
    snapshot = a_snapshot(SOURCE, TWIN, pins=[a_pin(), a_pin(TWIN)], recorded=recorded)
    for owner in (TWIN.name, NAME):
        record, trail = accepting_override(owner, oid(1), (a_finding(1).id,))
        accepted = replace(snapshot, overrides=Overrides(records={record.id: record}), trail=trail, clock=NOW)
        row = condition(accepted, SOURCE, Absent(), now=NOW)
        assert (row.blocked is None, row.accepted) == ((True, record) if owner == NAME else (False, None))


def test_the_error_names_the_findings_and_how_many_more_there_are() -> None:
    many = a_scan(findings=tuple(a_finding(number) for number in range(7)))
    error = blocked_by(many, NAME, "high", signed=False)
    assert error is not None
    assert (error.counted, error.commit, error.level) == ("7 findings", oid(1)[:10], "high")
    assert len(error.findings) == 6
    assert error.findings[-1] == "and 2 more"
    bare = ScanStatus(state="findings", counts={"high": 1, "medium": 0, "low": 0})
    error = blocked_by(bare, NAME, "high", signed=False)
    assert error is not None
    assert (error.counted, error.findings, error.commit) == ("1 finding", (), "")
    # The log tells no rules and no places.
    logged = replace(many, findings=tuple(replace(item, rule="", path="") for item in many.findings))
    for scan, again in (
        (many, "or leave out in the scanner's settings what is not used here, then"),
        (logged, "what was found, and where"),
    ):
        error = blocked_by(scan, NAME, "high", is_new=True, signed=False)
        assert error is not None
        assert unmarked(error.again) == f"{again}: git hybrid pin {NAME} --scan"


def test_a_finding_in_words() -> None:
    assert finding_line(a_finding(1)) == f"high a-rule src/1.py:3 ({a_finding(1).id})"
    assert finding_line(FOUND.findings[0]) == f"high a-rule src/1.py ({a_finding(1).id})"
    assert len(finding_lines([a_finding(number) for number in range(9)])) == 6
    assert len(finding_lines([a_finding()])) == 1


def an_override(*findings: str, **changes: Any) -> tuple[Override, Trail]:
    return accepting_override(NAME, oid(1), findings, **changes)


@pytest.mark.parametrize(
    ("changes", "accepts"),
    [
        ({}, True),
        ({"kind": "scan"}, True),
        ({"expires_at": NOW}, False),
        ({"expires_at": NOW + timedelta(days=1)}, True),
        ({"status": "revoked"}, False),
        ({"to_commit": oid(9)}, False),
        ({"source": SourceName("other")}, False),
    ],
)
def test_only_an_override_in_force_for_this_commit_accepts(changes: dict[str, Any], *, accepts: bool) -> None:
    record, trail = an_override(a_finding(1).id, **changes)
    overrides = Overrides(records={record.id: record})
    found = accepted_findings(Approvals(overrides, trail, NOW, lambda _: "", signed=False), a_pin())
    assert found == ({a_finding(1).id} if accepts else set())
    assert not accepted_findings(Approvals(overrides, Trail(), NOW, lambda _: "", signed=False), a_pin())
    assert not accepted_findings(Approvals(overrides, trail, NOW, lambda _: "is doubtful", signed=False), a_pin())
    snapshot = replace(
        a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=FOUND)]),
        overrides=overrides,
        trail=trail,
        clock=NOW,
    )
    assert (scan_blocked(snapshot, NAME, a_pin()) is None) is accepts
    error = what_is_found(snapshot, a_pin(), FOUND, [a_finding(1)])
    told = f", accepted by {record.id} until {format_time(record.expires_at)}"
    assert (error.accepted, bool(error.move)) == (told if accepts else "", not accepts)
    error = what_is_found(snapshot, a_pin(), FOUND, [a_finding(1), a_finding(2, level="low")])
    assert error.accepted == (told.replace(", ", ", 1 of them ") if accepts else "")


def test_each_override_that_accepts_is_named_with_its_end() -> None:
    one, trail = an_override(a_finding(1).id)
    two, more = an_override(a_finding(2).id, id="ovr-2", expires_at=NOW + timedelta(days=1))
    snapshot = replace(
        a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=FOUND)]),
        overrides=Overrides(records={one.id: one, two.id: two}),
        trail=Trail(latest={**trail.latest, **more.latest}),
        clock=NOW,
    )
    error = what_is_found(snapshot, a_pin(), FOUND, [a_finding(1), a_finding(2)])
    ends = [format_time(item.expires_at) for item in (two, one)]
    assert error.accepted == f", accepted by ovr-2 until {ends[0]} and ovr-1 until {ends[1]}"


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"kind": "scan"}, True),
        ({"findings": (a_finding(2).id,)}, False),
        ({"status": "revoked"}, False),
        ({"to_commit": oid(9)}, False),
        ({"reason": "edited"}, False),
    ],
)
def test_an_acceptance_that_has_expired_is_named_and_renewed(changes: dict[str, Any], *, is_told: bool) -> None:
    changes = dict(changes)
    edited = {"reason": changes.pop("reason")} if "reason" in changes else {}
    made, trail = an_override(*changes.pop("findings", (a_finding(1).id,)), **{"expires_at": NOW, **changes})
    last = replace(made, **edited)
    snapshot = replace(
        a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=FOUND)]),
        overrides=Overrides(records={last.id: last}),
        trail=trail,
        clock=NOW,
    )
    error = scan_blocked(snapshot, NAME, a_pin())
    assert error is not None
    end = f", accepted by ovr-1 until it expired at {format_time(NOW)}"
    assert (error.former, error.accept.startswith("git hybrid override renew ovr-1 ")) == (
        (end, True) if is_told else ("", False)
    )
    scanned = replace(snapshot, manifest=replace(snapshot.manifest, scanners=(SECRETS,)))
    stale = condition(scanned, SOURCE, a_clone(), now=NOW + timedelta(days=30))
    assert (stale.scan, scan_mend(stale)) == ("stale", error.accept if is_told else "git hybrid scan tool")
    both = replace(FOUND, findings=(*FOUND.findings, a_finding(3)), counts={"high": 2, "medium": 0, "low": 0})
    more = replace(snapshot, state=a_snapshot(SOURCE, recorded=[a_state_entry(SOURCE, scan=both)]).state)
    error = scan_blocked(more, NAME, a_pin())
    assert error is not None
    assert (bool(error.former), "--kind scan" in error.accept) == (is_told, True)


@pytest.mark.parametrize(
    ("changes", "is_restored"),
    [
        ({}, True),
        ({"kind": "scan"}, True),
        ({"findings": ()}, False),
        ({"findings": ("another",)}, False),
        ({"expires_at": NOW}, False),
        ({"to_commit": oid(9)}, False),
        ({"source": SourceName("other")}, False),
    ],
)
def test_findings_that_a_lost_override_accepts_are_not_approved_anew(
    changes: dict[str, Any], *, is_restored: bool
) -> None:
    record = replace(an_override(a_finding(1).id)[0], **changes)
    trail = trail_of(a_log(event_of(record, "override")))
    snapshot = a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=FOUND)])
    error = scan_blocked(replace(snapshot, trail=trail, clock=NOW), NAME, a_pin())
    assert error is not None
    assert (error.accept == "git hybrid override restore ovr-1") is is_restored
    assert is_restored or "--force" in error.accept
    told = checked(FOUND, trail=trail)
    assert ("git hybrid override restore ovr-1" in told[0]) is is_restored
    ended = trail_of(a_log(event_of(record, "override"), event_of(record, "override-revoked")))
    error = scan_blocked(replace(snapshot, trail=ended, clock=NOW), NAME, a_pin())
    assert error is not None
    assert "--force" in error.accept


MANIFEST = Manifest(scanners=(SECRETS,), sources={NAME: SOURCE})


def checked(scan: ScanStatus | None, manifest: Manifest = MANIFEST, **more: Any) -> list[str]:
    recorded = [] if scan is None else [a_state_entry(SOURCE, scan=scan)]
    snapshot = a_snapshot(SOURCE, pins=[a_pin()], recorded=recorded)
    log = segments(a_log(*(scan_event(NAME, item) for item in [scan] if item is not None)))
    given = {"manifest": manifest, "clock": NOW, "lock": snapshot.lock, "state": snapshot.state, "log": log} | more
    found = check_scans(Facts(**given))
    assert all(item.why for item in found)
    return [f"{item.level}|{item.entry}|{item.what}|{item.mend}" for item in found]


def test_check_scans_passes_what_is_fresh_and_below_the_policy() -> None:
    assert checked(a_scan()) == []
    assert checked(a_scan(findings=(a_finding(level="low"),))) == []
    assert checked(None, Manifest(scanners=(SECRETS,))) == []
    record, trail = an_override(a_finding(1).id)
    assert checked(FOUND, overrides=Overrides(records={record.id: record}), trail=trail) == []


@pytest.mark.parametrize(
    ("scanner", "version"), [(SECRETS, "2.0.0"), (Scanner(name="own", command=("./scan.sh", "{path}")), "")]
)
def test_check_scans_judges_by_the_files_that_decide_what_a_scanner_finds(scanner: Scanner, version: str) -> None:
    rules = rules_digest(spec_of(scanner), version, ["aa"])
    manifest = Manifest(scanners=(scanner, WORKFLOWS), sources={NAME: SOURCE})
    scan = a_scan(a_record(scanner, rules=rules), a_record(WORKFLOWS))
    assert checked(scan, manifest, scanner_files={scanner.name: ("aa",)}) == []
    (told,) = checked(scan, manifest, scanner_files={scanner.name: ("bb",)})
    words = "its scan is stale: the rules or the program of a scanner changed since"
    assert told == f"fail|tool|{words}|git hybrid scan tool"
    (told,) = checked(scan, manifest, scanner_files={scanner.name: ("bb",)}, unadded=("a b", "c"))
    assert told.endswith("|git add -- 'a b' c, then git hybrid scan tool")


def test_check_scans_asks_for_a_longer_age_where_policy_leaves_no_scan_fresh() -> None:
    brief = replace(MANIFEST, policy=replace(MANIFEST.policy, scan_max_age=timedelta(seconds=1)))
    (told,) = checked(a_scan(), brief, clock=NOW + timedelta(seconds=2))
    longer = 'in sources.toml set [policy] scan_max_age to "1m" or more, such as "7d", then git hybrid scan tool'
    assert told == f"fail|tool|its scan is stale: it is 2 s old|{longer}"
    assert checked(a_scan(), brief) == []


def test_check_scans_warns_of_findings_that_the_same_scanners_lost_in_the_same_files() -> None:
    lost = replace(a_scan(), tree=FOUND.tree)
    log = segments(a_log(scan_event(NAME, FOUND), scan_event(NAME, lost)))
    (told,) = checked(lost, log=log)
    assert told.startswith("warn|tool|its scan lacks 2 findings of the one at ")
    assert told.endswith("|git hybrid scan tool")
    gone = replace(a_snapshot(SOURCE, pins=[a_pin(commit=oid(9))]).lock)
    assert not [item for item in checked(lost, log=log, lock=gone) if item.startswith("warn")]


def test_check_scans_tells_of_a_report_that_was_edited() -> None:
    (told,) = checked(a_scan(), foreign_reports=frozenset({NAME}))
    assert told.startswith("fail|report|is not the report that state names")
    assert told.endswith("|git checkout HEAD -- state/scans/tool.sarif, or git hybrid scan tool")
    assert checked(a_scan(), foreign_reports=frozenset({"other"})) == []


def test_check_scans_without_a_scanner_passes_and_says_so() -> None:
    manifest = Manifest(sources={NAME: SOURCE})
    for scan in (None, a_scan(), replace(FOUND, commit=oid(9))):
        (told,) = checked(scan, manifest)
        assert told.startswith("note|scanner|no scanner is configured")


def test_without_a_scanner_what_the_last_one_found_is_told_with_what_can_be_typed() -> None:
    _, told = checked(FOUND, Manifest(sources={NAME: SOURCE}))
    assert told.startswith("fail|tool|has 1 finding at or above high|git hybrid pin tool --kind scan --force --request")
    assert told.endswith(", or once upstream has a newer commit: git hybrid pin tool")
    error = blocked_by(FOUND, NAME, "high", signed=False, has_scanner=False)
    assert error is not None
    assert error.again == ""


@pytest.mark.parametrize(
    ("scan", "word"),
    [
        (ScanStatus(), "never scanned"),
        (a_scan(a_record(age=timedelta(days=8))), "8 d old"),
        (a_scan(commit=oid(9)), "not the pin"),
        (a_scan(a_record(state="error", reason="it crashed")), "incomplete: secrets: it crashed"),
        (ScanStatus(state="error", commit=oid(1), scanned_at=NOW), "incomplete"),
        (a_scan(a_record(age=timedelta(days=-2))), "still to come"),
    ],
)
def test_check_scans_tells_what_is_wrong_and_what_to_type(scan: ScanStatus, word: str) -> None:
    (told,) = checked(scan)
    assert word in told
    assert told.startswith("fail|tool|")
    assert told.endswith("|git hybrid scan tool")


@pytest.mark.parametrize("track", [Branch("main"), Version(">=1"), Tag("v1"), Commit(oid(1))])
def test_check_scans_tells_how_findings_are_accepted_and_how_to_come_to_a_commit_without_them(track: Track) -> None:
    manifest = Manifest(scanners=(SECRETS,), sources={NAME: replace(SOURCE, track=track)})
    (told,) = checked(FOUND, manifest)
    assert told.startswith("fail|tool|has 1 finding at or above high|git hybrid pin tool --kind scan --force --request")
    again = ", or once upstream has a newer commit: git hybrid pin tool --scan"
    assert told.endswith(again) is isinstance(track, Branch | Version)
    if isinstance(track, Tag):
        assert told.endswith(", or follow another tag: git hybrid pin tool --scan --tag TAG")


def test_findings_that_have_no_name_are_not_said_to_be_acceptable() -> None:
    error = blocked_by(
        replace(FOUND, counts={"high": 2, "medium": 0, "low": 1}), NAME, "high", track=Branch("main"), signed=False
    )
    assert error is not None
    assert (error.accept, error.move) == ("", "once upstream has a newer commit: git hybrid pin tool --scan")
    assert (error.others, error.former) == (1, "")
    assert error.beside(error.ids) == "1 other stays blocked"
    assert error.beside(()) == "2 others stay blocked"
    counts = {"high": 2, "medium": 0, "low": 1}
    left = blocked_by(replace(FOUND, counts=counts), NAME, "high", frozenset({a_finding(1).id}), signed=False)
    assert left is not None
    assert left.former == ", none of which has an id that an approval could name"
    new = blocked_by(FOUND, NAME, "high", track=Branch("main"), is_new=True, signed=False)
    assert new is not None
    assert (new.accept.split(" --force")[0], new.move) == (f"git hybrid pin tool --to {oid(1)}", "")
    assert new.beside(new.ids) == ""


@pytest.mark.parametrize("log", [(), a_log(scan_event(NAME, FOUND))], ids=["no-record", "another-result"])
def test_check_scans_believes_no_scan_that_the_log_does_not_bear_out(log: tuple[Record, ...]) -> None:
    (told,) = checked(a_scan(), log=segments(log))
    assert told == "fail|tool|its scan is not what the audit log tells of it|git hybrid scan tool"


def test_what_an_archive_may_bear_out_waits_for_it() -> None:
    absent = "state/sources-audit.2026.jsonl, which is not there"
    trail = Trail(absent=lambda: absent)
    gone = segments(a_log(Event(event=ROTATED, detail={"archive": "sources-audit.2026.jsonl", "sha256": "a" * 64})))
    (told,) = checked(a_scan(), log=gone, trail=trail)
    assert told.endswith(f"goes on from {absent}|{BRING_BACK}")
    entry = a_state_entry(SOURCE, scan=a_scan())
    snapshot = replace(a_snapshot(SOURCE, pins=[a_pin()], recorded=[entry], scanners=[SECRETS]), trail=trail)
    unproved = replace(snapshot, scan_trail=ScanTrail(unproved=frozenset({NAME})))
    row = condition(unproved, SOURCE, a_clone(), now=NOW)
    assert (row.scan, row.scan_why, scan_mend(row)) == (
        "error",
        f"what the audit log tells of it may be in {absent}",
        BRING_BACK,
    )
    # So does what accepts findings.
    record, _ = an_override(a_finding(1).id)
    accepts = replace(
        snapshot,
        overrides=Overrides(records={record.id: record}),
        state=State(sources={NAME: replace(entry, scan=FOUND)}),
        clock=NOW,
    )
    error = scan_blocked(accepts, NAME, a_pin())
    assert error is not None
    assert (error.accept, error.move, error.again) == (BRING_BACK, "", "")
    assert error.former.endswith(absent)
    assert awaits_archive(condition(accepts, SOURCE, a_clone(), now=NOW))


def test_a_clock_that_is_wrong_in_the_log_makes_no_scan_old() -> None:
    assert checked(a_scan(), clock=NOW + timedelta(days=900), now=NOW) == []


def test_sync_asks_the_log_where_state_does_not_tell_the_same() -> None:
    snapshot = a_snapshot(SOURCE, pins=[a_pin()], recorded=[a_state_entry(SOURCE, scan=a_scan())])
    assert scan_blocked(snapshot, NAME, a_pin()) is None
    asked = replace(snapshot, scan_trail=ScanTrail(unproved=frozenset({NAME}), told={NAME: FOUND}))
    assert scan_blocked(asked, NAME, a_pin()) is not None
    honest = replace(snapshot, state=State(sources={NAME: a_state_entry(SOURCE, scan=FOUND)}))
    assert scan_blocked(replace(honest, scan_trail=ScanTrail(told={NAME: ScanStatus()})), NAME, a_pin()) is None


def test_check_scans_sends_what_is_not_installed_to_sync() -> None:
    (told,) = checked(None)
    assert told == "fail|tool|was never scanned|git hybrid sync tool"
