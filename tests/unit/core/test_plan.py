from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.approval import Signatures
from git_hybrid.core.manifest import Approver, Policy
from git_hybrid.core.override import Overrides
from git_hybrid.core.plan import Absent, Broken, Foreign, SyncPlan
from git_hybrid.core.value import replace
from support.values import NOW, a_clone, a_pin, a_snapshot, a_source, a_task, an_override, oid


def test_a_task_is_called_like_its_source() -> None:
    assert a_task(a_source("packer")).name == "packer"


def test_an_empty_plan_does_nothing() -> None:
    plan = SyncPlan()
    assert (plan.tasks, dict(plan.blocked), plan.unchanged) == ((), {}, ())


def test_what_was_seen_is_compared_by_value() -> None:
    assert a_clone(oid(1), dirty=("a",)) == a_clone(oid(1), dirty=("a",))
    assert a_clone(oid(1)) != a_clone(oid(2))
    assert Foreign("a file") != Broken("a file")
    assert Absent() == Absent()


@pytest.mark.parametrize(
    ("value", "attribute"),
    [(a_clone(), "head"), (a_task(), "action"), (a_pin(), "commit"), (SyncPlan(), "tasks"), (Foreign("x"), "what")],
    ids=["clone", "task", "pin", "plan", "foreign"],
)
def test_values_between_the_stages_cannot_be_changed(value: object, attribute: str) -> None:
    with pytest.raises(AttributeError, match="immutable"):
        setattr(value, attribute, None)


def test_an_override_in_force_that_nobody_signed_is_doubted() -> None:
    keyed = Policy(approvers=(Approver(id="bea", key="ssh-ed25519 AAAA"),))
    made = an_override(expires_at=NOW + timedelta(days=1))

    def doubts(policy: Policy = keyed, good: frozenset[tuple[str, str]] = frozenset(), **changed: object) -> bool:
        records = Overrides(records={made.id: replace(made, **changed)})
        known = replace(a_snapshot(policy=policy), overrides=records, signatures=Signatures(good=good), clock=NOW)
        return known.doubts(made.id)

    assert doubts() is True
    assert doubts(Policy()) is doubts(good=frozenset({(made.id, "bea")})) is doubts(expires_at=NOW) is False
    assert doubts(from_commit=None) is doubts(status="superseded") is a_snapshot().doubts(made.id) is False
