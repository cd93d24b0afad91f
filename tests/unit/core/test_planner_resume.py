from __future__ import annotations

import pytest

from git_hybrid.core.errors import (
    DirtySource,
    DivergedSource,
    ForeignFolder,
    HostNotAllowed,
    HybridError,
    IndexLocked,
    NoPin,
)
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Policy
from git_hybrid.core.plan import Absent, Action, Broken, Clone, Foreign, Observed, Phase, SyncPlan
from git_hybrid.core.planner import plan_resume
from git_hybrid.core.value import replace
from support.values import a_clone, a_pin, a_snapshot, a_source, a_state_entry, a_task, an_unfinished_run, oid

OLD, PINNED, STRANGE = oid(1), oid(2), oid(3)
SOURCE = a_source()
PIN = a_pin(SOURCE, commit=PINNED)


def resumed(
    seen: Observed,
    *,
    phase: Phase | None = None,
    recorded: Oid | None = OLD,
    policy: Policy | None = None,
    action: Action = "update",
) -> SyncPlan:
    # Another repository at another commit: what counts is what manifest and lock say.
    other = a_source(url="https://elsewhere.example/tool")
    task = a_task(other, pin=a_pin(other, commit=oid(99)), action=action, before=OLD)
    entries = [a_state_entry(SOURCE, commit=recorded)] if recorded else []
    snapshot = a_snapshot(SOURCE, pins=[PIN], recorded=entries, policy=policy)
    run = an_unfinished_run(task, phases={SOURCE.name: phase} if phase else None)
    return plan_resume(run, snapshot, {SOURCE.name: seen})


@pytest.mark.parametrize(
    ("phase", "seen", "recorded", "action", "before"),
    [
        (None, Absent(), None, "clone", None),
        (None, a_clone(OLD), OLD, "update", OLD),
        ("pending", a_clone(OLD), OLD, "update", OLD),
        ("pending", a_clone(PINNED), OLD, "record", PINNED),
        ("pending", a_clone(PINNED), PINNED, "record", PINNED),
        ("pending", Broken("x"), OLD, "repair", None),
        ("installing", a_clone(PINNED), OLD, "record", PINNED),
        ("installing", a_clone(OLD), OLD, "repair", OLD),
        ("installing", a_clone(STRANGE), OLD, "repair", STRANGE),
        ("installing", a_clone(PINNED, dirty=("a",)), OLD, "repair", PINNED),
        ("installing", a_clone(PINNED, operation="merge"), OLD, "repair", PINNED),
        ("installing", replace(a_clone(PINNED), filled=True), OLD, "repair", PINNED),
        ("installing", replace(a_clone(PINNED), complete=False), OLD, "repair", PINNED),
        ("installing", Absent(), None, "clone", None),
        ("installing", Broken("x"), None, "repair", None),
    ],
    ids=[
        *("no-phase", "no-phase-update", "not-begun", "moved-by-hand", "recorded-already", "broken"),
        *("placed", "half-changed", "elsewhere", "half-written", "operation"),
        *("submodules", "cut-off", "never-placed", "half-built"),
    ],
)
def test_what_is_left_of_a_run_is_finished_at_the_pin_of_now(
    phase: Phase | None, seen: Observed, recorded: Oid | None, action: str, before: Oid | None
) -> None:
    plan = resumed(seen, phase=phase, recorded=recorded)
    (task,) = plan.tasks
    assert (task.source, task.pin, task.action, task.before) == (SOURCE, PIN, action, before)
    assert not plan.blocked


def test_a_repair_that_was_interrupted_before_it_began_is_still_a_repair() -> None:
    """The half changed tree is ours, and was saved by no one: it must not count as local work the second time."""
    (task,) = resumed(a_clone(OLD, dirty=("half",)), action="repair").tasks
    assert (task.action, task.before) == ("repair", OLD)
    (task,) = resumed(a_clone(PINNED), action="repair").tasks
    assert task.action == "record"
    (task,) = resumed(Absent(), action="repair").tasks
    assert task.action == "clone"


@pytest.mark.parametrize(
    ("phase", "seen", "error"),
    [
        ("pending", a_clone(OLD, dirty=("a",)), DirtySource),
        ("pending", a_clone(STRANGE), DivergedSource),
        ("pending", Foreign("a file"), ForeignFolder),
        ("installing", Foreign("a file"), ForeignFolder),
        ("installing", a_clone(PINNED, locked=True), IndexLocked),
    ],
    ids=["dirty", "diverged", "foreign", "foreign-later", "locked"],
)
def test_work_that_somebody_began_since_then_blocks(phase: Phase, seen: Observed, error: type[HybridError]) -> None:
    plan = resumed(seen, phase=phase)
    assert plan.tasks == ()
    assert type(plan.blocked[SOURCE.name]) is error


def test_policy_is_asked_again() -> None:
    plan = resumed(a_clone(OLD), policy=Policy(hosts=frozenset({"github.com"})))
    assert plan.tasks == ()
    assert isinstance(plan.blocked[SOURCE.name], HostNotAllowed)


def test_what_has_no_pin_or_is_no_source_any_more_is_not_installed() -> None:
    run = an_unfinished_run(a_task(SOURCE, pin=PIN))
    plan = plan_resume(run, a_snapshot(SOURCE), {SOURCE.name: Absent()})
    assert (plan.tasks, type(plan.blocked[SOURCE.name])) == ((), NoPin)
    assert plan_resume(run, a_snapshot(), {SOURCE.name: Absent()}) == SyncPlan()


def test_each_task_of_the_run_is_judged_alone() -> None:
    names = ("a", "b", "c")
    tasks = [a_task(a_source(name), pin=a_pin(a_source(name), commit=PINNED)) for name in names]
    seen: dict[str, Clone | Absent | Foreign] = {"a": Absent(), "b": Foreign("a file"), "c": a_clone(PINNED)}
    snapshot = a_snapshot(*[task.source for task in tasks], pins=[task.pin for task in tasks])
    plan = plan_resume(an_unfinished_run(*tasks), snapshot, {task.name: seen[task.name] for task in tasks})
    assert [(task.name, task.action) for task in plan.tasks] == [("a", "clone"), ("c", "record")]
    assert list(plan.blocked) == ["b"]


def test_a_reset_that_had_not_begun_is_done_as_a_reset() -> None:
    source = a_source("tool")
    task = a_task(source, action="reset")
    dirty = a_clone(oid(1), dirty=("a.txt",), dirty_count=1)
    run = an_unfinished_run(task)
    plan = plan_resume(run, a_snapshot(source, pins=[task.pin], unfinished=run), {task.name: dirty})
    assert ([(again.action, again.before) for again in plan.tasks], plan.blocked) == ([("reset", oid(1))], {})
