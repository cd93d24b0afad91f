from __future__ import annotations

import pytest

from git_hybrid.core.plan import Absent, Broken, Foreign, SyncPlan
from support.values import a_clone, a_pin, a_source, a_task, oid


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
