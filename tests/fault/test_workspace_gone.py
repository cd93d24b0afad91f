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


def _started(workspace: Path, folder: Path, *, seen: Path, go: Path) -> subprocess.Popen[str]:
    """Run ``sync`` with a git that waits for *go* before it fetches anything."""
    folder.mkdir()
    waiting = folder / "git"
    waiting.write_text(_WAITING.format(seen=seen, go=go, git=shutil.which("git")))
    waiting.chmod(0o755)
    return subprocess.Popen(
        [str(executable()), "sync"],
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
