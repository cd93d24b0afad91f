from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.ahead import ahead
from git_hybrid.core.approval import Approvals, Approved, Asked, payload, unmet
from git_hybrid.core.audit import RESTS_ON, Event, Record, extend, tail_of
from git_hybrid.core.errors import NoPin, OffBranch, OverrideEnded, OverrideUnrecorded
from git_hybrid.core.governance import Lifted, expiring, governed, lifted, mend_of, unapproved, unbound, why_unapproved
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.lock import Lock, pin_digest
from git_hybrid.core.manifest import Approver, Commit, Manifest, Policy, config_digest
from git_hybrid.core.override import (
    UNKNOWN,
    Approval,
    Override,
    Overrides,
    Trail,
    approvers,
    binds,
    closed,
    digest,
    event_of,
    is_named,
    person,
    phase,
    plain,
    trail_of,
    why_closed,
    with_overrides,
)
from git_hybrid.core.people import distinct, doubles, may_ask
from git_hybrid.core.plan import Absent, Snapshot
from git_hybrid.core.planner import plan_sync
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL = a_source()
DAY = timedelta(days=1)


def certain(_record: Override) -> str:
    """Doubt nothing: what signatures are good for is tried elsewhere."""
    return ""


def an_override(number: int = 1, *, commit: int = 2, source: str = "tool") -> Override:
    return Override(
        id=f"ovr-{number}",
        kind="pin",
        source=SourceName(source),
        request_id="CHG-1",
        reason="why",
        from_commit=oid(1),
        to_commit=oid(commit),
        requested_by=OPERATOR,
        approvers=(Approval(id="bea@example.org", at=NOW),),
        created_at=NOW,
        expires_at=NOW + 20 * DAY,
        command_id=RUN,
        lifts=("off-branch",),
    )


def logged(*events: Event) -> tuple[Record, ...]:
    records: tuple[Record, ...] = ()
    for event in events:
        who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
        records += extend(tail_of(records), [event], at=NOW, **who)
    return records


def pinned(commit: int, under: str = "") -> Event:
    detail = {"ref": "refs/heads/hotfix", **({RESTS_ON: under} if under else {})}
    return Event(event="pin", source="tool", after=oid(commit), detail=detail)


def recorded(*items: Override, events: tuple[Event, ...] = ()) -> tuple[Overrides, tuple[Record, ...]]:
    """Return overrides as their file has them, and the log that tells of them."""
    records = logged(*events, *(event_of(item, "override") for item in items))
    hashes = {str(record["detail"]["override"]): str(record["hash"]) for record in records[len(events) :]}  # type: ignore[index,call-overload]
    return Overrides(records={item.id: replace(item, audit_hash=hashes[item.id]) for item in items}), records


def test_what_an_override_lifts_is_what_the_log_tells() -> None:
    overrides, records = recorded(an_override())
    trail, right = trail_of(records), Lifted(("off-branch",), oid(1))
    edited = Overrides(records={"ovr-1": replace(overrides.records["ovr-1"], lifts=(), from_commit=oid(9))})
    for found in (overrides, edited, Overrides()):
        assert lifted("ovr-1", TOOL.name, found, trail) == right
        assert lifted("ovr-1", SourceName("other"), found, trail) is None
    assert lifted("ovr-2", TOOL.name, overrides, trail) is lifted(None, TOOL.name, overrides, trail) is None
    assert lifted("ovr-1", TOOL.name, overrides, Trail()) is None
    first, log = recorded(replace(an_override(), lifts=(), from_commit=None))
    assert lifted("ovr-1", TOOL.name, first, trail_of(log)) == Lifted((), None)
    assert lifted("ovr-1", TOOL.name, Overrides(), trail_of(log)) == Lifted((), None)
    accepted = trail_of(recorded(replace(an_override(), kind="scan"))[1])
    assert lifted("ovr-1", TOOL.name, Overrides(), accepted) is None


def test_a_record_is_bound_to_the_log_by_its_digest() -> None:
    overrides, records = recorded(an_override())
    record = overrides.records["ovr-1"]
    assert binds(records[0], record)
    assert digest(record) == digest(replace(record, audit_hash=None))
    assert not binds(records[0], replace(record, reason="other"))
    assert not binds(records[0], replace(record, audit_hash="0" * 64))
    assert not binds(logged(Event(event="init"))[0], record)
    assert unbound(record, trail_of(records)) == ""
    assert "knows nothing" in unbound(record, trail_of(()))
    assert "is not what" in unbound(replace(record, reason="x"), trail_of(records))


def test_plain_values_leave_out_what_is_not_there() -> None:
    record = replace(an_override(), from_commit=None, lifts=())
    assert plain(record)["from_commit"] is None
    assert not {"incident", "closed_at", "lifts", "findings", "waived", "audit_hash"} & plain(record).keys()
    ended = closed(record, "revoked", at=NOW, by="Cid")
    signed = replace(ended, approvers=(Approval(id="b", at=NOW, signature="s"),), audit_hash="0" * 64)
    assert {"closed_at", "closed_by", "audit_hash"} <= plain(signed).keys()
    assert plain(signed)["approvers"] == [{"id": "b", "at": "2026-07-20T12:00:00Z", "signature": "s"}]


def test_the_event_tells_all_of_it() -> None:
    event = event_of(an_override(), "override-renewed", reason="more")
    assert (event.source, event.before, event.after) == ("tool", oid(1), oid(2))
    assert event.detail is not None
    assert (event.detail["because"], event.detail["override"], event.detail["request_id"]) == ("more", "ovr-1", "CHG-1")
    assert "because" not in (event_of(an_override(), "override").detail or {})


def test_the_trail_has_the_last_of_each_and_what_pins_rest_on() -> None:
    item = an_override()
    assert trail_of(()).newest is None
    records = logged(pinned(2, "ovr-1"), event_of(item, "override"), pinned(3), Event(event="override", source="x"))
    trail = trail_of(records)
    assert trail.newest == NOW
    assert trail.latest == {"ovr-1": records[1]}
    assert trail.rests["tool", oid(2)] == "ovr-1"
    assert trail.rests["tool", oid(3)] == ""
    assert trail.refs["tool", oid(2)] == "refs/heads/hotfix"
    assert trail_of(logged(pinned(2, "ovr-1"))).rests["tool", oid(2)] == "ovr-1"


@pytest.mark.parametrize("event", ["override-revoked", "override-superseded"])
def test_what_was_closed_stays_closed_whatever_comes_after(event: str) -> None:
    item = an_override()
    records = logged(event_of(item, "override"), event_of(item, event), event_of(item, "override-renewed"))
    assert trail_of(records).latest["ovr-1"] == records[1]


@pytest.mark.parametrize(
    ("days", "word"), [(0, "active"), (12.9, "active"), (13, "expiring"), (19.9, "expiring"), (20, "expired")]
)
def test_phases(days: float, word: str) -> None:
    assert phase(an_override(), NOW + days * DAY) == word
    assert phase(closed(an_override(), "superseded", at=NOW, by="x"), NOW + days * DAY) == "superseded"


def test_nothing_is_taken_out() -> None:
    first, second = an_override(1), an_override(2)
    overrides = with_overrides(Overrides(records={"ovr-2": second}), {"ovr-1": first})
    assert list(overrides.records) == ["ovr-1", "ovr-2"]
    assert overrides.of(SourceName("tool")) == (first, second)
    assert overrides.of(SourceName("other")) == ()
    assert replace(overrides, records={first.id: first}).of(SourceName("tool")) == (first,)
    assert replace(overrides, records={first.id: first}) == Overrides(records={first.id: first})


class _Counting(dict[str, Override]):
    """Counts how often all records are gone through."""

    read = 0

    def values(self):
        self.read += 1
        return super().values()


def test_many_sources_go_through_the_records_once() -> None:
    records = _Counting({f"ovr-{number}": an_override(number, source=f"s{number % 3}") for number in range(9)})
    overrides = Overrides(records=records)
    assert [len(overrides.of(SourceName(f"s{number}"))) for number in range(4)] == [3, 3, 3, 0]
    assert records.read == 1


UNSEEN = (
    *"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u200b\u2064\u2065\u2800\u3164\ufe00\ufe0f\ufeff\uffa0\ufff0",
    *"\U0001bca0\U0001d173\U000e0001\U000e0100\U000e01ef\U000e0fff",
)


@pytest.mark.parametrize(
    "text",
    [
        "Bea <bea@example.org>",
        "<BEA@Example.org>",
        "bea@example.org",
        " Bea  bea@example.org",
        "mailto:bea@example.org",
        "bea@example.org.",
        "Bea <bea@example.org.>",
        "B\u200bea <b\u200bea@example.org>",
        "\uff42ea@example.org",
        *[f"be{unseen}a@example.org" for unseen in UNSEEN],
        "eve@x < bea@example.org >",
        '"bea"@example.org',
        "bea @ example.org",
        "bea(not (me))@example.org",
        'Bea "B\\e" (Ops) <"b\\ea"@example.org>',
        "bea\t@example.org",
        "(bea@example.org)",
    ],
)
def test_a_person_is_an_address(text: str) -> None:
    assert person(text) == "bea@example.org"


def test_a_person_without_an_address_is_a_name() -> None:
    assert person(" Bea  Smith ") == "bea smith"
    assert person("Bea (b@x") == "b@x"
    assert person("Rene\u034f\u0301") == person("REN\u00c9"), "one letter, with nothing to see in it"
    assert distinct(["Bea <b@x>", "b@X", "Cid", "bea", "Eve <e@x>"]) == ("Bea <b@x>", "Cid", "Eve <e@x>")


def test_two_that_policy_names_are_two_and_of_others_the_pair_is_told() -> None:
    two = ["John Smith <j1@x>", "John Smith <j2@x>"]
    assert distinct(two, {"j1@x", "j2@x"}) == tuple(two)
    assert doubles(two, {"j1@x", "j2@x"}) == ()
    assert distinct([*two, "J1@x"], {"j1@x", "j2@x"}) == tuple(two)
    assert distinct(two, {"j1@x", "john smith"}) == (two[0],)
    (told,) = doubles([*two, two[1]], {"j1@x"})
    assert told == f"{two[1]} counts as {two[0]}, by a name or an address in both"


def test_a_login_is_no_other_person_than_its_address_where_who_asks_may_not_approve() -> None:
    assert may_ask("dev", "A Dev <dev@example.org>")
    assert may_ask("Dev@example.org", " DEV ")
    assert may_ask("dev", "dev")
    assert not may_ask("dev", "bea@example.org")
    assert not may_ask("dev@example.com", "dev@example.org")
    assert distinct(["dev", "dev@example.org"]) == ("dev", "dev@example.org")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("-", False),
        ("<>", False),
        ("\u200b.", False),
        ("\u3164", False),
        ("b", True),
        ("x <>", False),
        ("Bea < >", False),
        ("1", True),
        ("\u03b2", True),
    ],
)
def test_who_is_named_by_no_letter_is_nobody(text: str, named: bool) -> None:
    assert is_named(text) == named


def test_who_approved_a_renewal_too_is_told_once() -> None:
    bea, dan = (Approval(id=who, at=NOW) for who in ("bea@example.org", "dan@example.org"))
    assert approvers(replace(an_override(), approvers=(bea, dan, replace(bea, at=NOW + DAY)))) == f"{bea.id}, {dan.id}"


def asked(*approvers: str, signed: frozenset[str] = frozenset(), days: float = 1) -> Approved:
    return Approved(
        request_id="CHG-1",
        requesters=(OPERATOR, "ada@example.org", "Cid"),
        approvers=approvers,
        signed=signed,
        since=NOW,
        until=NOW + days * DAY,
    )


def test_nothing_is_granted_to_nobody_knows_whom() -> None:
    for requesters in ((UNKNOWN,), (OPERATOR, UNKNOWN)):
        (problem,) = unmet(replace(asked("bea@example.org"), requesters=requesters), Policy())
        assert "nobody knows who asks" in problem


def test_what_policy_misses_is_told_in_full() -> None:
    assert unmet(asked("bea@example.org"), Policy(request_pattern=r"CHG-\d")) == ()
    long = replace(asked("bea@example.org"), request_id="1" * 999)
    assert unmet(long, Policy(request_pattern=r"\d+")) == ("the request id has more than 200 characters",)
    told = r"the request id 'CHG-1\n\x1b' does not match '^INC-\d$'"
    assert unmet(replace(long, request_id="CHG-1\n\x1b"), Policy(request_pattern=r"^INC-\d$")) == (told,)
    policy = Policy(
        request_pattern="INC-.*",
        override_min_approvers=2,
        approvers=(Approver(id="bea@example.org"), Approver(id="dan@example.org", key="ssh-ed25519 A")),
    )
    found = unmet(asked("Bea <bea@example.org>", "cid", "dan@example.org", "eve@example.org", days=31), policy)
    words = ("does not match", "Cid asks", "eve@example.org is not among", "dan@example.org is not signed")
    for text, word in zip(found, (*words, "2 approvers are needed, 1 counted", "override_max_age"), strict=True):
        assert word in text
    signed = asked("bea@example.org", "dan@example.org", signed=frozenset({"dan@example.org"}))
    assert unmet(signed, replace(policy, request_pattern="")) == ()
    assert unmet(asked(days=0), Policy()) == (
        "1 approver is needed, 0 counted",
        "it would expire at 2026-07-20T12:00:00Z, which is past",
    )
    # What is kept is that without the milliseconds.
    soon = replace(asked("bea@example.org"), since=NOW + DAY / 86400 / 4, until=NOW + DAY / 86400 / 2)
    assert unmet(soon, Policy()) == ("it would expire at 2026-07-20T12:00:00Z, which is past",)


def test_a_record_from_a_time_to_come_is_named_where_it_ends_an_override() -> None:
    newest = {"seq": 7, "event": "remove", "at": format_time(NOW + 400 * DAY)}
    assert ahead(newest, NOW + 399 * DAY) is None
    assert ahead({}, NOW) is None
    wrong = ahead(newest, NOW)
    for days, why in ((5, "counts as past"), (420, "override_max_age ends at 2026-08-19"), (-1, "is past")):
        late = replace(asked("bea@example.org"), since=NOW + 400 * DAY, until=NOW + days * DAY, ahead=wrong)
        (told,) = unmet(late, Policy())
        assert why in told
        assert "record 7 (remove) was made at 2027-08-24T12:00:00Z" in told
    # Also of one that is no further ahead than two clocks may be apart, where it alone decides.
    soon = ahead({**newest, "at": format_time(NOW + DAY / 2)}, NOW, 0 * DAY)
    late = replace(asked("bea@example.org"), since=NOW + DAY / 2, until=NOW + DAY / 4, ahead=soon)
    assert "which counts as past: the audit log is ahead of the clock, record 7 (remove)" in unmet(late, Policy())[0]
    assert unmet(replace(late, until=NOW - DAY), Policy()) == (
        "it would expire at 2026-07-19T12:00:00Z, which is past",
    )
    assert "ahead" not in unmet(replace(late, until=NOW + 99 * DAY), Policy())[0]
    held = Snapshot(manifest=Manifest(), lock=Lock(), state=State(), trail=Trail(last=newest))
    assert held.ahead(NOW) == wrong
    assert held.ahead(NOW + 399.5 * DAY) is not None
    late = replace(asked("bea@example.org"), since=NOW + 3 * DAY, until=NOW + 9 * DAY, ahead=wrong)
    assert unmet(late, Policy()) == ()


def test_what_is_signed_is_one_line_that_changes_with_everything() -> None:
    what = Asked(
        source=SourceName("tool"),
        url="u",
        from_commit=None,
        to_commit=oid(2),
        request_id="r",
        reason="why",
        expires_at=NOW,
    )
    changed = {"kind": "scan", "source": "x", "url": "x", "from_commit": oid(9), "to_commit": oid(9)}
    changed |= {"request_id": "x", "reason": "x", "expires_at": NOW + DAY, "findings": ("x",), "waived": ("x",)}
    texts = {payload(what), *(payload(replace(what, **{key: value})) for key, value in changed.items())}
    assert len(texts) == len(changed) + 1
    assert all(text.count(b"\n") == 1 for text in texts)


PIN = replace(a_pin(TOOL, commit=oid(2), ref="refs/heads/hotfix"), override="ovr-1")


def test_a_pin_whose_override_is_in_force_may_be_used() -> None:
    overrides, records = recorded(an_override())
    assert unapproved(PIN, TOOL, Approvals(overrides, trail_of(records), NOW, certain, signed=False)) is None
    assert expiring(overrides, NOW, {"tool"}) == ()
    assert expiring(overrides, NOW + 15 * DAY, {"other"}) == ()
    assert expiring(overrides, NOW + 15 * DAY, {"tool"}) == ("ovr-1 of tool expires at 2026-08-09T12:00:00Z",)


def test_that_an_override_has_ended_is_told_before_that_its_pin_is_stale() -> None:
    overrides, records = recorded(an_override())
    pin = replace(PIN, ref=a_pin(TOOL).ref, config_digest="sha256:old")
    manifest, lock = Manifest(sources={TOOL.name: TOOL}), Lock(pins={TOOL.name: pin})
    for clock, error in ((NOW, NoPin), (NOW + 99 * DAY, OverrideEnded)):
        snapshot = Snapshot(
            manifest=manifest, lock=lock, state=State(), overrides=overrides, trail=trail_of(records), clock=clock
        )
        assert isinstance(plan_sync(snapshot, {TOOL.name: Absent()}, [TOOL.name]).blocked[TOOL.name], error)


def test_a_pin_whose_override_is_not_borne_out_may_not() -> None:
    overrides, records = recorded(an_override(), an_override(2, source="other"))
    trail = trail_of(records)
    told = {
        "no record": (Overrides(), PIN),
        "something else": (overrides, replace(PIN, override="ovr-2")),
        "is not what": (
            Overrides(records={"ovr-1": replace(overrides.records["ovr-1"], expires_at=NOW + 99 * DAY)}),
            PIN,
        ),
    }
    for word, (items, pin) in told.items():
        error = governed(pin, Approvals(items, trail, NOW, certain, signed=False))
        assert isinstance(error, OverrideUnrecorded)
        assert word in error.what
        assert error.what in why_unapproved(error)
        keyed = governed(pin, Approvals(items, trail, NOW, certain, signed=True))
        assert isinstance(keyed, OverrideUnrecorded)
        forced = "--force" in error.hint
        assert mend_of(error, pin, Approvals(items, trail, NOW, certain, signed=False)) == error.hint
        # A commit that the log tells of no pin to is not to be approved, whatever its record says.
        bare = Approvals(items, replace(trail, rests={}), NOW, certain, signed=False)
        assert mend_of(error, pin, bare).startswith("git hybrid pin tool, or find")
        assert keyed.hint == error.hint + " --signature FILE" * forced
    for changed in ({"kind": "scan"}, {"to_commit": oid(3)}, {"source": "other"}):
        record = replace(overrides.records["ovr-1"], **changed)
        edited = Overrides(records={"ovr-1": record})
        error = governed(PIN, Approvals(edited, trail, NOW, certain, signed=False))
        assert isinstance(error, OverrideUnrecorded)
        assert error.hint == "git hybrid override restore ovr-1"
        # What the log has for another pin, or does not know, is no way back.
        for other in (trail_of(()), trail_of(recorded(replace(an_override(), kind="scan"))[1])):
            error = governed(PIN, Approvals(edited, replace(other, rests=trail.rests), NOW, certain, signed=False))
            assert isinstance(error, OverrideUnrecorded)
            assert (error.what, "restore" in error.hint) == ("which was given for something else", False)


def test_a_pin_that_needed_none_may_though_another_branch_forced_its_commit_later() -> None:
    overrides, _ = recorded(an_override())
    plain = replace(PIN, override=None)
    told = Event(event="pin", source="tool", after=PIN.commit, detail={"pin_sha256": pin_digest(plain)})
    trail = trail_of(logged(told, pinned(2, "ovr-1"), event_of(an_override(), "override")))
    assert trail.rests["tool", PIN.commit] == "ovr-1"
    for items in (overrides, Overrides()):
        found = Approvals(items, trail, NOW, certain, signed=False)
        assert governed(plain, found) is None
        assert isinstance(governed(replace(plain, first_seen=NOW + DAY), found), OverrideUnrecorded)


def test_a_pin_whose_override_ended_may_not() -> None:
    overrides, records = recorded(an_override())
    error = governed(PIN, Approvals(overrides, trail_of(records), NOW + 20 * DAY, certain, signed=False))
    assert isinstance(error, OverrideEnded)
    assert error.hint == "git hybrid override renew ovr-1 --expires WHEN --approver WHO --reason TEXT"
    keyed = governed(PIN, Approvals(overrides, trail_of(records), NOW + 20 * DAY, certain, signed=True))
    assert isinstance(keyed, OverrideEnded)
    assert keyed.hint == f"{error.hint} --signature FILE"
    assert why_unapproved(error) == "rests on ovr-1, which expired at 2026-08-09T12:00:00Z"
    for ended in (closed(an_override(), "revoked", at=NOW, by="Cid"), replace(an_override(), status="superseded")):
        overrides, records = recorded(ended)
        error = governed(PIN, Approvals(overrides, trail_of(records), NOW, certain, signed=False))
        assert isinstance(error, OverrideEnded)
        assert "--force" in error.hint
        assert f"was {ended.status}" in error.how
        told = mend_of(error, PIN, Approvals(overrides, trail_of(records), NOW, certain, signed=False))
        if ended.status == "revoked":
            assert (error.way, error.leave, told) == ("git hybrid pin tool", "", "git hybrid pin tool")
        else:
            # Another branch may have brought the end: to keep the pin comes first.
            assert (error.way, error.leave) == ("", "or leave it: git hybrid pin tool")
            assert told == f"{error.hint}, {error.leave}"
            assert "brought from another branch" in error.how


@pytest.mark.parametrize("event", ["override-superseded", "override-revoked"])
def test_an_end_that_a_pick_brought_is_told_and_counts(event: str) -> None:
    overrides, records = recorded(an_override())
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    end = event_of(closed(an_override(), "superseded", at=NOW, by="Cid"), event)
    trail = trail_of((*records, *extend(tail_of(records), [end], at=NOW, **who)))
    error = governed(PIN, Approvals(overrides, trail, NOW, certain, signed=False))
    assert isinstance(error, OverrideUnrecorded)
    assert "an end at 2026-07-20T12:00:00Z, which a pick or a merge may have brought" in error.what
    assert error.hint == "git hybrid override restore ovr-1"


@pytest.mark.parametrize(
    ("lifts", "way"),
    [
        (("rollback",), "git hybrid pin tool"),
        (("moved-tag",), f"git hybrid pin tool --commit {oid(2)}"),
        (("moved-tag", "rollback"), ""),
        (("fsck-refused",), ""),
        (("scan-blocked",), ""),
        (("off-branch", "scan-blocked", "too-young"), "git hybrid pin tool"),
        (("too-young",), "wait until 2026-08-29T12:00:00Z, then: git hybrid pin tool"),
        (
            ("moved-tag", "too-young"),
            f"wait until 2026-08-29T12:00:00Z, then: git hybrid pin tool --commit {oid(2)}",
        ),
    ],
)
def test_what_a_plain_pin_would_only_find_again_is_no_hint(lifts: tuple[str, ...], way: str) -> None:
    overrides, records = recorded(replace(an_override(), lifts=lifts))
    clock = NOW + 20 * DAY
    error = governed(PIN, Approvals(overrides, trail_of(records), clock, certain, signed=False, age=60 * DAY))
    if lifts == ("too-young",):
        old_enough = governed(PIN, Approvals(overrides, trail_of(records), clock, certain, signed=False, age=40 * DAY))
        assert isinstance(old_enough, OverrideEnded)
        assert old_enough.way == "git hybrid pin tool"
    assert isinstance(error, OverrideEnded)
    assert error.way == way
    told = mend_of(error, PIN, Approvals(overrides, trail_of(records), NOW, certain, signed=False))
    assert told == (way or error.hint)


def test_a_pin_that_names_no_override_is_held_against_the_log() -> None:
    bare = replace(PIN, override=None, ref=a_pin(TOOL).ref)
    overrides, records = recorded(an_override(), events=(pinned(2, "ovr-1"),))
    for items, word in ((overrides, "no longer names"), (Overrides(), "is not in state")):
        error = unapproved(bare, TOOL, Approvals(items, trail_of(records), NOW, certain, signed=False))
        assert isinstance(error, OverrideUnrecorded)
        assert word in error.what
    error = governed(bare, Approvals(overrides, trail_of(()), NOW, certain, signed=False))
    assert isinstance(error, OverrideUnrecorded)
    other = Overrides(records={"ovr-1": replace(an_override(), status="revoked")})
    assert governed(bare, Approvals(other, trail_of(()), NOW, certain, signed=False)) is None
    # Pinned again without one, and all is well.
    again = (*records, *extend(tail_of(records), [pinned(2)], at=NOW, operator="o", command_id=RUN, log_id="l"))
    assert governed(bare, Approvals(Overrides(), trail_of(again), NOW, certain, signed=False)) is None


def test_a_pin_without_an_override_has_the_ref_that_is_declared() -> None:
    nothing = (Overrides(), trail_of(()), NOW)
    hand_made = a_pin(TOOL, ref="refs/heads/other")
    error = unapproved(hand_made, TOOL, Approvals(*nothing, certain, signed=False))
    assert isinstance(error, OffBranch)
    approvals = Approvals(*nothing, certain, signed=False)
    assert why_unapproved(error) == "has ref refs/heads/other, and the manifest branch main"
    assert mend_of(error, hand_made, approvals).endswith("; where it was committed so: git hybrid pin tool")
    error = unapproved(replace(a_pin(TOOL), url=parse_url("https://h.example/other")), TOOL, approvals)
    assert isinstance(error, OffBranch)
    assert (error.locked, error.ref) == ("url https://h.example/other", f"url {TOOL.url}")
    fixed = a_source(track=Commit(oid(1)))
    error = unapproved(a_pin(fixed, commit=oid(2), digest=config_digest(fixed)), fixed, approvals)
    assert isinstance(error, OffBranch)
    assert (error.locked, error.ref) == (f"commit {oid(2)}", f"commit {oid(1)}")
    assert unapproved(a_pin(TOOL), TOOL, Approvals(*nothing, certain, signed=False)) is None
    assert (
        unapproved(replace(hand_made, config_digest="sha256:old"), TOOL, Approvals(*nothing, certain, signed=False))
        is None
    )
    fixed = a_source(track=Commit(oid(1)))
    assert unapproved(a_pin(fixed, ref="refs/tags/v1"), fixed, Approvals(*nothing, certain, signed=False)) is None
    for ref in ("refs/hybrid/unreachable", "refs/pull/1/head"):
        assert isinstance(
            unapproved(a_pin(fixed, ref=ref), fixed, Approvals(*nothing, certain, signed=False)), OffBranch
        )


def test_why_an_override_was_closed_is_told_by_the_log() -> None:
    ended = closed(an_override(), "revoked", at=NOW, by="Cid")
    told = event_of(ended, "override-revoked", reason="done")
    records = extend(tail_of(()), [told], at=NOW, operator="o", command_id=RUN, log_id="l")
    assert why_closed(ended, trail_of(records)) == "done"
    assert why_closed(an_override(), trail_of(records)) == ""
    assert why_closed(ended, trail_of(())) == ""
