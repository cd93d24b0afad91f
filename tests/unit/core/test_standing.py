from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.governance import Governed
from git_hybrid.core.manifest import Approver, Manifest, Policy
from git_hybrid.core.override import Approval, Overrides, Trail
from git_hybrid.core.standing import accepts, doubted, forbidden, keys_told, regained
from git_hybrid.core.words import BRING_BACK
from support.values import NOW, an_override, oid

DAY = timedelta(days=1)


def test_what_policy_misses_is_told_while_an_override_lasts() -> None:
    found = Governed(manifest=Manifest(policy=Policy(approvers=(Approver(id="cid"),))), clock=NOW)
    assert forbidden(an_override(expires_at=NOW + DAY), found).startswith("bea is not among [policy] approvers; ")
    assert forbidden(an_override(expires_at=NOW), found) == ""
    assert forbidden(an_override(expires_at=NOW + DAY, status="superseded"), found) == ""


def test_what_the_file_has_lost_is_told_with_what_brings_it_back() -> None:
    lost, found = an_override(), Governed(manifest=Manifest(), clock=NOW)
    assert doubted(lost, found) == "that the audit log tells of and state/sources-overrides.json has lost"
    kept = Governed(manifest=Manifest(), clock=NOW, overrides=Overrides(records={lost.id: lost}))
    assert doubted(lost, kept) == "of which the audit log knows nothing"
    assert regained(lost.id, found) == f"git hybrid override restore {lost.id}"
    elsewhere = Governed(manifest=Manifest(), clock=NOW, trail=Trail(absent=lambda: "an archive"))
    assert regained(lost.id, elsewhere) == BRING_BACK


def test_what_it_accepts_is_told_by_ids() -> None:
    assert accepts(an_override()) == ""
    assert accepts(an_override(findings=("f1", "f2"))) == "2 findings f1, f2"
    assert accepts(an_override(findings=("f1",), waived=(oid(1),))) == f"1 finding f1, 1 object {oid(1)}"


def test_whose_key_signed_is_told_as_the_signature_says() -> None:
    assert keys_told(an_override()) == ""
    assert keys_told(an_override(approvers=(Approval(id="bea", at=NOW, signature="x"),))) == "bea: no key"
