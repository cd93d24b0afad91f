"""What a sync has recorded is committed or taken back, and the hint that says so is true where it is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from support.beginning import Beginning
from support.cli import Hybrid, run_hybrid
from support.kit import git, released, replace
from support.upstream import Upstream, UpstreamFactory

BACK = "git checkout -- state"
HINT = f"hint: it is recorded in state/: commit that, or take it back: {BACK}\n"
FORCE = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "hotfix", "--expires", "30d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def moved(hybrid: Hybrid, workspace: Path, tool: Upstream, beginning: Beginning) -> Callable[[], None]:
    """Make a workspace in which the pin was moved and committed, and the clone stands where it was before."""

    def make() -> None:
        git("init", "-q", "-b", "main", cwd=workspace)
        hybrid("init")
        hybrid("add", tool.url, "--tag", "v1.0.0")
        hybrid("sync")
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", "one", cwd=workspace)
        replace(workspace / "sources.toml", "v1.0.0", "v1.1.0")
        hybrid("pin")
        git("commit", "-q", "-a", "-m", "two", cwd=workspace)

    return lambda: beginning(workspace, make)


def holds(hybrid: Hybrid) -> None:
    hybrid("check")
    hybrid("audit", "verify")
    assert hybrid("status", "--json").json()["sources"][0]["head"] is not None


@pytest.mark.parametrize("answer", ["taken back", "committed"])
def test_both_answers_are_right(hybrid: Hybrid, workspace: Path, moved: Callable[[], None], answer: str) -> None:
    moved()
    assert hybrid("sync").err.endswith(HINT)
    assert git("status", "--short", cwd=workspace).split() == [
        "M",
        "state/sources-audit.jsonl",
        "M",
        "state/sources.json",
    ]
    if answer == "committed":
        git("commit", "-q", "-m", "installed", "--", "state", cwd=workspace)
        holds(hybrid)
        assert HINT not in hybrid("sync").err
        return
    git(*BACK.split()[1:], cwd=workspace)
    assert git("status", "--short", cwd=workspace) == ""
    holds(hybrid)
    git("switch", "-q", "--detach", "HEAD~1", cwd=workspace)
    # That commit has it already.
    assert HINT not in hybrid("sync").err
    holds(hybrid)
    git("switch", "-q", "main", cwd=workspace)
    assert hybrid("sync").err.endswith(HINT)
    assert HINT not in hybrid("sync").err
    holds(hybrid)


def test_what_was_never_installed_can_be_taken_back(
    hybrid: Hybrid, workspace: Path, tool: Upstream, moved: Callable[[], None]
) -> None:
    moved()
    hybrid("sync")
    hybrid("add", tool.url, "--branch", "main", "--name", "other")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "another", cwd=workspace)
    assert hybrid("sync").err.endswith(HINT)
    git(*BACK.split()[1:], cwd=workspace)
    holds(hybrid)
    assert hybrid("sync").out.startswith("other  recorded  ")


def test_one_that_is_in_the_way_of_local_work_changes_nothing(
    hybrid: Hybrid, workspace: Path, tool: Upstream, moved: Callable[[], None]
) -> None:
    moved()
    hybrid("add", tool.url, "--branch", "main", "--name", "other")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "another", cwd=workspace)
    (workspace / "sources/tool/mine").write_text("mine")
    assert hybrid("sync", check=3).err.count(HINT) == 1
    git(*BACK.split()[1:], cwd=workspace)
    hybrid("check", "metadata", "overrides", "audit")
    hybrid("audit", "verify")


def test_from_a_folder_below_it_is_typed_there(hybrid: Hybrid, workspace: Path, moved: Callable[[], None]) -> None:
    moved()
    told = run_hybrid("sync", cwd=workspace / "state").err
    (back,) = [line.partition("take it back: ")[2] for line in told.splitlines() if "take it back" in line]
    git(*back.split()[1:], cwd=workspace / "state")
    assert git("status", "--short", cwd=workspace) == ""


def test_it_is_no_part_of_a_document_and_not_told_to_whoever_wants_nothing(
    hybrid: Hybrid, workspace: Path, moved: Callable[[], None]
) -> None:
    moved()
    assert hybrid("sync", "-q").err == ""
    git("checkout", "--", "state", cwd=workspace)
    git("switch", "-q", "--detach", "HEAD~1", cwd=workspace)
    told = hybrid("sync", "--json")
    assert json.loads(told.out)["sources"][0]["outcome"] == "updated"
    git("checkout", "--", "state", cwd=workspace)
    git("switch", "-q", "main", cwd=workspace)
    git("config", "advice.hybridRecorded", "false", cwd=workspace)
    assert HINT not in hybrid("sync").err


@pytest.mark.parametrize("what", ["pin", "override", "log"])
def test_what_would_go_with_it_is_not_put_at_risk(
    hybrid: Hybrid, workspace: Path, tool: Upstream, moved: Callable[[], None], what: str
) -> None:
    moved()
    if what == "pin":
        replace(workspace / "sources.toml", "v1.1.0", "v1.0.0")
        hybrid("pin", check=6)
        replace(workspace / "sources.toml", 'tag = "v1.0.0"', 'branch = "main"')
        hybrid("pin")
    elif what == "override":
        hybrid("pin", "tool", "--to", tool.rev("v1.0.0^0"), *FORCE)
    else:
        hybrid("mirror", "add", "near", "https://localhost:1", "--owner", "Ada", "--kind", "mirror")
        git("checkout", "--", "state/sources-mirrors.json", cwd=workspace, check=False)
    assert "take it back" not in hybrid("sync").err


def test_where_git_has_nothing_of_it_there_is_nothing_to_take_back(
    hybrid: Hybrid, workspace: Path, tool: Upstream
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    assert "take it back" not in hybrid("sync").err
    git("init", "-q", cwd=workspace)
    hybrid("add", tool.url, "--name", "other")
    assert "take it back" not in hybrid("sync").err


def test_what_git_has_no_state_of_is_to_be_committed(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url)
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "one", cwd=workspace)
    told = hybrid("sync").err
    assert "take it back" not in told
    assert told.endswith("which is to be committed: git add -- state\n")
    git("add", "--", "state", cwd=workspace)
    git("commit", "-q", "-m", "two", cwd=workspace)
    holds(hybrid)


@pytest.mark.parametrize("upstream", ["gone", "without the tag", "with another tag"])
def test_a_commit_that_came_with_a_later_one_needs_no_network(
    hybrid: Hybrid, workspace: Path, tool: Upstream, moved: Callable[[], None], upstream: str
) -> None:
    moved()
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync")
    git("commit", "-q", "-a", "-m", "three", cwd=workspace)
    git("checkout", "-q", "HEAD~2", "--", "sources.toml", "state/sources.lock", "state/sources.json", cwd=workspace)
    first = tool.rev("v1.0.0^{commit}")
    if upstream == "gone":
        tool.path.rename(tool.path.with_name("elsewhere"))
    else:
        tool.git("tag", "-d", "v1.0.0")
        tool.tag("v1.0.0", "main") if upstream == "with another tag" else None
    git("commit", "-q", "-a", "--no-verify", "-m", "back", cwd=workspace)
    assert "updated" in hybrid("sync").out
    assert git("rev-parse", "HEAD", cwd=workspace / "sources/tool") == first
    # Who has no such clone asks, and is told what became of the tag.
    shutil.rmtree(workspace / "sources/tool")
    hybrid("sync", check=4 if upstream == "gone" else 5)


@pytest.mark.parametrize("stale", [False, True], ids=["recorded", "recorded-long-ago"])
def test_a_commit_that_was_tried_in_the_clone_and_pinned_there_is_no_work_of_somebody_s(
    hybrid: Hybrid, workspace: Path, tool: Upstream, moved: Callable[[], None], stale: bool
) -> None:
    moved()
    clone, tried = workspace / "sources/tool", tool.rev("v1.1.0^0")
    git("fetch", "-q", cwd=clone)
    git("checkout", "-q", "--detach", tried, cwd=clone)
    first = git("rev-parse", "refs/hybrid/pin", cwd=clone)
    assert "tool  recorded" in hybrid("sync").out
    if stale:
        # As this program left it once.
        git("update-ref", "refs/hybrid/pin", first, cwd=clone)
        state = git("status", "--short", cwd=workspace)
        assert "tool  recorded" in hybrid("sync").out
        assert git("status", "--short", cwd=workspace) == state
    assert git("rev-parse", "refs/hybrid/pin", cwd=clone) == tried
    assert "1 unchanged" in hybrid("sync").err
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "installed", cwd=workspace)
    other = workspace.with_name("other")
    git("clone", "-q", str(workspace), str(other), cwd=workspace)
    replace(other / "sources.toml", 'tag = "v1.1.0"', 'branch = "main"')
    for words in (["pin"], ["sync"]):
        run_hybrid(*words, cwd=other)
    git("commit", "-q", "-a", "-m", "a colleague's", cwd=other)
    git("pull", "-q", str(other), "main", cwd=workspace)
    assert "tool  updated" in hybrid("sync").out
    assert git("rev-parse", "HEAD", cwd=clone) == tool.rev("main")
