from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from git_hybrid.core.audit import Event, Line, Record, Segment, detail_of, extend, tail_of
from git_hybrid.core.check_audit import check_audit
from git_hybrid.core.checks import Facts
from git_hybrid.core.errors import ToolTooOld
from git_hybrid.core.files import LOG
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Approver, Manifest, Policy
from git_hybrid.core.override import Approval, Override, Overrides, event_of
from git_hybrid.core.unapproved_then import against_policy, judged
from git_hybrid.core.value import replace
from git_hybrid.core.witnesses import Witnesses
from support.values import NOW, OPERATOR, RUN, a_pin, an_override, oid

TOOL, DAY = SourceName("tool"), timedelta(days=1)
PIN = a_pin(commit=oid(3))
MADE = an_override(expires_at=NOW + DAY)
STRICT, LOOSE = Policy(approvers=(Approver(id="cid"),)), Policy()
POLICIES = {b"strict": STRICT, b"loose": LOOSE, b"odd": None}
ON = Event(event="pin", source="tool", before=oid(2), after=oid(3))
BACK = Lock(pins={TOOL: a_pin(commit=oid(1))})
LINE = "line0"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAapjliJwEtK6P1m0OH6dHMjwVnXE2bR8MWd37Y4lfLH"
ARMOUR = """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBqmOWInAS0ro/WbQ4fp0cyPBWd
cTZtHwxZ3ftjiV8scAAAATZ2l0LWh5YnJpZC1vdmVycmlkZQAAAAAAAAAGc2hhNTEyAAAA
UwAAAAtzc2gtZWQyNTUxOQAAAEDV5+skVKqD7lL6MCPrUkCXgdMdDPPkXErxI92Y8U2I5u
BB4wHNXwvijYJkXCbXljs1Y5l9cF1//u+DnfY/tpMP
-----END SSH SIGNATURE-----
"""


def witnesses(*, policy: Policy = STRICT, **more: Any) -> Witnesses:
    told = {
        "manifest": Manifest(policy=policy),
        "lock": Lock(pins={TOOL: PIN}),
        "committed": frozenset(),
        "manifests": lambda line, _at: (b"strict",) if line is None else (b"strict", b"strict"),
        "decode_policy": POLICIES.get,
    }
    return Witnesses(**(told | more))


def committed(*texts: bytes | None, **more: Any) -> Witnesses:
    """Return what says that the first line was committed where *texts* stood, the newest first."""
    told = {"committed": frozenset({LINE}), "commit_of": {LINE: "c"}.get, "manifests": lambda _line, _at: texts}
    return witnesses(**(told | more))


def logged(*events: Event) -> tuple[dict[str, Record], dict[str, str]]:
    made = extend(tail_of([]), events, at=NOW, operator=OPERATOR, command_id=RUN, log_id="log")
    records: dict[str, Record] = {str(item["hash"]): item for item in made}
    return records, {digest: f"line{number}" for number, digest in enumerate(records)}


def beside(*sides: Sequence[Event]) -> tuple[dict[str, Record], dict[str, str]]:
    """Return what a merge makes of the logs of *sides*, which begin with one record: one stands behind the other."""
    first = extend(tail_of([]), [Event(event="init")], at=NOW, operator=OPERATOR, command_id=RUN, log_id="log")
    made = [
        *first,
        *(
            record
            for number, side in enumerate(sides)
            for record in extend(tail_of(first), side, at=NOW, operator=OPERATOR, command_id=f"run{number}", log_id="")
        ),
    ]
    records: dict[str, Record] = {str(item["hash"]): item for item in made}
    return records, {digest: f"line{number}" for number, digest in enumerate(records)}


def found(witness: Witnesses, made: Override = MADE, *events: Event) -> Sequence[tuple[str, str]]:
    told = against_policy(*logged(event_of(made, "override"), *events), witness, NOW)
    return [(item.id, item.mend) for item in told]


def test_what_the_policy_before_it_forbids_is_told_though_it_was_closed() -> None:
    ((identity, mend),) = found(witnesses(), MADE, ON)
    assert identity == "not-allowed"
    assert mend.startswith("do again what was recorded since the last commit")
    ((_, back),) = found(committed(b"strict", b"strict"))
    assert back.startswith(f"go back: git hybrid pin tool --to {oid(1)}; where that is refused, with --force ")
    ((_, anew),) = found(committed(b"strict", b"strict"), replace(MADE, from_commit=None))
    assert anew == "git hybrid remove tool, then git hybrid add"
    scan = replace(MADE, kind="scan", from_commit=oid(3), to_commit=oid(3), findings=("f",))
    ((_, accepted),) = found(committed(b"strict", b"strict"), scan)
    assert accepted.startswith("git hybrid pin tool, or: git hybrid pin tool --kind scan --force ")
    assert found(committed(b"strict", b"strict"), replace(scan, to_commit=oid(2))) == []


@pytest.mark.parametrize(
    "witness",
    [
        witnesses(lock=Lock()),
        witnesses(manifests=lambda _line, _at: (b"loose",)),
        # There was no manifest, or none that can be read then and afterwards; or a partial clone lacks it.
        witnesses(manifests=lambda _line, _at: (None,)),
        committed(b"odd", b"odd"),
        committed(b"loose", b"odd"),
        witnesses(manifests=lambda _line, _at: ()),
        committed(b"strict", b"loose"),
        committed(b"strict", b"strict", b"loose"),
        committed(b"loose", b"strict"),
        # Where history begins.
        committed(b"strict"),
        committed(b"strict", b"strict", policy=LOOSE),
        committed(b"strict", b"strict", is_shared=lambda _line: True),
        committed(b"strict", b"strict", commit_of=lambda _line: None),
        # What is in force still check overrides tells.
        witnesses(overrides=Overrides(records={"ovr-1": MADE})),
    ],
)
def test_what_was_allowed_or_nobody_can_judge_is_not(witness: Witnesses) -> None:
    assert found(witness) == []


def test_a_manifest_that_cannot_be_read_allows_nothing() -> None:
    assert len(found(committed(b"strict", b"strict", b"odd"))) == 1
    assert len(found(committed(b"strict", b"odd"))) == 1
    assert len(found(witnesses(manifests=lambda _line, _at: (b"odd",)))) == 1


def test_what_comes_from_another_branch_is_held_against_what_it_comes_to() -> None:
    assert len(found(committed(b"loose", picked=frozenset({LINE}), manifests=lambda _line, _at: (b"strict",)))) == 1


@pytest.mark.parametrize(
    "later",
    [
        Event(event="pin", source="tool", before=oid(2), after=oid(1)),
        Event(event="remove", source="tool"),
        event_of(an_override(id="ovr-2", approvers=(Approval(id="cid", at=NOW),), expires_at=NOW + DAY), "override"),
    ],
)
def test_what_was_taken_back_or_approved_since_is_made_good(later: Event) -> None:
    assert found(witnesses(lock=BACK), MADE, ON, later) == []


def test_what_goes_on_from_a_branch_that_never_had_it_is_right() -> None:
    # A pick of another source brought it, and the pin of this one stayed where it was.
    picked = {"committed": frozenset({LINE}), "picked": frozenset({LINE}), "manifests": lambda _line, _at: (b"strict",)}
    first = Event(event="pin", source="tool", after=oid(8))
    log = logged(first, event_of(MADE, "override"), ON)
    stayed, went_on = (Lock(pins={TOOL: a_pin(commit=oid(number))}) for number in (8, 9))
    assert judged(*log, witnesses(**picked, lock=stayed), NOW) == []
    later = Event(event="pin", source="tool", before=oid(8), after=oid(9))
    assert judged(*logged(first, event_of(MADE, "override"), ON, later), witnesses(lock=went_on), NOW) == []
    by_hand = Event(event="pin", source="tool", before=oid(7), after=oid(9))
    assert len(judged(*logged(first, event_of(MADE, "override"), ON, by_hand), witnesses(lock=went_on), NOW)) == 1
    (mend,) = [item.mend for item in against_policy(*logged(event_of(MADE, "override"), ON), witnesses(**picked), NOW)]
    assert mend.startswith("go back: git hybrid pin tool "), "to do it again is for whoever made it"


@pytest.mark.parametrize(
    "other",
    [
        Event(event="pin", source="tool", before=oid(9), after=oid(1)),
        Event(event="add", source="tool"),
        event_of(an_override(id="ovr-2", approvers=(Approval(id="cid", at=NOW),), expires_at=NOW + DAY), "override"),
    ],
)
def test_what_another_branch_recorded_makes_nothing_good_though_it_stands_behind(other: Event) -> None:
    records, lines = beside([event_of(MADE, "override"), ON], [other])
    assert len(judged(records, lines, witnesses(), NOW)) == 1
    assert judged(records, lines, witnesses(lock=BACK), NOW) == [], "the merge took the other side"
    went_on = Event(event="pin", source="tool", before=oid(1), after=oid(3))
    assert judged(*logged(event_of(MADE, "override"), ON, went_on), witnesses(), NOW) == []


def test_an_acceptance_of_findings_approves_no_pin() -> None:
    cid = (Approval(id="cid", at=NOW),)
    accepted = replace(MADE, id="ovr-2", kind="scan", approvers=cid, from_commit=oid(3), to_commit=oid(3))
    assert len(found(witnesses(), MADE, ON, event_of(accepted, "override"))) == 1
    assert found(witnesses(), MADE, ON, event_of(replace(accepted, kind="pin", from_commit=oid(2)), "override")) == []


def test_a_record_that_tells_no_times_is_approved_by_nobody() -> None:
    odd = event_of(MADE, "override")
    odd = replace(odd, detail={**(odd.detail or {}), "approvers": "bea", "expires_at": "soon"})
    (breach,) = against_policy(*logged(odd), witnesses(), NOW)
    assert "does not tell when it was approved, and until when" in breach.what


def test_only_the_key_that_policy_named_then_signs() -> None:
    keyed = Policy(approvers=(Approver(id="bea", key=KEY),))
    witness = witnesses(policy=keyed, decode_policy=lambda _text: keyed)
    assert len(found(witness)) == 1
    by_key = replace(MADE, approvers=(Approval(id="bea", at=NOW, signature=ARMOUR),))
    assert found(witness, by_key) == []
    other = Policy(approvers=(Approver(id="bea", key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"),))
    assert len(found(witnesses(policy=other, decode_policy=lambda _text: other), by_key)) == 1


BY_KEY = replace(MADE, approvers=(Approval(id="bea", at=NOW, signature=ARMOUR),))
KEYED = Policy(approvers=(Approver(id="bea", key=KEY),))


def verifying(asked: list[str], *, good: bool = True, fresh: bool = True, **more: Any) -> Witnesses:
    """Return what looks at signatures; *asked* is filled with the URLs of the texts that are asked about."""

    def verify(text: bytes, key: str, armour: str) -> bool:
        assert (key, armour) == (KEY, ARMOUR)
        asked.append(text.decode().split('"url":')[1].split('"')[1])
        return good and asked[-1] == "https://example.org/then.git"

    told = {"policy": KEYED, "decode_policy": lambda _text: KEYED, "verify": verify, "has_keys": True}
    if not fresh:
        told |= {"committed": frozenset(f"line{number}" for number in range(9)), "past": lambda: None}
    return witnesses(**(told | more))


def went_on(made: Override = BY_KEY) -> tuple[dict[str, Record], dict[str, str]]:
    """Return a log in which the pin went on from what *made* had let in, and that closed it."""
    told = {"url": "https://example.org/then.git", "ref": "refs/heads/main"}
    there = Event(event="pin", source="tool", after=made.to_commit, detail=told)
    return logged(there, event_of(made, "override"), ON)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_signature_counts_where_it_is_by_the_key_that_it_names(fresh: bool) -> None:
    asked: list[str] = []
    assert judged(*went_on(), verifying(asked, fresh=fresh), NOW) == []
    assert asked == ["https://example.org/then.git"]
    (item,) = judged(*went_on(), verifying(asked, good=False, fresh=fresh), NOW)
    assert (item.forged, item.loosened, item.fresh) == (True, False, fresh)
    assert item.problems[0] == "the approval of bea is not signed with the key that policy names"
    # Where it is, where it was, and nowhere; each asked to go there, and to stay.
    assert asked[1:3] == ["https://example.org/then.git"] * 2
    assert len(set(asked)) == 3
    (breach,) = against_policy(*went_on(), verifying(asked, good=False, fresh=fresh), NOW)
    assert breach.proves == "a signature in it is not by the key that it names, so another wrote it"


def test_only_what_is_new_to_those_who_ask_is_verified() -> None:
    asked: list[str] = []
    for more in (
        {"past": None},
        {"is_shared": lambda _line: True},
        {"has_keys": False},
        {"overrides": Overrides(records={"ovr-1": replace(BY_KEY, expires_at=NOW + DAY)})},
        {"verify": None},
        {"lock": BACK},
    ):
        assert judged(*went_on(), verifying(asked, fresh=False, **more), NOW) == []
    assert judged(*went_on(MADE), verifying(asked, policy=LOOSE, decode_policy=lambda _text: LOOSE), NOW) == []
    assert asked == []
    assert judged(*went_on(), verifying(asked, fresh=False, past=None, is_made=True), NOW) == []
    assert len(asked) == 1


def test_a_signature_of_what_no_text_can_be_made_of_is_by_nobody() -> None:
    records, lines = went_on()
    made = next(item for item in records.values() if item["event"] == "override")
    made["detail"] = {**detail_of(made), "expires_at": "whenever"}
    asked: list[str] = []
    (item,) = judged(records, lines, verifying(asked), NOW)
    assert (item.problems, asked) == (("its record does not tell when it was approved, and until when",), [])


def unable(_text: bytes, _key: str, _armour: str) -> bool:
    raise ToolTooOld(tool="ssh-keygen", found="nothing", needed="")


def test_what_cannot_be_verified_fails_before_it_is_committed_and_is_told_afterwards() -> None:
    (breach,) = against_policy(*went_on(), verifying([], verify=unable), NOW)
    assert "the approval of bea cannot be checked: ssh-keygen is not installed" in breach.what
    assert breach.level == "fail"
    pushed = verifying([], verify=unable, fresh=False, is_made=True)
    assert [item.level for item in against_policy(*went_on(), pushed, NOW)] == ["fail"]
    (breach,) = against_policy(*went_on(), verifying([], verify=unable, fresh=False), NOW)
    assert breach.what == "the signatures of 1 closed override could not be checked: ssh-keygen is not installed"
    assert (breach.level, breach.id) == ("warn", "unchecked")
    # An approver who has left, or another key, is looked up all the same.
    gone = {"policy": STRICT, "commit_of": lambda _line: "c", "manifests": lambda _line, _at: (b"", b"")}
    told = verifying([], verify=unable, fresh=False, **gone)
    assert [item.id for item in against_policy(*went_on(), told, NOW)] == ["unchecked"]
    by_nobody = verifying([], verify=unable, fresh=False, **gone | {"decode_policy": lambda _text: STRICT})
    assert [item.id for item in against_policy(*went_on(), by_nobody, NOW)] == ["not-allowed"]


def test_a_change_that_loosens_policy_and_uses_it_is_warned_of_before_it_is_committed() -> None:
    records, lines = logged(event_of(MADE, "override"))
    witness = witnesses(policy=LOOSE)
    (item,) = judged(records, lines, witness, NOW)
    assert (item.loosened, item.fresh) == (True, True)
    log = tuple(
        Line(number=1, size=1, sha256=lines[digest], record=record, whole=True) for digest, record in records.items()
    )
    facts = Facts(manifest=witness.manifest, clock=NOW, now=NOW, log=(Segment(file=LOG, lines=log),), witnesses=witness)
    (told,) = [item for item in check_audit(facts) if "[policy]" in item.what]
    assert (told.level, told.entry, told.mend) == ("warn", "ovr-1 (tool)", "git diff HEAD -- sources.toml")
    strict = check_audit(replace(facts, witnesses=witnesses()))
    assert {item.level for item in strict if "not among [policy] approvers" in item.what} == {"fail"}
    assert not [item for item in check_audit(replace(facts, now=None)) if "[policy]" in item.what]
