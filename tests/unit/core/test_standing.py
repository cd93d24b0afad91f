from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.governance import Governed
from git_hybrid.core.manifest import Approver, Manifest, Policy
from git_hybrid.core.override import Approval
from git_hybrid.core.standing import accepts, forbidden, keys_told
from support.values import NOW, an_override, oid

DAY = timedelta(days=1)


def test_what_policy_misses_is_told_while_an_override_lasts() -> None:
    found = Governed(manifest=Manifest(policy=Policy(approvers=(Approver(id="cid"),))), clock=NOW)
    assert forbidden(an_override(expires_at=NOW + DAY), found).startswith("bea is not among [policy] approvers; ")
    assert forbidden(an_override(expires_at=NOW), found) == ""
    assert forbidden(an_override(expires_at=NOW + DAY, status="superseded"), found) == ""


def test_what_it_accepts_is_told_by_ids() -> None:
    assert accepts(an_override()) == ""
    assert accepts(an_override(findings=("f1", "f2"))) == "2 findings f1, f2"
    assert accepts(an_override(findings=("f1",), waived=(oid(1),))) == f"1 finding f1, 1 object {oid(1)}"


def test_whose_key_signed_is_told_as_the_signature_says() -> None:
    assert keys_told(an_override()) == ""
    assert keys_told(an_override(approvers=(Approval(id="bea", at=NOW, signature="x"),))) == "bea: no key"
