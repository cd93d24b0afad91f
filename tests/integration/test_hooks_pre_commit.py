"""The hooks as the pre-commit framework runs them, from a clone of the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from support.cli import Hybrid, merged_env
from support.kit import git, git_env_path
from support.upstream import UpstreamFactory

PROJECT = Path(__file__).parents[2]
PRE_COMMIT = Path(sys.executable).with_name("pre-commit")


def test_pre_commit_accepts_the_manifest_of_hooks() -> None:
    done = subprocess.run([PRE_COMMIT, "validate-manifest", ".pre-commit-hooks.yaml"], cwd=PROJECT, check=False)
    assert done.returncode == 0


def test_every_hook_has_a_file_and_an_entry() -> None:
    manifest = (PROJECT / ".pre-commit-hooks.yaml").read_text()
    entries = set(re.findall(r"entry: git-hybrid-hook-([a-z-]+)", manifest))
    files = {path.stem.replace("_", "-") for path in (PROJECT / "hooks").glob("*.py")} - {"--init--"}
    assert entries == files
    scripts = re.findall(r"^git-hybrid-hook-([a-z-]+) =", (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)
    assert set(scripts) == entries
    assert "python -m" not in manifest


def test_no_hook_passes_over_a_commit_that_only_deletes() -> None:
    """pre-commit looks for the files that a commit adds or changes: a hook that waits for some misses what goes."""
    manifest = (PROJECT / ".pre-commit-hooks.yaml").read_text()
    hooks = manifest.split("- id: ")[1:]
    assert hooks
    assert [hook for hook in hooks if "always_run: true" not in hook or "files:" in hook] == []


@pytest.mark.timeout(400)
def test_pre_commit_installs_and_runs_every_hook(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory, tmp_path: Path
) -> None:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    git("init", "-q", cwd=workspace)
    hybrid("init")
    hybrid("add", upstream.url)
    git("add", "-A", cwd=workspace)
    repository = tmp_path / "project"
    git("clone", "-q", "--no-hardlinks", PROJECT, repository, cwd=tmp_path)
    command = [PRE_COMMIT, "try-repo", repository, "--all-files", "--verbose"]
    path = f"{PRE_COMMIT.parent}{os.pathsep}{os.environ['PATH']}"
    env = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "store"), "PATH": path}
    done = subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    hooks = (PROJECT / ".pre-commit-hooks.yaml").read_text().count("- id:")
    assert done.stdout.count("Passed") == hooks, done.stdout


def test_the_first_push_of_a_history_is_checked_as_it_is_pushed(tmp_path: Path) -> None:
    """pre-commit names no commit where all of a history is pushed, nor is it the one that is checked out."""
    hook = "{id: x, name: x, entry: git-hybrid-hook-check, language: system, always_run: true, pass_filenames: false}"
    (tmp_path / ".pre-commit-config.yaml").write_text(f"repos: [{{repo: local, hooks: [{hook}]}}]\n")
    git("init", "-q", "-b", "main", cwd=tmp_path)
    git("init", "-q", "--bare", "remote", cwd=tmp_path)
    for branch in ("main", "bad"):
        git("checkout", "-q", "-b", branch, cwd=tmp_path)
        git("add", ".pre-commit-config.yaml", *tmp_path.glob("sources.toml"), cwd=tmp_path)
        git("commit", "-q", "-m", branch, cwd=tmp_path)
        (tmp_path / "sources.toml").write_text("nonsense\n")
    git("checkout", "-q", "main", cwd=tmp_path)
    (tmp_path / ".git/hooks/pre-push").write_text(
        f'#!/bin/sh\nexec {PRE_COMMIT} hook-impl --config=.pre-commit-config.yaml --hook-type=pre-push --hook-dir . -- "$@"\n'
    )
    (tmp_path / ".git/hooks/pre-push").chmod(0o755)
    env = merged_env(git_env_path() | {"PRE_COMMIT_HOME": str(tmp_path / "store")})
    argv = ["git", "push", "-q", "remote", "bad"]
    done = subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "error: sources.toml: " in done.stdout
