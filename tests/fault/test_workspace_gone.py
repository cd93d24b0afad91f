"""A workspace that is moved, deleted or replaced while a run goes on: nothing is written to where it was."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest

from support.cli import Hybrid, executable, merged_env
from support.kit import git, head
from support.upstream import UpstreamFactory

_WAITING = """#!/bin/sh
case "$*" in *pack-objects*|*upload-pack*|*index-pack*|*" fetch "*|*" clone "*)
    : > {seen}
    while [ ! -e {go} ]; do sleep 0.02; done
esac
exec {git} "$@"
"""
_PATIENCE = 60


@pytest.mark.parametrize("fate", ["moved", "deleted", "replaced"])
def test_a_run_ends_where_its_workspace_went(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path, fate: str
) -> None:
    tool = upstream_factory()
    tool.commit({"README": "one\n"})
    git("init", "-q", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url)
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "begun", cwd=workspace)
    seen, go, away = tmp_path / "seen", tmp_path / "go", tmp_path / "away"
    child = _started(workspace, tmp_path / "bin", seen=seen, go=go)
    _wait_for(seen)
    if fate == "deleted":
        shutil.rmtree(workspace)
    else:
        workspace.rename(away)
    if fate == "replaced":
        git("clone", "-q", away, workspace, cwd=tmp_path)
    go.touch()
    _, told = child.communicate(timeout=_PATIENCE)
    assert child.returncode == 74, told
    assert told.startswith(f"error: {workspace} was moved, deleted or replaced while this ran\n")
    assert not (workspace / "state/journal").exists()
    assert not (workspace / "state/resume.json").exists()
    assert not (workspace / "sources/tool").exists()
    if fate == "replaced":
        hybrid("sync")
        assert head(workspace) == tool.rev("main")
    if fate != "deleted":
        assert "resumed 1 source in " in hybrid("resume", cwd=away).err
        assert head(away) == tool.rev("main")


@pytest.mark.parametrize("fate", ["moved", "deleted", "replaced"])
@pytest.mark.parametrize("words", [("pin", "tool"), ("pin", "-n", "tool"), ("add", "URL")])
def test_nobody_else_is_blamed_for_it(
    hybrid: Hybrid,
    workspace: Path,
    upstream_factory: UpstreamFactory,
    tmp_path: Path,
    fate: str,
    words: tuple[str, ...],
) -> None:
    tool, other = upstream_factory(), upstream_factory("other")
    for upstream in (tool, other):
        upstream.commit({"README": "one\n"})
    hybrid("init")
    hybrid("add", tool.url)
    tool.commit({"README": "two\n"})
    seen, go = tmp_path / "seen", tmp_path / "go"
    command = [word.replace("URL", other.url) for word in words]
    child = _started(workspace, tmp_path / "bin", *command, seen=seen, go=go)
    _wait_for(seen)
    _met(workspace, tmp_path / "away", fate)
    go.touch()
    _, told = child.communicate(timeout=_PATIENCE)
    _is_told(workspace, child.returncode, told, fate)


@pytest.mark.parametrize("fate", ["moved", "deleted", "replaced"])
def test_a_scan_makes_nothing_where_its_workspace_was(
    hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory, tmp_path: Path, fate: str
) -> None:
    tool = upstream_factory()
    tool.commit({"README": "one\n"})
    hybrid("init")
    hybrid("add", tool.url)
    hybrid("sync")
    seen, go, manifest = tmp_path / "seen", tmp_path / "go", workspace / "sources.toml"
    waiting = f"touch {seen}; while [ ! -e {go} ]; do sleep 0.02; done"
    scanner = f'[[scanner]]\nname = "toy"\ncommand = ["sh", "-c", "{waiting}", "{{report}}", "{{path}}"]\n'
    manifest.write_text(manifest.read_text() + scanner)
    child = _started(workspace, tmp_path / "bin", "scan", seen=seen, go=go)
    _wait_for(seen)
    _met(workspace, tmp_path / "away", fate)
    go.touch()
    _, told = child.communicate(timeout=_PATIENCE)
    _is_told(workspace, child.returncode, told, fate)


def _met(workspace: Path, away: Path, fate: str) -> None:
    """Let the workspace meet its fate; what comes in its place is a copy."""
    if fate == "deleted":
        shutil.rmtree(workspace)
    else:
        workspace.rename(away)
    if fate == "replaced":
        shutil.copytree(away, workspace, symlinks=True, ignore=shutil.ignore_patterns(".incoming"))


def _is_told(workspace: Path, code: int, told: str, fate: str) -> None:
    """Check that a command ended for the reason that its workspace is gone, and made nothing where it was."""
    assert code == 74, told
    assert f"error: {workspace} was moved, deleted or replaced while this ran\n" in told
    assert " failed" not in told
    assert workspace.exists() == (fate == "replaced")
    assert not (workspace / "state/journal").exists()
    assert not (workspace / "sources/.incoming").exists()


def _started(workspace: Path, folder: Path, *words: str, seen: Path, go: Path) -> subprocess.Popen[str]:
    """Run a command, by default ``sync``, with a git that waits for *go* before it fetches anything."""
    folder.mkdir()
    waiting = folder / "git"
    waiting.write_text(_WAITING.format(seen=seen, go=go, git=shutil.which("git")))
    waiting.chmod(0o755)
    return subprocess.Popen(
        [str(executable()), *(words or ("sync",))],
        cwd=workspace,
        env=merged_env({"PATH": f"{folder}:{merged_env(None)['PATH']}"}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for(path: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
