"""Rules of a scanner in the workspace: which files count, for the scan, for `check scans` and for the hook."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.kit import git, started
from support.scanners import a_scanner
from support.upstream import Upstream, UpstreamFactory

CHANGED = "its scan is stale: the rules or the program of a scanner changed since"


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"README": "hello\n"})
    return upstream


@pytest.fixture
def rules(hybrid: Hybrid, workspace: Path, tool: Upstream) -> Path:
    """Return the folder of rules of a scanner in a workspace without a scan."""
    git("init", "-q", "-b", "main", cwd=workspace)
    started(hybrid, tool.url)
    a_scanner(workspace / "own")
    folder = workspace / "rules"
    folder.mkdir()
    (folder / "a.yml").write_text("One\n")
    command = json.dumps(["./own", "{report}", "{path}", "--config={root}/rules"])
    with (workspace / "sources.toml").open("a") as manifest:
        manifest.write(f'[[scanner]]\nname = "own"\ncommand = {command}\n')
    return folder


def hook(workspace: Path, revision: str = "", **env: str) -> str:
    env |= {"PRE_COMMIT_TO_REF": git("rev-parse", revision, cwd=workspace)} if revision else {}
    return run_hybrid(program="git-hybrid-hook-scans", cwd=workspace, env=env, check=None).out


def commit(workspace: Path) -> None:
    git("add", "-A", cwd=workspace)
    assert hook(workspace) == ""
    git("commit", "-q", "-m", "x", cwd=workspace)


def check_of_a_clone(hybrid: Hybrid, workspace: Path, *settings: str) -> int:
    folder = workspace.parent / "other"
    git("clone", "-q", *settings, workspace, folder, cwd=workspace)
    return hybrid("-C", folder, "check", "scans", check=None).code


def test_what_git_ignores_in_a_folder_of_rules_does_not_count(hybrid: Hybrid, workspace: Path, rules: Path) -> None:
    (workspace / ".gitignore").write_text(".DS_Store\n")
    (rules / ".DS_Store").write_text("mine alone\n")
    hybrid("scan")
    commit(workspace)
    assert check_of_a_clone(hybrid, workspace) == 0
    (rules / ".DS_Store").unlink()
    assert "stale" not in hybrid("status", "--porcelain").out


def test_a_rule_that_nobody_added_is_told_with_what_adds_it(hybrid: Hybrid, workspace: Path, rules: Path) -> None:
    hybrid("scan")
    commit(workspace)
    (rules / "new.yml").write_text("two\n")
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert CHANGED in (told := hook(workspace))
    assert "mend: git add -- rules/new.yml\n" in told
    # git forgets with the commit what -a has staged.
    hybrid("hooks", "install")
    done = subprocess.run(["git", "commit", "-qam", "x"], cwd=workspace, capture_output=True, text=True, check=False)
    assert "mend: git add -- sources.toml state rules/new.yml\n" in done.stdout + done.stderr
    hybrid("hooks", "uninstall")
    # Nor is one that git was told to take as unchanged.
    (rules / "new.yml").unlink()
    (rules / "a.yml").write_text("mine alone\n")
    git("update-index", "--assume-unchanged", "rules/a.yml", cwd=workspace)
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert CHANGED in hook(workspace)
    git("update-index", "--no-assume-unchanged", "rules/a.yml", cwd=workspace)
    (rules / "a.yml").write_text("One\n")
    (rules / "new.yml").write_text("two\n")
    hybrid("scan")
    git("add", "state", cwd=workspace)
    # The hook before a push sees a commit that was made without the other one.
    git("commit", "-q", "-m", "forgotten", cwd=workspace)
    assert "mend: git add -- rules/new.yml, then git hybrid scan tool\n" in hook(workspace, "HEAD")
    commit(workspace)
    assert hook(workspace, "HEAD") == ""
    assert check_of_a_clone(hybrid, workspace) == 0


def test_a_rule_that_is_gone_from_the_disk_is_told_with_what_commits_that(
    hybrid: Hybrid, workspace: Path, rules: Path
) -> None:
    (rules / "b.yml").write_text("Two\n")
    hybrid("scan")
    commit(workspace)
    (rules / "b.yml").unlink()
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert "\n  mend: git add -- rules/b.yml\n" in hook(workspace)
    git("add", "--", "rules/b.yml", cwd=workspace)
    assert hook(workspace) == ""
    git("commit", "-q", "-m", "x", cwd=workspace)
    shutil.copytree(rules, workspace / "kept")
    shutil.rmtree(rules)
    hybrid("scan")
    git("add", "state", cwd=workspace)
    hybrid("check", "scans")
    assert "\n  mend: git add -- rules\n" in hook(workspace)
    rules.write_text("a file in its place\n")
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert "\n  mend: git add -- rules\n" in hook(workspace)
    rules.unlink()
    shutil.move(workspace / "kept", rules)
    # What a sparse checkout leaves out is not taken out.
    git("update-index", "--skip-worktree", "rules/a.yml", cwd=workspace)
    (rules / "a.yml").unlink()
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert CHANGED in (told := hook(workspace))
    assert "rules/a.yml" not in told


def test_many_rules_are_added_by_their_folder(hybrid: Hybrid, workspace: Path, rules: Path) -> None:
    hybrid("scan")
    commit(workspace)
    for number in range(6):
        (rules / f"{number}.yml").write_text("More\n")
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert "\n  mend: git add -- rules\n" in hook(workspace)
    git("add", "--", "rules", cwd=workspace)
    assert hook(workspace) == ""


def test_before_a_push_the_disk_is_read_only_if_something_is_amiss(
    hybrid: Hybrid, workspace: Path, rules: Path, tmp_path: Path
) -> None:
    hybrid("scan")
    commit(workspace)
    (rules / "new.yml").write_text("Two\n")
    asked, logging = tmp_path / "asked", tmp_path / "bin/git"
    logging.parent.mkdir()
    logging.write_text(f'#!/bin/sh\necho "$*" >> {asked}\nexec {shutil.which("git")} "$@"\n')
    logging.chmod(0o755)
    path = f"{logging.parent}:{os.environ['PATH']}"
    assert hook(workspace, "HEAD", PATH=path) == ""
    assert "--others" not in asked.read_text()
    hybrid("scan")
    git("commit", "-q", "-m", "forgotten", "--", "state", cwd=workspace)
    assert CHANGED in hook(workspace, "HEAD", PATH=path)
    assert "--others" in asked.read_text()


def test_a_commit_of_another_branch_is_judged_by_its_own_rules(hybrid: Hybrid, workspace: Path, rules: Path) -> None:
    hybrid("scan")
    commit(workspace)
    git("switch", "-q", "-c", "feature", cwd=workspace)
    (rules / "more.yml").write_text("two\n")
    hybrid("scan")
    commit(workspace)
    assert hook(workspace, "main") == hook(workspace, "feature") == ""


def test_a_folder_with_a_link_is_another_one_on_each_machine(hybrid: Hybrid, workspace: Path, rules: Path) -> None:
    (rules / "everything").symlink_to(workspace.parent)
    (rules / "link.yml").symlink_to(workspace.parent / "elsewhere.yml")
    (workspace.parent / "elsewhere.yml").write_text("mine alone\n")
    hybrid("scan")
    commit(workspace)
    assert check_of_a_clone(hybrid, workspace) == 0
    (workspace.parent / "elsewhere.yml").write_text("changed\n")
    assert "stale" in hybrid("status", "--porcelain").out


@pytest.mark.parametrize("attributes", ["filter=shout", "text eol=crlf"])
def test_rules_that_git_writes_in_another_way_are_held_against_what_it_writes(
    hybrid: Hybrid, workspace: Path, rules: Path, attributes: str
) -> None:
    for key, value in {"clean": "tr A-Z a-z", "smudge": "tr a-z A-Z", "required": "true"}.items():
        git("config", "--global", f"filter.shout.{key}", value, cwd=workspace)
    (workspace / ".gitattributes").write_text(f"*.yml {attributes}\n")
    (rules / "a.yml").write_text("ONE\r\n")
    hybrid("scan")
    commit(workspace)
    assert hook(workspace, "HEAD") == ""
    clone = ("-c", "filter.shout.smudge=tr a-z A-Z", "-c", "filter.shout.required=true")
    assert check_of_a_clone(hybrid, workspace, *clone) == 0
    # What is changed there is in no commit yet.
    (rules / "a.yml").write_text("TWO\r\n")
    hybrid("scan")
    git("add", "state", cwd=workspace)
    assert "mend: git add -- rules/a.yml\n" in hook(workspace)
    # Of a commit that is not on the disk nobody can tell.
    git("switch", "-q", "-c", "next", cwd=workspace)
    commit(workspace)
    assert hook(workspace, "main") == ""


def test_whose_settings_stand_in_the_workspace_runs_no_filter(
    hybrid: Hybrid, workspace: Path, rules: Path, tmp_path: Path
) -> None:
    """Times that leave a doubt have git compare through a filter: whoever packed the workspace chose both."""
    hybrid("scan")
    commit(workspace)
    ran, file, index = tmp_path / "ran", rules / "a.yml", workspace / ".git/index"
    for setting in (("core.checkStat", "minimal"), ("core.trustCtime", "false"), ("filter.x.required", "true")):
        git("config", *setting, cwd=workspace)
    git("config", "filter.x.clean", f"touch {ran}; cat", cwd=workspace)
    (workspace / ".git/info/attributes").write_text("rules/* filter=x\n")
    file.write_text("Two\n")
    entry = git("ls-files", "--debug", "rules/a.yml", cwd=workspace)
    moment = int(entry.partition("mtime: ")[2].partition(":")[0])
    for path in (file, index):
        os.utime(path, ns=(moment * 10**9, moment * 10**9))
    hybrid("check", "scans", "--staged", check=None)
    hook(workspace)
    assert not ran.exists()
    # By itself git would run it.
    git("diff-files", "--name-only", cwd=workspace)
    assert ran.exists()
