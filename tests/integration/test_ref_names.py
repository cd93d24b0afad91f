"""Names of branches and tags that upstream chooses: odd ones, and some that cannot stand beside those from before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import git
from support.upstream import Upstream, UpstreamFactory

# They end a line for Python alone; the last is no UTF-8.
ODD = ("x\u2028y", "x\u0085y", "z\u2028", "caf\udce9")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a": "1\n"})
    return upstream


def _head(workspace: Path, name: str) -> str:
    return git("rev-parse", "HEAD", cwd=workspace / "sources" / name)


@pytest.mark.parametrize("cached", [True, False])
def test_odd_names_of_other_refs_block_nothing(
    workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path, cached: bool
) -> None:
    first = tool.rev("main")
    for name in ODD:
        tool.branch(name)
        tool.git("update-ref", f"refs/tags/a{name}", first)
    env = {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "cache") if cached else ""}
    hybrid("init")
    hybrid("add", tool.url, "--name", "branch", env=env)
    hybrid("add", tool.url, "--name", "odd", "--branch", ODD[0], env=env)
    hybrid("add", tool.url, "--name", "commit", "--commit", first, env=env)
    hybrid("sync", env=env)
    second = tool.commit({"a": "2\n"})
    hybrid("pin", "--all", env=env)
    hybrid("sync", env=env)
    assert [_head(workspace, name) for name in ("branch", "odd", "commit")] == [second, first, first]
    for _ in range(2):
        hybrid("mirror", "update", tmp_path / "mirror", env=env)
    hybrid("remove", "commit", "odd", env=env)


def test_a_commit_is_never_pinned_by_a_name_that_no_file_can_hold(
    workspace: Path, hybrid: Hybrid, tool: Upstream
) -> None:
    first = tool.rev("main")
    tool.branch(os.fsdecode(b"caf\xe9"))
    tool.commit({"a": "2\n"})
    hybrid("init")
    hybrid("add", tool.url, "--commit", first)
    assert 'ref = "refs/heads/main"' in (workspace / "state/sources.lock").read_text()


def test_a_commit_that_only_a_name_which_no_file_can_hold_leads_to_is_told_as_that(
    workspace: Path, hybrid: Hybrid, tool: Upstream
) -> None:
    alone = tool.commit({"b": "1\n"}, branch="side", parents=["main"])
    nowhere = tool.commit({"c": "1\n"}, branch="away", parents=["main"])
    tool.git("update-ref", os.fsdecode(b"refs/heads/caf\xe9"), alone)
    for name in ("side", "away"):
        tool.delete_ref(f"refs/heads/{name}")
    hybrid("init")
    told = hybrid("add", tool.url, "--commit", alone, check=5).err
    assert r"cause: it is on refs/heads/caf\xe9 alone, which is left out: a name has to be UTF-8" in told
    assert "rewrote" not in told
    assert "left out" not in hybrid("add", tool.url, "--commit", nowhere, check=5).err
    hybrid("add", tool.url)
    for commit in (alone, nowhere):
        assert ("left out" in hybrid("pin", "tool", "--to", commit, check=5).err) == (commit == alone)


@pytest.mark.parametrize("cached", [True, False])
def test_a_branch_may_become_a_folder_of_branches_and_a_branch_again(
    workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path, cached: bool
) -> None:
    env = {"GIT_HYBRID_CACHE_DIR": str(tmp_path / "cache") if cached else ""}
    manifest = workspace / "sources.toml"
    tool.branch("release")
    hybrid("init")
    hybrid("add", tool.url, "--branch", "release", env=env)
    hybrid("sync", env=env)
    hybrid("mirror", "update", tmp_path / "mirror", env=env)
    for old, new in (("release", "release/1.x"), ("release/1.x", "release")):
        tool.delete_ref(f"refs/heads/{old}")
        tool.branch(new)
        newest = tool.commit({"a": new}, branch=new)
        manifest.write_text(manifest.read_text().replace(f'"{old}"', f'"{new}"'))
        hybrid("pin", "--all", env=env)
        hybrid("sync", env=env)
        assert _head(workspace, "tool") == newest
        hybrid("mirror", "update", tmp_path / "mirror", env=env)


def test_a_clone_from_before_takes_the_folder_of_branches(
    workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path
) -> None:
    """Another workspace has pinned the new branch: this one has neither its commit nor room for its name."""
    manifest, lock = workspace / "sources.toml", workspace / "state/sources.lock"
    tool.branch("release")
    hybrid("init")
    hybrid("add", tool.url, "--branch", "release")
    hybrid("sync")
    tool.delete_ref("refs/heads/release")
    tool.branch("release/1.x")
    newest = tool.commit({"a": "2\n"}, branch="release/1.x")
    manifest.write_text(manifest.read_text().replace('"release"', '"release/1.x"'))
    other = tmp_path / "other"
    other.mkdir()
    hybrid("init", cwd=other)
    hybrid("add", tool.url, "--branch", "release/1.x", cwd=other)
    lock.write_bytes((other / "state/sources.lock").read_bytes())
    hybrid("sync")
    assert _head(workspace, "tool") == newest


def test_a_bundle_carries_names_beyond_ascii(
    workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool.branch("feat/ü\u2028")
    tool.tag("v1-é")
    hybrid("init")
    hybrid("add", tool.url, "--branch", "feat/ü\u2028", "--name", "branch")
    hybrid("add", tool.url, "--tag", "v1-é", "--name", "tag")
    hybrid("sync")
    bundle, there = tmp_path / "x.bundle", tmp_path / "there"
    hybrid("bundle", "create", "-o", bundle)
    there.mkdir()
    monkeypatch.setenv("GIT_HYBRID_OFFLINE", "1")
    hybrid("init", cwd=there)
    hybrid("bundle", "verify", bundle, cwd=there)
    hybrid("bundle", "apply", bundle, cwd=there)
    assert [_head(there, name) for name in ("branch", "tag")] == [tool.rev("main")] * 2
