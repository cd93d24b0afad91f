from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.approval import Approved, Asked, payload
from git_hybrid.core.asking import (
    Signing,
    differences,
    not_met,
    other_findings,
    request_line,
    unrecorded,
    use_line,
)
from git_hybrid.core.manifest import Approver, Policy
from git_hybrid.core.override import Overrides, Trail
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from support.values import NOW, a_source, oid

TOOL = a_source()
DAY = timedelta(days=1)
KEYS = Policy(approvers=(Approver(id="Bea@example.org", key="K"), Approver(id="dan@example.org")))
ASKED = Asked(
    source=TOOL.name,
    url=str(TOOL.url),
    from_commit=oid(1),
    to_commit=oid(2),
    request_id="CHG-1",
    reason="it's ours",
    expires_at=NOW + DAY,
)
FINDINGS = replace(ASKED, kind="scan", findings=("f1", "f2"))
WHY = f"""--request CHG-1 --reason 'it'"'"'s ours' --expires {format_time(NOW + DAY)}"""
SIGNED = "--approver WHO --signature FILE.sig"


def claimed(*approvers: str, signed: str = "", requesters: tuple[str, ...] = ("ada@example.org",)) -> Approved:
    return Approved(
        request_id="CHG-1",
        requesters=requesters,
        approvers=approvers,
        signed={signed},
        since=NOW,
        until=NOW + DAY,
    )


def signing(*texts: bytes, good: Asked) -> Signing:
    def verify(text: bytes, key: str, armour: str) -> bool:
        return (text, key, armour) == (payload(good), "K", "armour")

    return Signing(armours=("other", "armour"), texts=texts, verify=verify)


@pytest.mark.parametrize(
    ("asked", "renews", "what", "use"),
    [
        (ASKED, "", f"tool --to {oid(2)}", f"pin tool --to {oid(2)} --force"),
        (replace(ASKED, to_commit="v1"), "", "tool --to COMMIT", "pin tool --to COMMIT --force"),
        (
            replace(ASKED, waived=(oid(3),)),
            "",
            f"tool --to {oid(2)} --waive {oid(3)}",
            f"pin tool --to {oid(2)} --waive {oid(3)} --force",
        ),
        (
            replace(FINDINGS, kind="pin", waived=(oid(3),)),
            "",
            f"tool --to {oid(2)} --kind pin --finding f1 --finding f2 --waive {oid(3)}",
            f"pin tool --to {oid(2)} --kind pin --finding f1 --finding f2 --waive {oid(3)} --force",
        ),
        (
            FINDINGS,
            "",
            "tool --kind scan --finding f1 --finding f2",
            "pin tool --kind scan --finding f1 --finding f2 --force",
        ),
        (FINDINGS, "ovr-1", "ovr-1", "override renew ovr-1"),
    ],
)
def test_a_request_and_its_use_are_the_same_options(asked: Asked, renews: str, what: str, use: str) -> None:
    assert request_line(asked, renews=renews) == f"git hybrid override request {what} {WHY}"
    assert use_line(asked, renews=renews) == f"git hybrid {use} {WHY} {SIGNED}"


def test_a_forced_pin_accepts_just_the_findings_that_were_asked_for() -> None:
    pin = replace(FINDINGS, kind="pin")
    assert other_findings(pin, ("f2", "f1")) is None
    assert other_findings(ASKED, ()) is None
    error = other_findings(pin, ("f3", "f2"))
    assert error is not None
    assert error.problems == (
        "a scan of the commit found f3, and the approval does not name it",
        "the approval names f1, and no known scan blocks the commit by it: --scan makes one",
    )
    wanted = request_line(replace(pin, findings=("f2", "f3")))
    assert error.ask == f"print what an approver signs: {wanted}"


@pytest.mark.parametrize("text", [b"", b"\xff", b"[]", b"[" * 100_000, b"{"])
def test_what_is_no_request_differs_in_nothing(text: bytes) -> None:
    assert differences(text, ASKED) == ()


def test_a_signature_of_another_text_tells_in_what_it_differs() -> None:
    other = replace(ASKED, request_id="CHG-2", from_commit=None)
    error = not_met(ASKED, claimed("Bea <bea@example.org>"), ["why"], KEYS, signing(payload(other), good=other))
    lines = [f'from_commit null, and here it is "{oid(1)}"', 'request_id "CHG-2", and here it is "CHG-1"']
    assert error.problems == ("why", *(f"what Bea@example.org signed says {line}" for line in lines))
    assert error.ask == f"print what an approver signs: {request_line(ASKED)}"


def test_a_text_that_nobody_signed_tells_nothing() -> None:
    other = replace(ASKED, request_id="CHG-2")
    error = not_met(ASKED, claimed("bea@example.org"), ["why"], KEYS, signing(payload(other), b"", good=ASKED))
    assert error.problems == ("why",)


@pytest.mark.parametrize(
    "approved",
    [
        claimed("dan@example.org"),
        claimed("bea@example.org", signed="bea@example.org"),
        claimed("bea@example.org", requesters=("Bea <bea@example.org>",)),
    ],
)
def test_who_needs_to_sign_nothing_is_not_asked_to(approved: Approved) -> None:
    error = not_met(ASKED, approved, ["why"], KEYS, signing(good=ASKED))
    assert (error.problems, error.ask) == (("why",), "")


def test_a_record_that_is_lost_may_have_spent_a_signature() -> None:
    trail = Trail(latest={"ovr-1": {"event": "override-superseded", "source": ASKED.source}})
    lost = unrecorded(Overrides(), trail, ASKED)
    assert lost is not None
    assert (lost.override, lost.hint) == ("ovr-1", "git hybrid override restore ovr-1")
    other = Trail(latest={"ovr-1": {"event": "override", "source": "other"}})
    assert unrecorded(Overrides(), other, ASKED) is None
