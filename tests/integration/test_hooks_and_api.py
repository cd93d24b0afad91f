"""The pre-commit hook, tried by pre-commit itself, and the Python API."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from git_hybrid import api
from support.cli import Hybrid
from support.kit import git
from support.upstream import Upstream, UpstreamFactory

PROJECT = Path(__file__).parents[2]
PRE_COMMIT = Path(sys.executable).with_name("pre-commit")
HOOK = Path(sys.executable).with_name("git-hybrid-hook-metadata")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    return upstream


@pytest.fixture
def committed(workspace: Path, tool: Upstream, hybrid: Hybrid) -> Path:
    git("init", "-q", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url)
    git("add", "sources.toml", "state", cwd=workspace)
    return workspace


def _hook(ws: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HOOK], cwd=ws, capture_output=True, text=True, check=False)


def test_the_hook_passes_what_agrees(committed: Path) -> None:
    done = _hook(committed)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_hook_looks_at_what_is_staged_not_at_the_disk(committed: Path) -> None:
    (committed / "sources.toml").write_text("schema_version = 99\n")
    assert _hook(committed).returncode == 0
    git("add", "sources.toml", cwd=committed)
    assert _hook(committed).returncode == 2


def test_the_hook_names_a_pin_that_the_manifest_left_behind(committed: Path) -> None:
    manifest = committed / "sources.toml"
    manifest.write_text(manifest.read_text().replace('branch = "main"', 'branch = "other"'))
    git("add", "sources.toml", cwd=committed)
    done = _hook(committed)
    assert done.returncode == 1
    assert "source.tool" in done.stdout
    assert "git hybrid pin tool" in done.stdout


def test_pre_commit_accepts_the_manifest_of_hooks() -> None:
    done = subprocess.run([PRE_COMMIT, "validate-manifest", ".pre-commit-hooks.yaml"], cwd=PROJECT, check=False)
    assert done.returncode == 0


@pytest.mark.timeout(400)
def test_pre_commit_installs_and_runs_the_hook(committed: Path, tmp_path: Path) -> None:
    repository = tmp_path / "project"
    git("clone", "-q", "--no-hardlinks", PROJECT, repository, cwd=tmp_path)
    command = [PRE_COMMIT, "try-repo", repository, "hybrid-metadata", "--all-files", "--verbose"]
    env = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "store")}
    done = subprocess.run(command, cwd=committed, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Passed" in done.stdout


def test_the_api_returns_what_the_commands_report(
    workspace: Path, tool: Upstream, hybrid: Hybrid, capfd: pytest.CaptureFixture[str]
) -> None:
    hybrid("init")
    hybrid("add", tool.url)
    report = api.sync_repos(root=workspace)
    assert [(row.name, row.outcome) for row in report.rows] == [("tool", "cloned")]
    moved = tool.commit({"a.txt": "two\n"})
    looked = api.pin(["tool"], root=workspace, dry_run=True)
    assert (looked.rows[0].outcome, looked.rows[0].after) == ("would-pin", moved)
    assert api.pin(["tool"], root=workspace).rows[0].outcome == "pinned"
    assert [row.word for row in api.status(root=workspace).rows] == ["behind"]
    (workspace / "sources/tool/a.txt").write_text("mine\n")
    blocked = api.sync_repos(root=workspace)
    assert (blocked.rows[0].outcome, api.exit_code(blocked)) == ("blocked", 3)
    assert capfd.readouterr() == ("", "")
