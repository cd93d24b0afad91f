"""`git hybrid pin NAME --tag TAG` and the like: what is followed and the pin change together, or neither does."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import changes, lock, manifest, released, snapshot
from support.scanners import a_scanner, use
from support.upstream import Upstream, UpstreamFactory

_FORCED = ("--force", "--request", "REQ-1", "--approver", "Bea <bea@example.org>", "--reason", "why", "--expires", "9d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory, begun: Begun) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    begun(upstream.url, "--tag", "v1.0.0", sync=False)
    return upstream


def _commit(upstream: Upstream, ref: str) -> str:
    return upstream.rev(f"{ref}^{{commit}}")


def _hints(told: str) -> list[str]:
    return [line.removeprefix("hint: ") for line in told.splitlines() if line.startswith("hint: ")]


def _followed(workspace: Path) -> str:
    return (workspace / "sources.toml").read_text().rpartition("\n[source.tool]\n")[2]


def test_another_tag_is_followed_and_pinned(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    entry = _followed(workspace)
    done = hybrid("pin", "tool", "--tag", "v1.1.0")
    assert "    follows tag v1.1.0; it was tag v1.0.0\n" in done.out
    assert _followed(workspace) == entry.replace("v1.0.0", "v1.1.0")
    assert lock(workspace)["tool"]["commit"] == _commit(tool, "v1.1.0")
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.1.0"
    told = hybrid("audit", "log", "tool", "-v").out
    assert "    followed: tag v1.0.0\n" in told
    assert "    tag: v1.1.0\n" in told
    hybrid("check", "metadata", "overrides", "audit")
    before = snapshot(workspace)
    kept = hybrid("pin", "tool", "--tag", "v1.1.0", "-v").out
    assert kept == f"tool  kept  {_commit(tool, 'v1.1.0')[:10]} (v1.1.0)\n"
    assert changes(before, snapshot(workspace)) == []


@pytest.mark.parametrize(
    ("option", "value", "ref"),
    [("--branch", "main", "main"), ("--version", ">=1", "v1.1.0"), ("--commit", "main", "main")],
)
def test_any_ref_can_be_followed(
    hybrid: Hybrid, workspace: Path, tool: Upstream, option: str, value: str, ref: str
) -> None:
    value = tool.rev(value) if option == "--commit" else value
    hybrid("pin", "tool", option, value)
    assert _followed(workspace).endswith(f'\n{option[2:]} = "{value}"\n')
    assert lock(workspace)["tool"]["commit"] == _commit(tool, ref)


def test_of_another_branch_an_older_commit_may_be_meant(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("pin", "tool", "--branch", "main", "--to", "v1.1.0")
    assert lock(workspace)["tool"]["commit"] == _commit(tool, "v1.1.0")
    assert lock(workspace)["tool"]["ref"] == "refs/heads/main"


def test_a_dry_run_and_what_is_refused_change_nothing(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    before = snapshot(workspace)
    shown = hybrid("pin", "tool", "--tag", "v1.1.0", "-n")
    assert "    follows tag v1.1.0; it was tag v1.0.0\n" in shown.out
    assert "diff --upstream" not in shown.err, "that compares with what the manifest says"
    gone = hybrid("pin", "tool", "--tag", "v1.0", check=5).err
    assert "hint: to follow another ref: git hybrid pin tool --branch BRANCH\n" in gone
    assert "hint: where that is meant: git hybrid pin tool --tag v1.0.0\n" in gone or "did you mean" in gone
    assert "needs exactly one source" in hybrid("pin", "--tag", "v1.1.0", check=2).err
    for option in ("--tag", "--to"):
        assert "needs exactly one source" in hybrid("pin", "tool", "-g", "web", option, "v1.1.0", check=2).err
    assert "give only one of --branch, --tag" in hybrid("pin", "tool", "--branch", "b", "--tag", "a", check=2).err
    assert "cause: did you mean tool?" in hybrid("pin", "tol", "--tag", "v1.1.0", check=2).err
    assert changes(before, snapshot(workspace)) == []
    hybrid("pin", "tool", "--branch", "main")
    before = snapshot(workspace)
    back = hybrid("pin", "tool", "--tag", "v1.0.0", check=6).err
    assert "put that back" not in back
    assert changes(before, snapshot(workspace)) == []


def test_what_is_hinted_at_is_not_refused_in_its_turn(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("pin", "tool", "--tag", "v1.1.0")
    pinned = lock(workspace)["tool"]["commit"]
    (approved,) = _hints(hybrid("pin", "tool", "--to", "v1.0.0", check=6).err)
    assert approved.startswith("if it is approved: git hybrid pin tool --to v1.0.0 --force ")
    tool.tag("v1.2.0")
    tool.tag("v1.1.0", "v1.0.0^{commit}", force=True)
    newer = "git hybrid pin tool --tag v1.2.0"
    assert _hints(hybrid("pin", "tool", check=5).err)[0] == f"to follow another tag: {newer}"
    tool.delete_ref("refs/tags/v1.1.0")
    tool.delete_ref("refs/tags/v1.2.0")
    stay = f"git hybrid pin tool --commit {pinned}"
    told = hybrid("pin", "tool", check=5).err
    assert _hints(told)[1:] == [
        "to follow another ref: git hybrid pin tool --branch BRANCH",
        f"to follow the commit of its pin alone: {stay}",
    ]
    assert "v1.0.0" not in told + hybrid("outdated", check=5).err
    hybrid(*stay.split()[2:])
    tool.tag("v1.2.0")
    hybrid(*newer.split()[2:])


def test_the_way_back_is_forced_and_the_hint_for_it_works(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("pin", "tool", "--tag", "v1.1.0")
    hint = hybrid("pin", "tool", "--tag", "v1.0.0", check=6).err.partition("hint: if it is approved: git hybrid ")[2]
    assert hint.rstrip().splitlines()[0].endswith(" --tag v1.0.0")
    hybrid("pin", "tool", "--to", _commit(tool, "v1.0.0"), *_FORCED, "--tag", "v1.0.0")
    assert _followed(workspace).endswith('\ntag = "v1.0.0"\n')
    assert lock(workspace)["tool"]["ref"] == "refs/tags/v1.0.0"
    hybrid("check", "metadata", "overrides", "audit")


def test_hints_of_what_was_refused_follow_the_same(
    hybrid: Hybrid, workspace: Path, tool: Upstream, tmp_path: Path
) -> None:
    commit = _commit(tool, "v1.1.0")
    # Force that nothing needs follows it as well.
    hybrid("pin", "tool", "--to", commit, *_FORCED, "--tag", "v1.1.0")
    assert (lock(workspace)["tool"]["commit"], manifest(workspace)["tool"]["tag"]) == (commit, "v1.1.0")
    bad = tool.commit({"bad": "SECRET"})
    tool.git("tag", "v9.0.0")
    use(workspace, a_scanner(tmp_path / "scanner"), policy='scan_block_on = "high"')
    blocked = hybrid("pin", "tool", "--scan", "--tag", "v9.0.0", check=6).err
    (hint,) = [line for line in blocked.splitlines() if f"--to {bad} --force" in line]
    assert hint.endswith(" --tag v9.0.0")


def test_a_commit_off_the_ref_tells_how_its_tag_is_followed(hybrid: Hybrid, tool: Upstream) -> None:
    hint = "hint: to follow another ref: git hybrid pin tool --tag"
    assert f"{hint} v1.1.0\n" in hybrid("pin", "tool", "--to", "v1.1.0", check=6).err
    assert f"{hint} TAG\n" in hybrid("pin", "tool", "--to", tool.rev("main"), check=6).err
