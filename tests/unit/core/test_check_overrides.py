from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from git_hybrid.core.approval import Signatures
from git_hybrid.core.audit import ROTATE, ROTATED, Event, extend, tail_of
from git_hybrid.core.audit_archives import absent_from
from git_hybrid.core.check_overrides import check_overrides
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.manifest import Approver, Manifest, Policy
from git_hybrid.core.override import Approval, Override, Overrides, event_of, trail_of
from git_hybrid.core.scans import scan_event
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.core.witnesses import Witnesses
from git_hybrid.core.words import BRING_BACK
from support.scan_values import a_finding, a_log, a_scan, segments
from support.values import NOW, RUN, a_pin, a_source, a_state_entry, an_override, oid

TOOL = a_source()
DAY = timedelta(days=1)
PIN = replace(a_pin(TOOL, commit=oid(2), ref="refs/heads/hotfix"), override="ovr-1")
ITEM = an_override(approvers=(Approval(id="bea@example.org", at=NOW),), expires_at=NOW + 20 * DAY)


def told(
    item: Override | None = ITEM,
    *,
    pin: Pin | None = PIN,
    policy: Policy | None = None,
    clock: datetime = NOW,
    now: datetime | None = NOW,
    declared: bool = True,
    signatures: Signatures | None = None,
) -> tuple[Violation, ...]:
    events = [Event(event="init")] if item is None else [event_of(item, "override")]
    records = extend(tail_of(()), events, at=NOW, operator="o", command_id=RUN, log_id="l")
    kept = {} if item is None else {item.id: replace(item, audit_hash=str(records[0]["hash"]))}
    return check_overrides(
        Facts(
            manifest=Manifest(policy=policy or Policy(), sources={TOOL.name: TOOL} if declared else {}),
            clock=clock,
            now=now,
            lock=Lock(pins={} if pin is None else {pin.source: pin}),
            overrides=Overrides(records=kept),
            trail=trail_of(records),
            signatures=signatures or Signatures(),
        )
    )


def test_an_override_in_force_is_fine() -> None:
    assert told() == ()
    assert told(None, pin=a_pin(TOOL)) == ()
    assert told(now=None) == ()
    assert told(declared=False) == ()


def test_seven_days_before_its_end_it_is_a_warning() -> None:
    (found,) = told(clock=NOW + 14 * DAY)
    assert (found.level, found.what) == ("warn", "expires in 6 d")
    assert found.mend.startswith("git hybrid override renew ovr-1 --expires")
    # A request that policy does not take could not be renewed as it is.
    for item in told(policy=Policy(request_pattern="INC-1"), clock=NOW + 14 * DAY):
        assert item.mend.startswith("git hybrid override renew ovr-1 --request ID --expires")


def test_after_its_end_pin_and_record_fail() -> None:
    pin, record = told(clock=NOW + 20 * DAY)
    assert (pin.file, pin.mend) == ("state/sources.lock", "git hybrid pin tool")
    assert "expired at" in record.what
    assert record.mend.startswith("git hybrid pin tool, or git hybrid override renew ovr-1")
    assert told(replace(ITEM, status="revoked", closed_at=NOW), pin=None) == ()
    assert {item.mend.partition(", or")[0] for item in told(clock=NOW + 20 * DAY, declared=False)} == {
        "git hybrid sync --prune"
    }


def test_one_that_nothing_rests_on_fails_nothing() -> None:
    mend = f"git hybrid pin tool --to {oid(1)}"
    for pin, lasting in ((None, []), (a_pin(TOOL), [("warn", mend)])):
        assert [(item.level, item.mend) for item in told(pin=pin, clock=NOW + 14 * DAY)] == lasting
        (found,) = told(pin=pin, clock=NOW + 20 * DAY)
        assert (found.level, found.mend) == ("warn", "git hybrid override revoke ovr-1 --reason TEXT")
    # Where the pin should name it, that alone is told.
    assert [item.level for item in told(pin=replace(PIN, override=None))] == ["fail"]


def test_of_two_for_one_commit_the_pin_rests_on_the_one_that_it_names() -> None:
    other = replace(ITEM, id="ovr-2", request_id="CHG-2")
    records = a_log(event_of(ITEM, "override"), event_of(other, "override"))
    kept = {
        item.id: replace(item, audit_hash=str(made["hash"])) for item, made in zip((ITEM, other), records, strict=True)
    }
    facts = Facts(
        manifest=Manifest(sources={TOOL.name: TOOL}),
        clock=NOW,
        lock=Lock(pins={TOOL.name: PIN}),
        overrides=Overrides(records=kept),
        trail=trail_of(records),
    )
    (idle,) = check_overrides(facts)
    assert (idle.level, idle.entry) == ("warn", "ovr-2 (tool)")
    assert idle.mend == "git hybrid override revoke ovr-2 --reason TEXT"
    # Where the pin is to move, that ends both.
    ended = {**kept, ITEM.id: replace(kept[ITEM.id], expires_at=NOW)}
    found = check_overrides(replace(facts, overrides=Overrides(records=ended)))
    assert all(item.level == "fail" and "ovr-2" not in item.entry for item in found)


def test_accepted_findings_that_the_last_scan_no_longer_has_need_nothing() -> None:
    item = replace(ITEM, kind="scan", findings=(a_finding(1).id,))
    found, clean, other = (a_scan(findings=items, commit=oid(2)) for items in ((a_finding(1),), (), (a_finding(2),)))
    pin = a_pin(TOOL, commit=oid(2))
    for scan, log in ((found, found), (clean, clean), (other, other), (clean, found), (a_scan(), clean)):
        records = a_log(event_of(item, "override"), scan_event(TOOL.name, log))
        kept = replace(item, audit_hash=str(records[0]["hash"]))
        facts = Facts(
            manifest=Manifest(sources={TOOL.name: TOOL}),
            clock=NOW + 20 * DAY,
            lock=Lock(pins={TOOL.name: pin}),
            state=State(sources={TOOL.name: a_state_entry(TOOL, commit=oid(2), scan=scan)}),
            overrides=Overrides(records={item.id: kept}),
            trail=trail_of(records),
            log=segments(records),
        )
        (told,) = check_overrides(facts)
        assert told.level == ("warn" if scan == log != found else "fail")
        # Of findings that are still there the end of what accepts them mends nothing.
        assert told.mend.startswith("git hybrid override renew") is (scan == log == found)
        soon = check_overrides(replace(facts, clock=NOW + 19 * DAY))
        assert [item.why for item in soon] == ["what it accepts will be refused then"] * (told.level == "fail")


def test_accepted_findings_rest_on_the_commit() -> None:
    scan = replace(ITEM, kind="scan", findings=("f",))
    (found,) = told(scan, pin=replace(PIN, ref=a_pin(TOOL).ref, override=None), clock=NOW + 20 * DAY)
    assert found.level == "fail"
    assert found.mend.startswith("git hybrid override revoke ovr-1 --reason TEXT, or git hybrid override renew")
    (found,) = told(scan, pin=a_pin(TOOL), clock=NOW + 20 * DAY)
    assert found.level == "warn"


def checked(pin: Pin, *events: Event, kept: Override | None = None) -> tuple[Violation, ...]:
    """Return what is found of a pin where the log tells of *events*, and the file has no record but *kept*."""
    records = extend(tail_of(()), events, at=NOW, operator="o", command_id=RUN, log_id="l")
    return check_overrides(
        Facts(
            manifest=Manifest(sources={TOOL.name: TOOL}),
            clock=NOW,
            lock=Lock(pins={TOOL.name: pin}),
            overrides=Overrides(records={} if kept is None else {kept.id: kept}),
            trail=trail_of(records),
        )
    )


def test_a_record_that_the_log_knows_is_restored_from_it() -> None:
    for pin in (PIN, replace(PIN, override=None)):
        (found,) = checked(pin, event_of(ITEM, "override"))
        assert found.mend == "git hybrid override restore ovr-1"
    edited = replace(ITEM, reason="because", audit_hash="0" * 64)
    assert {item.mend for item in checked(PIN, event_of(ITEM, "override"), kept=edited)} == {
        "git hybrid override restore ovr-1"
    }


def test_what_an_archive_may_bear_out_waits_for_it() -> None:
    (old,) = segments(a_log(event_of(ITEM, "override"), Event(event=ROTATE)))
    old = replace(old, file="state/sources-audit.2026.jsonl", sha256="a" * 64)
    detail = {"archive": "sources-audit.2026.jsonl", "count": 2, "sha256": old.sha256}
    log = segments(a_log(Event(event=ROTATED, detail=detail)))
    kept = replace(ITEM, audit_hash=str((old.lines[0].record or {})["hash"]))
    facts = Facts(
        manifest=Manifest(sources={TOOL.name: TOOL}),
        clock=NOW,
        lock=Lock(pins={TOOL.name: PIN}),
        overrides=Overrides(records={ITEM.id: kept}),
        trail=replace(trail_of(()), absent=partial(absent_from, log)),
        log=log,
    )
    (found,) = check_overrides(facts)
    assert (found.file, found.level, found.mend) == (LOG, "fail", BRING_BACK)
    # Where git is asked, the mend is that of the audit.
    asked = replace(facts, witnesses=Witnesses(committed=frozenset(), archived=lambda *_: "abc"))
    assert check_overrides(asked)[0].mend.endswith(f"git checkout abc -- {old.file}")
    # One that is open in the log may have ended there, and what a pin of another commit rests on may be told there.
    lost = replace(facts.trail, latest=trail_of(a_log(event_of(ITEM, "override"))).latest)
    bare = replace(facts, trail=lost, overrides=Overrides())
    other = replace(facts, lock=Lock(pins={TOOL.name: replace(PIN, commit=oid(3))}))
    for case, level in ((replace(bare, lock=Lock()), "warn"), (bare, "fail"), (other, "fail")):
        (found,) = check_overrides(case)
        assert (found.file, found.level, found.mend) == (LOG, level, BRING_BACK)
    assert absent_from((old, *log)) == ""
    changed = (replace(old, sha256="0"), *log)
    assert absent_from(changed) == f"{old.file}, which was changed after it was closed"


def test_a_record_that_the_file_lost_is_missed_whatever_it_is_about() -> None:
    scan = replace(ITEM, kind="scan", to_commit=PIN.commit, findings=("f",))
    bare = a_pin(TOOL, commit=PIN.commit)
    (found,) = checked(bare, event_of(scan, "override"))
    assert (found.level, found.mend) == ("fail", "git hybrid override restore ovr-1")
    assert found.entry == "ovr-1 (tool)"
    assert checked(bare, event_of(scan, "override"), event_of(scan, "override-revoked")) == ()
    again = replace(scan, id="ovr-2", audit_hash="0" * 64)
    moved, removed = replace(bare, commit=oid(9)), replace(scan, source=SourceName("other"))
    for item, pin, kept in ((scan, bare, again), (scan, moved, None), (removed, bare, None)):
        found = checked(pin, event_of(item, "override"), kept=kept)
        lost = [item for item in found if "not in this file" in item.what]
        assert [(item.level, item.mend) for item in lost] == [("warn", "git hybrid override restore ovr-1")]
    # A pin that rests on it tells it already.
    (found,) = checked(PIN, event_of(ITEM, "override"))
    assert (found.file, found.mend) == ("state/sources.lock", "git hybrid override restore ovr-1")


def test_a_pin_without_its_record_says_how_to_capture_it_again() -> None:
    pinned = Event(event="pin", source=TOOL.name, after=oid(2), detail={"rests_on": "ovr-1"})
    for pin in (PIN, replace(PIN, override=None)):
        assert checked(pin, pinned)[0].mend.startswith(f"git hybrid pin tool --to {oid(2)} --force")
    assert "no record" in told(None, declared=False)[0].what


def test_a_pin_that_names_the_override_of_another_commit_may_be_joined_by_a_merge() -> None:
    joined = "where a merge joined it from two: git hybrid merge; else: "
    moved = replace(PIN, commit=oid(3))
    for detail, mend in (({}, f"git hybrid pin tool --to {oid(3)}"), ({"rests_on": "ovr-2"}, "--expires WHEN")):
        plain = Event(event="pin", source=TOOL.name, after=oid(3), detail=detail)
        found = checked(moved, event_of(ITEM, "override"), plain, kept=ITEM)[0]
        assert found.mend.startswith(joined)
        assert found.mend.endswith(mend)


def test_a_pin_that_nobody_made_is_not_to_be_approved() -> None:
    (found,) = checked(PIN, Event(event="init"))
    assert "knows of no pin" in found.why
    assert found.mend.startswith("git hybrid pin tool, or find")
    for before in (Event(event="init"), Event(event="pin", source=TOOL.name, after=oid(2))):
        (found,) = checked(replace(PIN, override=None), before)
        assert "no command pins so" in found.why
        assert found.mend.endswith("; where it was committed so: git hybrid pin tool")


def test_a_record_that_the_log_does_not_bear_out_fails() -> None:
    stranger = SourceName("other")
    facts = Facts(
        manifest=Manifest(), clock=NOW, overrides=Overrides(records={ITEM.id: replace(ITEM, source=stranger)})
    )
    (found,) = check_overrides(facts)
    assert found.entry == "ovr-1 (other)"


def test_policy_is_asked_again_of_the_last_approvals() -> None:
    strict = Policy(override_min_approvers=2, override_max_age=5 * DAY, approvers=(Approver(id="b", key="k"),))
    words = [item.what for item in told(policy=strict)]
    assert any("is not among" in word for word in words)
    assert any("override_max_age" in word for word in words)
    renewed = replace(
        ITEM,
        approvers=(*ITEM.approvers, Approval(id="b", at=NOW + 10 * DAY, signature="s")),
        expires_at=NOW + 22 * DAY,
    )
    lax, later = replace(strict, override_max_age=12 * DAY, override_min_approvers=1), NOW + 10 * DAY
    good = Signatures(good=frozenset({("ovr-1", "b")}))
    assert told(renewed, policy=lax, clock=later, now=later, signatures=good) == ()
    for other in (Signatures(), Signatures(good=frozenset({("ovr-2", "b"), ("ovr-1", "a")}))):
        (first, second) = told(renewed, policy=lax, clock=later, now=later, signatures=other)
        assert first.what == "the approval of b is not signed with the key that policy names"
        assert first.mend.endswith("--signature FILE")
        assert "1 approver is needed, 0 counted" in second.what


def test_where_no_signature_can_be_checked_that_is_said() -> None:
    strict = Policy(approvers=(Approver(id="bea@example.org", key="k"),))
    unable = Signatures(unable="ssh-keygen is not installed")
    what = told(policy=strict, signatures=unable)[0].what
    assert what == "the approval of bea@example.org cannot be checked: ssh-keygen is not installed"


def test_one_that_was_made_or_renewed_in_time_to_come_fails() -> None:
    renewed = replace(ITEM, created_at=NOW - 9 * DAY)
    for item in (ITEM, renewed):
        (found,) = told(item, now=NOW - 2 * DAY)
        assert "still to come" in found.what
        assert found.mend == "git hybrid override revoke ovr-1 --reason TEXT"
    assert told(now=NOW - DAY / 2) == ()
    revoked = replace(ITEM, status="revoked", closed_at=NOW)
    assert told(revoked, pin=None, now=NOW - 2 * DAY) == ()


def test_of_two_that_one_approval_made_the_one_that_nothing_rests_on_is_told() -> None:
    """Two branches may each have used what was signed."""
    made = [replace(ITEM, id=f"ovr-{number}") for number in (1, 2)]
    other = replace(ITEM, id="ovr-3", expires_at=NOW)
    for key, rests, want in (("k", "ovr-1", ["ovr-2"]), ("k", None, ["ovr-1"]), ("", "ovr-1", [])):
        approver = Approver(id="bea@example.org", key=key)
        facts = Facts(
            manifest=Manifest(policy=Policy(approvers=(approver,)), sources={TOOL.name: TOOL}),
            clock=NOW,
            lock=Lock(pins={} if rests is None else {PIN.source: replace(PIN, override=rests)}),
            overrides=Overrides(records={item.id: item for item in (*made, other)}),
        )
        found = [item.entry.split()[0] for item in check_overrides(facts) if "was made by too" in item.what]
        assert found == want


def test_one_that_accepts_no_finding_accepts_nothing() -> None:
    pin = replace(PIN, ref=a_pin(TOOL).ref, override=None)
    (found,) = told(replace(ITEM, kind="scan"), pin=pin)
    assert (found.level, found.what) == ("fail", "accepts no finding")
    assert found.mend == "git hybrid override revoke ovr-1 --reason TEXT"
    assert told(replace(ITEM, kind="scan", findings=("f",)), pin=pin) == ()
