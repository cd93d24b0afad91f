from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from git_hybrid.core.approval import (
    Approvals,
    Asked,
    Signatures,
    check_signatures,
    doubtful,
    last_approvals,
    payload,
)
from git_hybrid.core.audit import Event, extend, tail_of
from git_hybrid.core.errors import OverrideUnsigned, ToolTooOld
from git_hybrid.core.governance import governed, mend_of, why_unapproved
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Approver, Manifest, Policy
from git_hybrid.core.override import Approval, Kind, Override, Overrides, Trail, event_of, trail_of
from git_hybrid.core.value import replace
from support.values import NOW, RUN, a_pin, a_source, an_override, oid

TOOL = a_source()
DAY = timedelta(days=1)
KEYS = Policy(approvers=(Approver(id="bea@example.org", key="K"), Approver(id="dan@example.org")))
ITEM = an_override(
    approvers=(Approval(id="Bea <bea@example.org>", at=NOW, signature="armour"),), expires_at=NOW + 20 * DAY
)
PIN = replace(a_pin(TOOL, commit=oid(2)), override="ovr-1")
GOOD = Signatures(good=frozenset({("ovr-1", "bea@example.org")}))


class Verifier:
    """Knows one text that was signed, and what it was asked."""

    def __init__(self, text: bytes = b"", key: str = "K") -> None:
        self.text, self.key, self.asked = text, key, 0

    def __call__(self, text: bytes, key: str, armour: str) -> bool:
        self.asked += 1
        return (text, key, armour) == (self.text, self.key, "armour")


def asked(item: Override = ITEM) -> Asked:
    return Asked(
        kind=item.kind,
        source=TOOL.name,
        url=str(TOOL.url),
        from_commit=item.from_commit,
        to_commit=item.to_commit,
        request_id=item.request_id,
        reason=item.reason,
        expires_at=item.expires_at,
        findings=item.findings,
        waived=item.waived,
    )


def checked(
    *items: Override,
    signed: Asked | None = None,
    policy: Policy = KEYS,
    clock: datetime = NOW,
    declared: bool = True,
    pinned: bool = True,
    trail: Trail | None = None,
) -> tuple[Signatures, int]:
    verify = Verifier(payload(signed or asked()))
    manifest = Manifest(policy=policy, sources={TOOL.name: TOOL} if declared else {})
    lock = Lock(pins={TOOL.name: PIN} if pinned else {})
    overrides = Overrides(records={item.id: item for item in items})
    return check_signatures(manifest, lock, overrides, trail or Trail(), clock, verify), verify.asked


def test_a_signature_of_what_the_record_says_is_good() -> None:
    assert checked(ITEM) == (GOOD, 1)
    assert checked(ITEM, declared=False)[0] == GOOD
    assert checked(ITEM, pinned=False)[0] == GOOD


def test_nothing_is_asked_without_a_key_or_an_override_in_force() -> None:
    for policy in (Policy(), Policy(approvers=(Approver(id="bea@example.org"),))):
        assert checked(ITEM, policy=policy) == (Signatures(), 0)
    for item in (replace(ITEM, status="revoked"), replace(ITEM, approvers=(Approval(id="bea@example.org", at=NOW),))):
        assert checked(item) == (Signatures(), 0)
    assert checked(ITEM, clock=NOW + 20 * DAY) == (Signatures(), 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"request_id": "CHG-2"},
        {"reason": "because"},
        {"to_commit": oid(3)},
        {"from_commit": oid(3)},
        {"expires_at": NOW + 21 * DAY},
        {"waived": (oid(9),)},
        {"kind": "scan", "findings": ("f",)},
        {"approvers": (Approval(id="bea@example.org", at=NOW, signature="trust me"),)},
    ],
)
def test_whatever_the_record_says_else_was_not_signed(changed: dict[str, object]) -> None:
    assert checked(replace(ITEM, **changed))[0] == Signatures()


def test_what_was_signed_elsewhere_is_not() -> None:
    assert checked(ITEM, declared=False, pinned=False)[0] == Signatures()
    assert checked(ITEM, signed=replace(asked(), url=""), declared=False, pinned=False)[0] == GOOD


def test_another_spelling_of_the_url_does_not_spoil_it() -> None:
    other, foreign = f"{TOOL.url}.git", "https://example.org/other"
    for signed, good in ((other, GOOD), (foreign, Signatures()), ("no URL", Signatures())):
        told = (Event(event="pin", source=TOOL.name, after=oid(2), detail={"url": url}) for url in (signed, foreign))
        trail = trail_of(extend(tail_of(()), tuple(told), at=NOW, operator="o", command_id=RUN, log_id="l"))
        assert checked(ITEM, signed=replace(asked(), url=signed), trail=trail)[0] == good


def test_what_the_record_adds_later_does_not_spoil_it() -> None:
    """Where a lost override came from is known again."""
    assert checked(ITEM, signed=replace(asked(), from_commit=ITEM.to_commit))[0] == GOOD


@pytest.mark.parametrize("kind", ["pin", "scan"])
def test_findings_are_accepted_as_they_were_signed(kind: Kind) -> None:
    found = replace(ITEM, kind=kind, findings=("f",))
    assert checked(found, signed=asked(found))[0] == GOOD
    for other in ((), ("f", "g"), ("g",)):
        assert checked(found, signed=asked(replace(found, findings=other)))[0] == Signatures()


def test_a_signature_that_was_spent_is_not_good_again() -> None:
    found = checked(ITEM, replace(ITEM, id="ovr-0", status="revoked"))[0]
    assert found == Signatures(spent=GOOD.good)
    assert "the approval of Bea <bea@example.org> was used already" in doubtful(ITEM, KEYS, found)
    other = replace(ITEM, id="ovr-0", status="revoked", to_commit=oid(3))
    assert checked(ITEM, other) == (GOOD, 1)


@pytest.mark.parametrize("end", ["override-revoked", "override-superseded"])
def test_a_signature_that_the_log_knows_as_spent_is_so_whatever_the_file_says(end: str) -> None:
    """Its record is not in the file, and a second end in the log tells of it without what was signed."""
    first = replace(ITEM, id="ovr-0")
    bare = replace(first, approvers=(Approval(id="bea@example.org", at=NOW),), to_commit=oid(3))
    events = [event_of(first, "override"), event_of(first, end), event_of(bare, end), event_of(ITEM, "override")]
    who = {"at": NOW, "operator": "o", "command_id": RUN, "log_id": "l"}
    assert checked(ITEM, trail=trail_of(extend(tail_of(()), events, **who)))[0] == Signatures(spent=GOOD.good)
    for fine in ([events[0], events[3]], [event_of(bare, "override"), event_of(bare, end)]):
        assert checked(ITEM, trail=trail_of(extend(tail_of(()), fine, **who))) == (GOOD, 1)


def test_of_a_renewed_override_the_last_approvals_count() -> None:
    fresh = Approval(id="bea@example.org", at=NOW + DAY, signature="armour")
    renewed = replace(ITEM, approvers=(Approval(id="bea@example.org", at=NOW, signature="old"), fresh))
    assert last_approvals(renewed) == (fresh,)
    assert checked(renewed) == (GOOD, 1)


def test_without_the_tool_none_can_be_checked() -> None:
    def verify(_text: bytes, _key: str, _armour: str) -> bool:
        raise ToolTooOld(tool="ssh-keygen", found="nothing", needed="8")

    overrides = Overrides(records={ITEM.id: ITEM})
    manifest = Manifest(policy=KEYS, sources={TOOL.name: TOOL})
    found = check_signatures(manifest, Lock(), overrides, Trail(), NOW, verify)
    assert found == Signatures(unable="ssh-keygen is not installed")
    assert "cannot be checked: ssh-keygen is not installed" in doubtful(ITEM, KEYS, found)


def test_a_pin_may_not_rest_on_what_nobody_signed() -> None:
    records = extend(tail_of(()), [event_of(ITEM, "override")], at=NOW, operator="o", command_id=RUN, log_id="l")
    item = replace(ITEM, audit_hash=str(records[0]["hash"]))
    overrides, trail = Overrides(records={item.id: item}), trail_of(records)
    assert (
        governed(PIN, Approvals(overrides, trail, NOW, lambda found: doubtful(found, KEYS, GOOD), signed=False)) is None
    )
    assert (
        governed(
            PIN, Approvals(overrides, trail, NOW, lambda found: doubtful(found, Policy(), Signatures()), signed=False)
        )
        is None
    )
    error = governed(
        PIN, Approvals(overrides, trail, NOW, lambda found: doubtful(found, KEYS, Signatures()), signed=False)
    )
    assert isinstance(error, OverrideUnsigned)
    assert "bea@example.org> is not signed with the key that policy names" in why_unapproved(error)
    assert error.way == f"git hybrid pin {TOOL.name}"
    told = mend_of(error, PIN, Approvals(overrides, trail, NOW, lambda _: "", signed=True))
    assert told == f"git hybrid override renew {item.id} --expires WHEN --approver WHO --reason TEXT --signature FILE"
    stranger = replace(ITEM, approvers=(Approval(id="eve@example.org", at=NOW, signature="armour"),))
    assert "eve@example.org is not among" in doubtful(stranger, KEYS, Signatures())
    assert doubtful(replace(ITEM, approvers=(Approval(id="dan@example.org", at=NOW),)), KEYS, Signatures()) == ""
