"""A clean clone whose attributes are not this tool's own (a plain `git clone`, a line of the user's) moves like any other."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support.cli import Hybrid
from support.kit import changes, git, head, logging_git, outcomes, released, snapshot, started
from support.upstream import Upstream, UpstreamFactory

OURS = "* -filter -text -eol -ident -working-tree-encoding\n"
TEXTS = {"README": "two\n", "b": "b\n", "dir/a": "a\n", "deep/new": "new\n"}


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


def _adopted(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    hybrid("init")
    git("-c", "protocol.file.allow=always", "clone", "-q", tool.url, "sources/tool", cwd=workspace)
    hybrid("add", tool.url, "--branch", "main")
    hybrid("sync")


def _with_a_line(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    started(hybrid, tool.url, "--branch", "main")
    with (workspace / "sources/tool/.git/info/attributes").open("a") as file:
        file.write("*.tf diff=hcl\n")


MADE: dict[str, Callable[[Hybrid, Path, Upstream], None]] = {"adopted": _adopted, "line": _with_a_line}


@pytest.fixture(params=MADE)
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream, request: pytest.FixtureRequest) -> Path:
    """A clone at the first pin; the second one is pinned."""
    MADE[request.param](hybrid, workspace, tool)
    tool.commit({"README": "two\n", "deep/new": "new\n", "run.sh": None})
    hybrid("pin", "tool")
    return workspace / "sources/tool"


def _at_the_pin(clone: Path, tool: Upstream) -> None:
    assert head(clone.parents[1]) == tool.rev("main")
    assert git("status", "--porcelain", cwd=clone) == ""
    assert {path: (clone / path).read_text() for path in TEXTS} == TEXTS
    assert (clone / ".git/info/attributes").read_text() == OURS
    assert not (clone.parent / ".set-aside").exists()


def test_it_is_updated(hybrid: Hybrid, clone: Path, tool: Upstream) -> None:
    assert outcomes(hybrid("sync", "-n", "--json")) == {"tool": "would-update"}
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    _at_the_pin(clone, tool)
    hybrid("status", "--exit-code")
    assert outcomes(hybrid("sync", "--json")) == {"tool": "unchanged"}


def test_an_ignored_file_in_the_way_is_refused_and_the_clone_left_alone(
    hybrid: Hybrid, clone: Path, tool: Upstream
) -> None:
    tool.commit({"build.log": "theirs\n"})
    hybrid("pin", "tool")
    (clone / "build.log").write_text("mine\n")
    before = snapshot(clone)
    for _ in range(2):
        blocked = hybrid("sync", check=3)
        assert "cause: build.log\n" in blocked.err
        assert blocked.err.count("cause: ") == 1
        touched = [name for name in changes(before, snapshot(clone)) if not name.startswith(".git/objects/")]
        assert set(touched) <= {".git/index", *(name for name in touched if name.startswith(".git/refs/hybrid/"))}
    assert git("status", "--porcelain", cwd=clone) == ""
    hybrid("reset", "tool")
    _at_the_pin(clone, tool)
    saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone)
    assert git("show", f"{saved}:build.log", cwd=clone) == "mine"


@pytest.mark.parametrize("file", ["README", "dir/a"])
def test_a_changed_file_is_refused_and_the_clone_left_alone(hybrid: Hybrid, clone: Path, file: str) -> None:
    (clone / file).write_text("mine\n")
    before = snapshot(clone.parents[1])
    assert file in hybrid("sync", check=3).err
    assert changes(before, snapshot(clone.parents[1])) == []


def test_a_checkout_that_failed_is_finished_by_the_next_sync_without_the_network(
    hybrid: Hybrid, clone: Path, tool: Upstream, tmp_path: Path
) -> None:
    failing, _ = logging_git(tmp_path / "failing", fail="checkout")
    hybrid("sync", env=failing, check=None)
    assert (clone / ".git/index").is_file()
    hybrid("sync", "--offline")
    _at_the_pin(clone, tool)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A working tree whose bare upstream has one LFS file, made by git-lfs itself."""
    bare, work = tmp_path / "tool.git", tmp_path / "work"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    subprocess.run(["git", "clone", "-q", bare.as_uri(), work], check=True, capture_output=True)
    git("lfs", "install", "--local", cwd=work)
    git("checkout", "-q", "-B", "main", cwd=work)
    (work / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    _push(work, "first")
    return work


def _push(work: Path, content: str) -> None:
    (work / "a.bin").write_text(content * 1000)
    (work / "plain").write_text(content)
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", content, cwd=work)
    git("push", "-q", "origin", "main", cwd=work)


def _asks_for_content(workspace: Path) -> None:
    manifest = workspace / "sources.toml"
    manifest.write_text(manifest.read_text().replace('branch = "main"\n', 'branch = "main"\nlfs = "fetch"\n'))


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("lfs", ["pointer", "fetch"])
def test_pointers_stay_pointers_or_become_content(
    hybrid: Hybrid, workspace: Path, large: Path, made: str, lfs: str
) -> None:
    hybrid("init")
    url = (large.parent / "tool.git").as_uri()
    if made == "adopted":
        git("-c", "protocol.file.allow=always", "clone", "-q", url, "sources/tool", cwd=workspace)
    hybrid("add", url, "--name", "tool")
    hybrid("sync")
    clone = workspace / "sources/tool"
    with (clone / ".git/info/attributes").open("a") as file:
        file.write("*.tf diff=hcl\n")
    _push(large, "second")
    if lfs == "fetch":
        _asks_for_content(workspace)
    hybrid("pin", "tool")
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    pointer = git("show", "HEAD:a.bin", cwd=clone) + "\n"
    assert (clone / "a.bin").read_text() == (pointer if lfs == "pointer" else "second" * 1000)
    assert git("status", "--porcelain", cwd=clone) == ""
    assert outcomes(hybrid("sync", "--json")) == {"tool": "unchanged"}
    assert json.loads((workspace / "state/sources.json").read_text())["sources"][0]["commit_sha"] == head(workspace)


def test_content_moves_though_the_clone_has_lost_what_starts_git_lfs(
    hybrid: Hybrid, workspace: Path, large: Path
) -> None:
    started(hybrid, (large.parent / "tool.git").as_uri(), "--name", "tool", sync=False)
    _asks_for_content(workspace)
    hybrid("pin")
    hybrid("sync")
    clone = workspace / "sources/tool"
    _push(large, "second")
    hybrid("pin", "tool")
    git("lfs", "install", "--local", "--skip-smudge", "--force", cwd=clone)
    assert outcomes(hybrid("sync", "--json")) == {"tool": "updated"}
    assert (clone / "a.bin").read_text() == "second" * 1000


def test_content_that_cannot_be_had_leaves_the_clone_as_it_was(hybrid: Hybrid, workspace: Path, large: Path) -> None:
    bare = large.parent / "tool.git"
    started(hybrid, bare.as_uri(), "--name", "tool")
    clone = workspace / "sources/tool"
    _asks_for_content(workspace)
    hybrid("pin")
    kept = bare.joinpath("lfs").rename(bare.parent / "lfs")
    before = snapshot(clone)
    hybrid("sync", check=4)
    touched = [name for name in changes(before, snapshot(clone)) if not name.startswith(".git/lfs/")]
    assert touched in ([], [".git/config"]), "git-lfs notes there which version it has"
    shutil.rmtree(bare / "lfs", ignore_errors=True)
    kept.rename(bare / "lfs")
    hybrid("sync")
    assert (clone / "a.bin").read_text() == "first" * 1000
    assert not (workspace / "sources/.set-aside").exists()
