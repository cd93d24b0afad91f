"""What upstream has become, or serves, and cannot be pinned: said in true words, and no failure of this machine."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import git, replace
from support.upstream import Upstream, UpstreamFactory

FORCED = ("--force", "--request", "CHG-1", "--approver", "bea@example.org", "--reason", "moved", "--expires", "1d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    for number in range(3):
        upstream.commit({"a": f"{number}\n"})
    return upstream


def _made_shallow(upstream: Upstream) -> None:
    whole = upstream.path.with_suffix(".whole")
    upstream.path.rename(whole)
    git("clone", "-q", "--bare", "--depth", "2", whole.as_uri(), str(upstream.path), cwd=whole)


@pytest.mark.parametrize("by_commit", [True, False])
def test_a_shallow_upstream_is_called_so(workspace: Path, hybrid: Hybrid, tool: Upstream, by_commit: bool) -> None:
    _made_shallow(tool)
    hybrid("init")
    told = hybrid("add", tool.url, *(["--commit", tool.rev("main")] if by_commit else []), check=5)
    assert "the repository is shallow" in told.err
    assert "rewrote" not in told.err


def test_an_upstream_that_became_shallow_is_called_so(workspace: Path, hybrid: Hybrid, tool: Upstream) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    _made_shallow(tool)
    assert "the repository is shallow" in hybrid("sync", check=5).err
    assert "nothing to resume" in hybrid("resume").err


@pytest.mark.parametrize("kind", ["blob", "tree"])
@pytest.mark.parametrize("annotated", [True, False])
def test_a_tag_that_names_no_commit_is_called_so(
    workspace: Path, hybrid: Hybrid, tool: Upstream, kind: str, annotated: bool
) -> None:
    tool.tag("v1", "main:a" if kind == "blob" else "main^{tree}", annotated=annotated)
    hybrid("init")
    assert f"it names a {kind}, no commit" in hybrid("add", tool.url, "--tag", "v1", check=5).err


def test_a_range_leaves_out_a_tag_that_names_no_commit(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    tool.tag("v1.0.0")
    tool.tag("v1.3", "main^{tree}", annotated=False)
    hybrid("init")
    entry = f'[source.tool]\nurl = "{tool.url}"\nversion = ">=1"\n'
    path = workspace / "sources.toml"
    path.write_text(path.read_text() + entry)
    told = 'sources.toml version = ">=1,!=1.3", then: git hybrid pin tool'
    assert told in hybrid("pin", "tool", check=5).err
    replace(path, ">=1", ">=1,!=1.3")
    hybrid("pin", "tool")


def test_the_id_of_a_tag_object_is_no_commit_to_pin(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    told = tool.tag("v1")
    hybrid("init")
    why = f"it names a tag object, no commit: that tag names {tool.rev('main')}"
    assert why in hybrid("add", tool.url, "--commit", told, check=5).err
    hybrid("add", tool.url, "--tag", "v1")
    assert why in hybrid("pin", "tool", "--to", told, check=5).err
    assert why in hybrid("pin", "tool", "--to", told, *FORCED, check=5).err


def test_an_upstream_of_another_algorithm_is_another_repository(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, tool: Upstream
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    shutil.rmtree(tool.path)
    upstream_factory(object_format="sha256").commit({"a": "1\n"})
    for command in (["sync"], ["diff", "--upstream"]):
        assert "another repository is served" in hybrid(*command, check=5).err
    assert "nothing to resume" in hybrid("resume").err


@pytest.mark.parametrize("before", ["sha1", "sha256"])
def test_a_pin_of_the_other_algorithm_has_its_clone_made_anew(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, before: str
) -> None:
    after = "sha256" if before == "sha1" else "sha1"
    upstream = upstream_factory(object_format=before)
    upstream.commit({"a": "1\n"})
    hybrid("init")
    hybrid("add", upstream.url)
    hybrid("sync")
    shutil.rmtree(upstream.path)
    commit = upstream_factory(object_format=after).commit({"a": "1\n"})
    hybrid("pin", "tool", check=5)
    hybrid("pin", "tool", "--to", commit, *FORCED)
    assert "of another object format: sync makes the clone anew" in hybrid("status").out
    hybrid("check", "sources", check=1)
    assert "differs" in hybrid("diff").out
    own = workspace / "sources/tool/own"
    own.write_text("mine")
    assert "local changes" in hybrid("sync", check=3).err
    kept = "the clone of another object format is kept at sources/.set-aside/tool-"
    assert kept in hybrid("reset", "tool").out
    assert [path.read_text() for path in workspace.glob("sources/.set-aside/tool-*/own")] == ["mine"]
    hybrid("check", "sources", "--content")


def test_a_source_that_moves_to_another_algorithm_is_pinned_and_synced(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, tool: Upstream
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    other = upstream_factory("other", object_format="sha256")
    other.commit({"a": "1\n"})
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace(tool.url, other.url))
    assert "differs" in hybrid("diff", "--upstream").out
    hybrid("pin", "tool")
    assert "updated" in hybrid("sync").out
    assert (workspace / "sources/tool/a").read_text() == "1\n"


def _ssh(tmp_path: Path, script: str) -> dict[str, str | None]:
    """Return the environment in which ssh is *script*, whose last argument is the command for the server."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\nfor last; do :; done\n{script}\n")
    program.chmod(0o755)
    return {"GIT_SSH_COMMAND": str(program)}


def test_a_server_that_does_not_serve_now_is_asked_again(workspace: Path, hybrid: Hybrid, tmp_path: Path) -> None:
    words = "ERR GitLab is not responding, try again later"
    env = _ssh(tmp_path, f"printf '%04x%s' {len(words) + 4} '{words}'")
    hybrid("init")
    manifest = workspace / "sources.toml"
    retry = '[defaults]\nretry = { attempts = 2, initial = "1ms", maximum = "1ms" }\n'
    manifest.write_text(manifest.read_text().replace("[defaults]\n", retry))
    told = hybrid("add", "ssh://git.example.org/tool.git", env=env, check=4)
    assert "try 2 of 2 failed (server)" in told.err
    assert "GitLab is not responding" in told.err


@pytest.mark.skipif(sys.platform != "linux", reason="one system is enough for what depends on none")
def test_what_ssh_leaves_behind_is_not_waited_for(
    workspace: Path, hybrid: Hybrid, tool: Upstream, tmp_path: Path
) -> None:
    env = _ssh(tmp_path, 'sleep 100 </dev/null >/dev/null &\neval "exec $last"')
    hybrid("init")
    start = time.monotonic()
    hybrid("add", f"ssh://git.example.org{tool.path}", env=env)
    hybrid("sync", "--progress", env=env)
    assert time.monotonic() - start < 80
