from __future__ import annotations

import pytest

from git_hybrid.core.errors import (
    DirtySource,
    DivergedSource,
    ForeignFolder,
    HostNotAllowed,
    HybridError,
    IndexLocked,
    LocalIo,
    NoPin,
    OperationInProgress,
    UnsavedWork,
)
from git_hybrid.core.ids import Oid, SourceName, parse_url
from git_hybrid.core.manifest import Policy, Source, Tag
from git_hybrid.core.plan import Absent, Broken, Clone, Foreign, Looked, Observed, SyncPlan, Task, Unreadable
from git_hybrid.core.planner import decide, differs, plan_sync, removal_blocked, source_path, unfinished_work
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import replace
from support.values import a_clone, a_pin, a_snapshot, a_source, a_state_entry, oid

OLD, PINNED, STRANGE = oid(1), oid(2), oid(3)
SOURCE = a_source()
PIN = a_pin(SOURCE, commit=PINNED)
THERE = a_clone(PINNED, installed=PINNED)


def decided(seen: Looked, *, recorded: Oid | None = OLD) -> Task | HybridError | None:
    return decide(SOURCE, PIN, a_state_entry(SOURCE, commit=recorded) if recorded else None, seen)


@pytest.mark.parametrize(
    ("seen", "recorded", "action", "before"),
    [
        (Absent(), None, "clone", None),
        (Absent(), PINNED, "clone", None),
        (Broken("no HEAD"), PINNED, "repair", None),
        (a_clone(OLD), OLD, "update", OLD),
        (a_clone(PINNED), OLD, "record", PINNED),
        (a_clone(PINNED), None, "record", PINNED),
    ],
    ids=["first-time", "folder-removed", "broken", "pin-moved", "moved-by-hand", "state-lost"],
)
def test_a_source_is_brought_to_its_pin(seen: Observed, recorded: Oid | None, action: str, before: Oid | None) -> None:
    task = decided(seen, recorded=recorded)
    assert isinstance(task, Task)
    assert (task.source, task.pin, task.action, task.before) == (SOURCE, PIN, action, before)


def test_what_the_machine_refuses_to_read_is_left_alone() -> None:
    error = LocalIo(path="f", operation="read", reason="Permission denied")
    assert decided(Unreadable(error)) is error


def test_a_source_at_its_recorded_pin_needs_nothing() -> None:
    assert decided(THERE, recorded=PINNED) is None
    assert decided(replace(THERE, origin=str(SOURCE.url)), recorded=PINNED) is None
    old: dict[str, object] = {"installed": OLD}
    for change in (old, {"installed": None}, {"intact": False}, {"origin": "https://old.example/x"}):
        task = decided(replace(THERE, **change), recorded=PINNED)
        assert isinstance(task, Task)
        assert task.action == "record"


def test_pointers_in_place_of_the_content_that_is_asked_for_are_mended() -> None:
    source, recorded = replace(SOURCE, lfs="fetch"), a_state_entry(commit=PINNED)
    full = replace(THERE, lfs=True)
    assert decide(source, PIN, recorded, full) is None
    for clone in (replace(full, pointers=("a.bin",)), a_clone(PINNED)):
        task = decide(source, PIN, recorded, clone)
        assert isinstance(task, Task)
        assert task.action == "update"


@pytest.mark.parametrize(
    ("key", "asked", "otherwise", "seen"),
    [
        ("submodules", True, False, {"hollow": True}),
        ("submodules", False, True, {"filled": True}),
        ("history", "full", "shallow", {"complete": False}),
    ],
)
def test_what_is_fetched_comes_and_goes_as_the_manifest_says(
    key: str, asked: object, otherwise: object, seen: dict[str, bool]
) -> None:
    recorded, clone = a_state_entry(commit=PINNED), replace(THERE, **seen)
    task = decide(replace(SOURCE, **{key: asked}), PIN, recorded, clone)
    assert isinstance(task, Task)
    assert task.action == "update"
    assert decide(replace(SOURCE, **{key: otherwise}), PIN, recorded, clone) is None


def test_a_clone_that_borrows_objects_gets_its_own() -> None:
    clone = replace(a_clone(PINNED), borrows=True)
    for history in ("full", "shallow", "treeless"):
        task = decide(replace(SOURCE, history=history), PIN, a_state_entry(commit=PINNED), clone)
        assert isinstance(task, Task)
        assert task.action == "update"
    assert differs(SOURCE, clone) == "it borrows objects from another repository: sync makes them its own"
    assert differs(SOURCE, replace(clone, borrows=False)) == ""


@pytest.mark.parametrize(
    "told",
    [{"url": parse_url("https://old.example/x")}, {"track": Tag("v1")}, {"audit_hash": None}, {"lacking": ("x",)}],
    ids=["url", "track", "record", "keys"],
)
def test_a_state_entry_that_says_something_else_is_written_again(told: dict[str, object]) -> None:
    entry = replace(a_state_entry(SOURCE, commit=PINNED), **told)
    task = decide(SOURCE, PIN, entry, a_clone(PINNED))
    assert isinstance(task, Task)
    assert task.action == "record"
    task = decide(replace(SOURCE, submodules=True), PIN, entry, a_clone(PINNED))
    assert isinstance(task, Task)
    assert task.action == ("update" if "url" in told else "record")


@pytest.mark.parametrize(
    ("clone", "error"),
    [
        (a_clone(PINNED, locked=True), IndexLocked),
        (a_clone(PINNED, operation="rebase"), OperationInProgress),
        (a_clone(PINNED, dirty=("a", "b")), DirtySource),
        (a_clone(OLD, dirty=("a",)), DirtySource),
        (a_clone(STRANGE), DivergedSource),
        (a_clone(STRANGE, dirty=("a",), locked=True), IndexLocked),
        (a_clone(STRANGE, dirty=("a",), operation="merge"), OperationInProgress),
        (a_clone(STRANGE, dirty=("a",)), DirtySource),
    ],
    ids=[
        "locked",
        "operation",
        "dirty-at-pin",
        "dirty-behind",
        "diverged",
        "lock-first",
        "operation-next",
        "dirty-next",
    ],
)
def test_local_work_blocks_also_where_nothing_is_to_do(clone: Clone, error: type[HybridError]) -> None:
    assert type(decided(clone, recorded=PINNED if clone.head == PINNED else OLD)) is error


def test_a_dirty_source_tells_its_files_and_their_number() -> None:
    found = decided(a_clone(PINNED, dirty=("a", "b"), dirty_count=40))
    assert isinstance(found, DirtySource)
    assert (found.name, found.path, found.files, found.count) == ("tool", "sources/tool", ("a", "b"), 40)


@pytest.mark.parametrize(("recorded", "expected"), [(OLD, OLD), (None, PINNED)], ids=["recorded", "never-recorded"])
def test_a_diverged_source_tells_where_head_should_be(recorded: Oid | None, expected: Oid) -> None:
    found = decided(a_clone(STRANGE), recorded=recorded)
    assert isinstance(found, DivergedSource)
    assert (found.head, found.expected) == (STRANGE, expected)


def test_a_foreign_folder_is_left_alone() -> None:
    found = decided(Foreign("a folder without .git"))
    assert isinstance(found, ForeignFolder)
    assert (found.path, found.what) == ("sources/tool", "a folder without .git")


def planned(*sources: Source, seen: Observed, policy: Policy | None = None, stale: bool = False) -> SyncPlan:
    pins = [a_pin(source, commit=PINNED, digest="sha256:old" if stale else None) for source in sources]
    recorded = [a_state_entry(source, commit=PINNED) for source in sources]
    snapshot = a_snapshot(*sources, pins=pins, recorded=recorded, policy=policy)
    names = [source.name for source in sources]
    return plan_sync(snapshot, dict.fromkeys(names, seen), reversed(names))


def test_the_plan_is_in_name_order_whatever_the_selection() -> None:
    sources = [a_source(name) for name in ("a", "b", "c")]
    assert [task.name for task in planned(*sources, seen=Absent()).tasks] == ["a", "b", "c"]
    assert planned(*sources, seen=THERE).unchanged == ("a", "b", "c")


def test_a_blocked_source_does_not_hold_up_the_others() -> None:
    good, bad = a_source("good"), a_source("bad")
    snapshot = a_snapshot(good, bad, pins=[a_pin(good), a_pin(bad)])
    plan = plan_sync(snapshot, {good.name: Absent(), bad.name: Foreign("a file")}, [good.name, bad.name])
    assert [task.name for task in plan.tasks] == ["good"]
    assert isinstance(plan.blocked[bad.name], ForeignFolder)


def test_only_selected_sources_are_planned() -> None:
    one, two = a_source("one"), a_source("two")
    plan = plan_sync(a_snapshot(one, two, pins=[a_pin(one), a_pin(two)]), {one.name: Absent()}, [one.name])
    assert [task.name for task in plan.tasks] == ["one"]
    assert (plan.unchanged, dict(plan.blocked)) == ((), {})


@pytest.mark.parametrize(("recorded", "mend"), [((), "git hybrid pin tool"), ((a_state_entry(),), "git hybrid pin")])
def test_a_source_without_a_pin_is_not_pinned_by_a_sync(recorded: tuple[SourceState, ...], mend: str) -> None:
    plan = plan_sync(a_snapshot(SOURCE, recorded=recorded), {SOURCE.name: Absent()}, [SOURCE.name])
    error = plan.blocked[SOURCE.name]
    assert isinstance(error, NoPin)
    # By its name one that the lock has lost would move.
    assert (plan.tasks, error.name, error.stale, error.mend) == ((), "tool", False, mend)


def test_a_pin_of_another_manifest_entry_is_no_pin() -> None:
    error = planned(SOURCE, seen=a_clone(PINNED), stale=True).blocked[SOURCE.name]
    assert isinstance(error, NoPin)
    # By its name it would move.
    assert (error.stale, error.mend) == (True, "git hybrid pin")
    plan = plan_sync(a_snapshot(replace(SOURCE, track=Tag("v9")), pins=[PIN]), {SOURCE.name: Absent()}, [SOURCE.name])
    error = plan.blocked[SOURCE.name]
    assert isinstance(error, NoPin)
    assert (error.stale, error.mend) == (True, "git hybrid pin tool")


def test_a_host_that_policy_does_not_allow_blocks_also_where_nothing_is_to_do() -> None:
    plan = planned(SOURCE, seen=a_clone(PINNED), policy=Policy(hosts=frozenset({"github.com"})))
    error = plan.blocked[SOURCE.name]
    assert isinstance(error, HostNotAllowed)
    assert (error.name, error.host, plan.unchanged) == ("tool", "git.example.org", ())


def test_a_clean_clone_holds_no_unfinished_work() -> None:
    assert unfinished_work(SourceName("tool"), a_clone()) is None


@pytest.mark.parametrize(
    ("seen", "refs", "error"),
    [
        (Absent(), (), None),
        (a_clone(), (), None),
        (a_clone(), ("refs/heads/mine",), UnsavedWork),
        (a_clone(dirty=("a",)), (), DirtySource),
        (a_clone(locked=True), ("refs/heads/mine",), IndexLocked),
        (Foreign("a file"), (), ForeignFolder),
        (Broken("no objects"), (), ForeignFolder),
    ],
    ids=["absent", "clean", "own-commits", "dirty", "locked", "foreign", "broken"],
)
def test_a_folder_is_removed_only_if_nothing_is_lost(
    seen: Observed, refs: tuple[str, ...], error: type[HybridError] | None
) -> None:
    found = removal_blocked(SourceName("tool"), seen, lambda: refs)
    assert found is None if error is None else type(found) is error


def test_a_blocked_removal_tells_what_would_be_lost() -> None:
    found = removal_blocked(SourceName("tool"), a_clone(), lambda: ("refs/heads/mine", "refs/stash"))
    assert isinstance(found, UnsavedWork)
    assert (found.path, found.refs) == (source_path(SourceName("tool")), ("refs/heads/mine", "refs/stash"))
    broken = removal_blocked(SourceName("tool"), Broken("no objects"), tuple)
    assert isinstance(broken, ForeignFolder)
    assert "no objects" in broken.what


def test_only_a_usable_clone_without_begun_work_is_asked_for_its_refs() -> None:
    def fail() -> tuple[str, ...]:
        pytest.fail("a folder that git cannot read was asked for its refs")

    for seen in (Absent(), Foreign("x"), Broken("x"), a_clone(dirty=("a",))):
        removal_blocked(SourceName("tool"), seen, fail)
