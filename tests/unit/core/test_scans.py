from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import Level, Manifest, Scanner
from git_hybrid.core.scans import (
    KEPT_FINDINGS,
    Identity,
    blocking_findings,
    by_severity,
    can_reuse,
    counts_told,
    finding_ids,
    is_blocking,
    renewing,
    scan_event,
    severity_of,
    stale_reason,
    stale_words,
    status_of,
    takes_back,
)
from git_hybrid.core.state import FindingRef, ScanState, ScanStatus, Severity
from git_hybrid.core.value import replace
from support.scan_values import RULES, SECRETS, WORKFLOWS, a_finding, a_record, a_scan
from support.values import NOW, a_source, oid

TOOL = SourceName("tool")
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
ONE = Manifest(scanners=(SECRETS,))
HERE = {"secrets": Identity(version="2.0.0", rules_digest=RULES)}


@pytest.mark.parametrize(
    ("level", "score", "expected"),
    [
        ("error", None, "high"),
        ("warning", None, "medium"),
        ("note", None, "low"),
        ("none", None, None),
        ("note", "9.8", "high"),
        ("error", "7.0", "high"),
        ("error", "6.9", "medium"),
        ("error", "4.0", "medium"),
        ("error", "3.9", "low"),
        ("none", "0.1", "low"),
        ("error", "0.0", "high"),
        ("error", "10.1", "high"),
        ("error", "nan", "high"),
        ("warning", "grave", "medium"),
    ],
)
def test_the_score_wins_over_the_level_where_it_is_one(level: str, score: str | None, expected: str | None) -> None:
    assert severity_of(level, score) == expected


def test_a_finding_has_a_name_of_its_own_that_stays() -> None:
    first, again, other = finding_ids([("s", "r", "a", "x"), ("s", "r", "a", "x"), ("s", "r", "b", "x")])
    assert len({first, again, other}) == 3
    assert finding_ids([("s", "r", "b", "x"), ("s", "r", "a", "x")]) == [other, first]
    assert len(first) == 20


def test_the_worst_result_stands_and_the_oldest_says_how_old_it_is() -> None:
    clean = a_record(WORKFLOWS, version="1", age=DAY)
    found = a_record(state="findings")
    failed = a_record(Scanner(name="third", command=("x",)), state="error", version="", age=2 * DAY)
    scan = a_scan(clean, found, findings=(a_finding(level="low"), a_finding(2, level="high")))
    assert (scan.state, scan.scanner, scan.scanner_version) == ("findings", "secrets", "2.0.0")
    assert (scan.scanned_at, scan.counts) == (NOW - DAY, {"high": 1, "medium": 0, "low": 1})
    assert [item.level for item in scan.findings] == ["high", "low"]
    assert scan.scanners == (clean, found)
    worst = a_scan(clean, found, failed)
    assert (worst.state, worst.scanner, worst.scanner_version) == ("error", "third", None)
    assert worst.rules_digest not in (RULES, scan.rules_digest)
    assert a_scan().rules_digest == RULES


def test_a_hundred_findings_are_named_the_worst_first() -> None:
    many = tuple(a_finding(n, level="high" if n % 2 else "low") for n in range(KEPT_FINDINGS * 2))
    scan = status_of([a_record(state="findings")], many, commit=oid(1), tree=oid(2))
    assert len(scan.findings) == KEPT_FINDINGS
    assert {item.level for item in scan.findings} == {"high"}
    assert scan.counts == {"high": 100, "medium": 0, "low": 100}
    assert [item.level for item in by_severity(many)] == ["high"] * 100 + ["low"] * 100


@pytest.mark.parametrize(
    ("age", "pinned", "expected"),
    [
        (DAY, oid(1), None),
        (WEEK, oid(1), None),
        (WEEK + timedelta(seconds=1), oid(1), "age"),
        (DAY, oid(2), "pin"),
        (DAY, None, "pin"),
        (-DAY, oid(1), None),
        (-DAY - timedelta(seconds=1), oid(1), "clock"),
    ],
    ids=["fresh", "just-in-time", "too-old", "other-commit", "no-pin", "another-clock", "to-come"],
)
def test_a_scan_is_stale_by_age_or_by_commit(age: timedelta, pinned: Oid | None, expected: str | None) -> None:
    bare = ScanStatus(state="clean", commit=oid(1), scanned_at=NOW - age)
    assert stale_reason(bare, ONE, TOOL, pinned=pinned, now=NOW) == expected
    assert stale_reason(a_scan(a_record(age=age)), ONE, TOOL, pinned=pinned, now=NOW, identities=HERE) == expected


@pytest.mark.parametrize(
    "scan",
    [ScanStatus(), ScanStatus(state="missing", scanned_at=NOW - 9 * WEEK), ScanStatus(state="error")],
    ids=["never", "missing", "no-time"],
)
def test_a_scan_that_never_was_is_missing_and_not_stale(scan: ScanStatus) -> None:
    assert stale_reason(scan, ONE, TOOL, pinned=oid(1), now=NOW) is None


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (Manifest(), None),
        (ONE, None),
        (Manifest(scanners=(WORKFLOWS,)), "scanners"),
        (Manifest(scanners=(SECRETS, WORKFLOWS)), "scanners"),
        (Manifest(scanners=(replace(SECRETS, args=("--more",)),)), "scanners"),
        (Manifest(scanners=(replace(SECRETS, timeout=DAY),)), None),
        (Manifest(scanners=(SECRETS,), sources={TOOL: a_source()}), None),
        (Manifest(scanners=(SECRETS,), sources={TOOL: replace(a_source(), lfs="fetch")}), "scanners"),
        (Manifest(scanners=(SECRETS,), sources={TOOL: replace(a_source(), submodules=True)}), "scanners"),
    ],
    ids=["none-now", "same", "another", "one-more", "other-arguments", "other-timeout", "source", "lfs", "submodules"],
)
def test_a_scan_is_stale_when_the_scanners_changed(manifest: Manifest, expected: str | None) -> None:
    assert stale_reason(a_scan(), manifest, TOOL, pinned=oid(1), now=NOW, identities={}) == expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(version="2.0.0", rules_digest=RULES), None),
        (Identity(version="", rules_digest=RULES), None),
        (Identity(version="2.0.1", rules_digest=RULES), "version"),
        (Identity(version="2.0.0, monday", rules_digest=RULES), "version"),
        (Identity(version="2.0.0", rules_digest="sha256:" + "2" * 64), "rules"),
    ],
)
def test_a_scan_is_stale_when_version_or_rules_changed(identity: Identity, expected: str | None) -> None:
    found = stale_reason(a_scan(), ONE, TOOL, pinned=oid(1), now=NOW, identities={"secrets": identity})
    assert found == expected
    failed = a_scan(a_record(state="error", version=""))
    assert stale_reason(failed, ONE, TOOL, pinned=oid(1), now=NOW, identities={"secrets": identity}) is None


def test_a_database_that_is_not_told_of_here_is_not_judged() -> None:
    dated = a_scan(a_record(version=f"{HERE['secrets'].version}, monday"))
    assert stale_reason(dated, ONE, TOOL, pinned=oid(1), now=NOW, identities=HERE) is None


@pytest.mark.parametrize("reason", ["age", "clock", "pin", "scanners", "version", "rules"])
def test_every_reason_has_words_of_its_own(reason: str) -> None:
    words = stale_words(reason, a_scan(a_record(age=9 * DAY)), NOW)  # type: ignore[arg-type]
    assert words
    assert ("9 d" in words) is (reason == "age")
    assert (oid(1)[:10] in words) is (reason == "pin")
    assert ("still to come" in words) is (reason == "clock")


def test_an_age_without_a_time_still_has_words() -> None:
    assert stale_words("age", ScanStatus(), NOW) == "it is old"
    assert stale_words("clock", ScanStatus(), NOW) == "it is still to come"


def test_a_result_stands_in_for_another_only_where_it_would_be_the_same() -> None:
    record, scan, tree = a_record(age=WEEK), a_scan(), oid(0x77)
    here = HERE["secrets"]

    def reused(**changes: object) -> bool:
        given = {"record": record, "scan": scan, "identity": here, "tree": tree} | changes
        return can_reuse(
            given["record"],  # type: ignore[arg-type]
            given["scan"],  # type: ignore[arg-type]
            given["identity"],  # type: ignore[arg-type]
            tree=given["tree"],  # type: ignore[arg-type]
            manifest=ONE,
            now=NOW,
        )

    assert reused()
    assert reused(record=a_record(state="findings"))
    assert reused(identity=replace(here, version=""))
    assert not reused(tree=oid(1))
    assert not reused(record=a_record(state="error"))
    assert not reused(identity=replace(here, version="3"))
    assert not reused(identity=replace(here, version=f"{here.version}, tuesday"))
    assert reused(record=a_record(version=f"{here.version}, monday"))
    assert not reused(identity=replace(here, rules_digest="sha256:" + "2" * 64))
    assert not reused(record=a_record(age=WEEK + timedelta(seconds=1)))
    assert reused(record=a_record(age=-DAY))
    assert not reused(record=a_record(age=-DAY - timedelta(seconds=1)))


@pytest.mark.parametrize("hours", [1, 24, 83, 84, 85, 120, 126, 167])
def test_a_job_that_comes_more_often_than_policy_asks_leaves_no_scan_to_become_stale(hours: int) -> None:
    age, oldest = timedelta(0), timedelta(0)
    for _run in range(20):
        age += timedelta(hours=hours)
        oldest = max(oldest, age)
        if stale_reason(a_scan(a_record(age=age)), renewing(ONE), TOOL, pinned=oid(1), now=NOW) is not None:
            age = timedelta(0)
    assert oldest <= ONE.policy.scan_max_age


@pytest.mark.parametrize(
    ("block_on", "blocked"),
    [("high", ["high"]), ("medium", ["high", "medium"]), ("low", ["high", "medium", "low"]), ("none", [])],
)
def test_policy_blocks_on_its_level_and_above(block_on: Level, blocked: list[Severity]) -> None:
    levels: tuple[Severity, ...] = ("high", "medium", "low")
    assert [level for level in levels if is_blocking(level, block_on)] == blocked
    scan = a_scan(findings=tuple(a_finding(at, level=level) for at, level in enumerate(levels)))
    assert blocking_findings(scan, block_on)[1] == len(blocked)


def test_what_an_override_accepts_does_not_block() -> None:
    scan = a_scan(findings=(a_finding(1), a_finding(2), a_finding(3, level="low")))
    one, two = a_finding(1).id, a_finding(2).id
    assert blocking_findings(scan, "high") == ((one, two), 2)
    assert blocking_findings(scan, "high", frozenset({one})) == ((two,), 1)
    assert blocking_findings(scan, "high", frozenset({one, two, "other"})) == ((), 0)


def test_what_has_no_name_cannot_be_accepted() -> None:
    bare = ScanStatus(state="findings", commit=oid(1), scanned_at=NOW, counts={"high": 2, "medium": 0, "low": 9})
    assert blocking_findings(bare, "high", frozenset({"x"})) == ((), 2)
    assert blocking_findings(replace(bare, counts=None), "high") == ((), 1)
    assert blocking_findings(replace(bare, state="error"), "high") == ((), 2)
    assert blocking_findings(replace(bare, state="error", counts=None), "high") == ((), 0)
    assert blocking_findings(replace(bare, state="clean"), "low") == ((), 0)


def test_the_audit_record_tells_scanners_counts_and_names() -> None:
    failed = a_record(WORKFLOWS, state="error", version="", reason="it crashed")
    event = scan_event(SourceName("tool"), a_scan(a_record(state="findings"), failed, findings=(a_finding(),)))
    assert (event.event, event.source, event.after) == ("scan", "tool", oid(1))
    assert event.detail is not None
    assert "refused" not in event.detail
    assert event.detail["counts"] == {"high": 1, "medium": 0, "low": 0}
    assert event.detail["findings"] == [{"id": a_finding().id, "level": "high"}]
    first, second = event.detail["scanners"]  # type: ignore[misc]
    assert "reason" not in first
    assert second["reason"] == "it crashed"  # type: ignore[index,call-overload]
    refused = scan_event(SourceName("tool"), ScanStatus(state="clean", commit=oid(1)), refused=True)
    assert refused.detail is not None
    assert (refused.detail["refused"], refused.detail["counts"]) == (True, {})


def test_findings_are_counted_by_their_severity() -> None:
    assert counts_told(a_scan()) == "0 findings"
    assert counts_told(a_scan(findings=(a_finding(1), a_finding(2, level="low")))) == "2 findings (1 high, 1 low)"


def a_result(state: ScanState, *found: str, counts: bool = True) -> ScanStatus:
    """Return a scan that found what *found* names as id and level."""
    pairs = [(word, level) for word, _, level in (item.partition(" ") for item in found)]
    refs = [FindingRef(id=word, level=cast(Severity, level), scanner="s", rule="r", path="p") for word, level in pairs]
    told = {severity: [level for _, level in pairs].count(severity) for severity in ("high", "medium", "low")}
    return ScanStatus(state=state, counts=told if counts else None, findings=tuple(refs))


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        (a_result("clean"), a_result("clean"), False),
        (a_result("findings", "a high"), a_result("clean"), False),
        (a_result("error"), a_result("clean"), False),
        (a_result("missing"), a_result("clean"), True),
        (a_result("clean"), a_result("missing"), False),
        (a_result("clean"), a_result("findings", "a low"), True),
        (a_result("clean"), a_result("error"), True),
        (a_result("findings", "a high"), a_result("error", "a high"), True),
        (a_result("error", "a high"), a_result("findings", "a high"), False),
        (a_result("error"), a_result("findings", "a high"), True),
        (a_result("findings", "a high"), a_result("findings", "a high"), False),
        (a_result("findings", "a high", "b low"), a_result("findings", "a high"), False),
        (a_result("findings", "b high"), a_result("findings", "a high"), True),
        (a_result("findings", "a low", "b high"), a_result("findings", "a high"), True),
        (a_result("findings", "a high", counts=False), a_result("findings", "a high"), True),
        (a_result("findings", "a high"), a_result("findings", "a high", counts=False), True),
    ],
)
def test_a_scan_of_another_side_takes_nothing_back(theirs: ScanStatus, ours: ScanStatus, expected: bool) -> None:
    assert takes_back(theirs, ours) is expected
