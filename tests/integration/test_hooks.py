"""The hooks: each passes a good workspace and stops each kind of bad one, as plain git hooks and in all ways to commit."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid import __version__
from support.beginning import Beginning
from support.cli import Hybrid, executable, run_hybrid
from support.kit import git, git_env_path
from support.points import stopped_at
from support.upstream import Upstream, UpstreamFactory

HOOKS = ("metadata", "overrides", "audit", "sources", "open-issues", "check")
FORCE = ("--force", "--request", "CHG-1", "--approver", "bob@example.org", "--reason", "hotfix", "--expires", "20d")


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    upstream.commit({"a.txt": "one\n"})
    upstream.commit({"a.txt": "two\n"})
    return upstream


@pytest.fixture
def committed(workspace: Path, tool: Upstream, hybrid: Hybrid, beginning: Beginning) -> Path:
    def make() -> None:
        git("init", "-q", "-b", "main", cwd=workspace)
        hybrid("init")
        hybrid("add", tool.url, "--name", "tool")
        hybrid("sync")
        git("add", "-A", cwd=workspace)
        git("commit", "-q", "-m", "vendor", cwd=workspace)

    beginning(workspace, make)
    return workspace


def hook(name: str, ws: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([name], *answered(name, ws=ws))


def answered(name: str, *words: str, ws: Path) -> tuple[int, str, str]:
    done = run_hybrid(*words, program=f"git-hybrid-hook-{name}", cwd=ws, check=None)
    return done.code, done.out, done.err


def stage(ws: Path, name: str, old: str, new: str) -> None:
    path = ws / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    git("add", "-f", name, cwd=ws)


def write(ws: Path, name: str, text: str) -> None:
    path = ws / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    git("add", "-f", name, cwd=ws)


def cut_the_log(ws: Path) -> None:
    path = ws / "state/sources-audit.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    git("add", "state", cwd=ws)


def edit_a_record(ws: Path) -> None:
    stage(ws, "state/sources-audit.jsonl", '"event":"pin"', '"event":"pun"')


def commit_a_clone(ws: Path) -> None:
    write(ws, "sources/other/file", "x\n")


def move_a_clone(ws: Path) -> None:
    (clone,) = (path for path in (ws / "sources").iterdir() if path.is_dir() and not path.name.startswith("."))
    git("reset", "-q", "--hard", "HEAD~1", cwd=clone)


def lose_the_open_issues(ws: Path) -> None:
    write(ws, "specs/x/spec.md", "# X\n\n## Requirements\n")


def point_nowhere(ws: Path) -> None:
    write(ws, "specs/x/spec.md", "# X\n\n## Open Issues\n\nSee `docs/none.md`.\n")


BAD: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "a pin of another entry": (
        "metadata",
        lambda ws: stage(ws, "sources.toml", 'branch = "main"', 'branch = "other"'),
        "git hybrid pin",
    ),
    "a log that was cut": ("audit", cut_the_log, "restore"),
    "a record that was edited": ("audit", edit_a_record, "edited after it was written"),
    "a clone that is committed": ("sources", commit_a_clone, "git rm -r -f --cached"),
    "a folder where a file is written first": (
        "sources",
        lambda ws: write(ws, "state/sources.json.tmp/x", "x"),
        "git rm -r --cached --ignore-unmatch -- state/sources.json.tmp\n",
    ),
    "a clone elsewhere": ("sources", move_a_clone, ", then git hybrid reset "),
    "a specification without the section": ("open-issues", lose_the_open_issues, "## Open Issues"),
    "a pointer to nothing": ("open-issues", point_nowhere, "name the path"),
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_passes_what_agrees(name: str, committed: Path) -> None:
    if name == "sources":
        # git packs a branch sooner or later.
        git("switch", "-q", "-c", "mine", cwd=committed / "sources/tool")
        git("pack-refs", "--all", cwd=committed / "sources/tool")
    before = {path: path.read_bytes() for path in committed.rglob("*") if path.is_file()}
    done = hook(name, committed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert {path: path.read_bytes() for path in committed.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("case", BAD)
def test_a_hook_stops_what_does_not(case: str, committed: Path) -> None:
    name, break_it, mend = BAD[case]
    break_it(committed)
    for each in HOOKS:
        done = hook(each, committed)
        assert done.returncode == (1 if each in (name, "check") else 0), (each, done.stdout)
    found = hook(name, committed).stdout
    assert mend in found
    assert [line.split(" ")[0] or line[:7] for line in found.splitlines()[:3]] == ["fail", "  why: ", "  mend:"]


def test_a_clone_that_is_staged_is_taken_out_as_the_hook_says(committed: Path) -> None:
    before = git("ls-files", "-s", cwd=committed)
    for folder in "abcde":
        write(committed, f"sources/{folder}/x", "x")
    git("add", "-f", "sources/tool", cwd=committed)
    # As git refuses to take out by itself: neither as on the disk nor as in HEAD.
    git("commit", "-q", "--no-verify", "--allow-empty", "-m", "x", cwd=committed / "sources/tool")
    told = hook("sources", committed).stdout
    mends = re.findall(r"  mend: to keep it, .* goes by: (git rm .*)", told)
    (look,) = re.findall(r"  mend: do the same with each of these: git (ls-files .*)", told)
    assert git(*shlex.split(look), cwd=committed).endswith("\nsources/tool")
    for mend in mends:
        git(*shlex.split(mend)[1:], cwd=committed)
    (mend,) = re.findall(r"  mend: (git rm .*)", hook("sources", committed).stdout)
    git(*shlex.split(mend)[1:], cwd=committed)
    assert (len(mends), git("ls-files", "-s", cwd=committed)) == (5, before)


def test_code_that_is_staged_below_sources_is_kept_as_the_hook_says(committed: Path) -> None:
    write(committed, "sources/main.c", "int main;")
    (mend,) = re.findall(r"  mend: to keep it, move it out: (git mv .*);", hook("sources", committed).stdout)
    git(*shlex.split(mend)[1:], cwd=committed)
    assert hook("sources", committed).returncode == 0
    assert git("show", ":NEW", cwd=committed) == "int main;"


def test_the_overrides_hook_stops_an_override_without_its_record(
    committed: Path, tool: Upstream, hybrid: Hybrid
) -> None:
    first = tool.rev("main~1")
    hybrid("pin", "tool", "--to", first, *FORCE)
    git("add", "-A", cwd=committed)
    assert hook("overrides", committed).returncode == 0
    overrides = committed / "state/sources-overrides.json"
    document = json.loads(overrides.read_text())
    document["overrides"] = []
    overrides.write_text(json.dumps(document))
    git("add", "-A", cwd=committed)
    done = hook("overrides", committed)
    assert done.returncode == 1
    assert "has no record in state/sources-overrides.json" in done.stdout
    assert "mend: git hybrid override restore ovr-" in done.stdout


def test_a_file_that_cannot_be_read_is_status_2(committed: Path) -> None:
    write(committed, "sources.toml", "schema_version = 99\n")
    assert hook("check", committed).returncode == 2


def test_what_is_staged_counts_and_not_the_disk(committed: Path) -> None:
    (committed / "sources.toml").write_text("schema_version = 99\n")
    (committed / "state/sources-audit.jsonl").write_text("")
    assert hook("metadata", committed).returncode == 0
    assert hook("audit", committed).returncode == 0
    git("add", "-A", cwd=committed)
    assert hook("metadata", committed).returncode == 2


def test_a_run_that_is_half_written_comes_to_its_end_first(committed: Path, hybrid: Hybrid) -> None:
    words = ["mirror", "add", "corp", "file:///corp", "--owner", "ops"]
    stopped_at("state/sources-mirrors.json", words, cwd=committed)
    git("add", "-A", cwd=committed)
    told = hook("audit", committed)
    assert (told.returncode, told.stdout.splitlines()[0]) == (1, "first: git hybrid resume")
    hybrid("resume")
    git("add", "-A", cwd=committed)
    assert hook("audit", committed).returncode == 0


def test_an_override_that_is_not_staged_is_missing_from_the_commit(
    committed: Path, tool: Upstream, hybrid: Hybrid
) -> None:
    hybrid("pin", "tool", "--to", tool.rev("main~1"), *FORCE)
    hybrid("sync")
    git("add", "state/sources.lock", "state/sources.json", "state/sources-audit.jsonl", cwd=committed)
    for name in ("overrides", "audit", "check"):
        done = hook(name, committed)
        fails = done.stdout.split("fail ")[1:]
        assert done.returncode == 1
        assert fails
        assert all("  mend: git add -- state/sources-overrides.json\n" in fail for fail in fails)
    git("add", "state", cwd=committed)
    assert (hook("check", committed).returncode, hook("check", committed).stdout) == (0, "")


@pytest.mark.parametrize("left_out", ["state/sources-audit.jsonl", "state/sources.lock", "state/sources.json"])
def test_what_belongs_together_is_staged_together(
    left_out: str, committed: Path, tool: Upstream, hybrid: Hybrid
) -> None:
    tool.commit({"a.txt": "three\n"})
    hybrid("pin", "--all")
    hybrid("sync")
    git("add", "-A", cwd=committed)
    git("reset", "-q", left_out, cwd=committed)
    done = hook("check", committed)
    # The state before the move is whole in itself: what is installed is told of when it is committed.
    assert done.returncode == (0 if left_out == "state/sources.json" else 1)
    assert done.stdout.count("fail ") == done.stdout.count(f"mend: git add -- {left_out}\n")
    assert "then: " not in done.stdout


def test_state_that_was_never_committed_says_nothing_of_another_commit(
    workspace: Path, tool: Upstream, hybrid: Hybrid
) -> None:
    git("init", "-q", "-b", "main", cwd=workspace)
    hybrid("init")
    hybrid("add", tool.url, "--name", "tool")
    git("add", "-A", cwd=workspace)
    git("commit", "-q", "-m", "pin", cwd=workspace)
    hybrid("sync")
    write(workspace, "notes.txt", "x\n")
    done = hook("check", workspace)
    assert (done.returncode, done.stdout.splitlines()[0]) == (
        0,
        "warn state/sources.json: index: is on the disk, and will not be in the commit",
    )
    git("add", "state/sources.json", cwd=workspace)
    found = hook("check", workspace)
    assert found.returncode == 1
    assert "mend: git add -- state/sources-audit.jsonl\n" in found.stdout
    assert hybrid("check", "--staged", check=None).out.count("git add -- state/sources-audit.jsonl\n") == 1
    git("add", "-A", cwd=workspace)
    assert (hook("check", workspace).returncode, hook("check", workspace).stdout) == (0, "")


def test_what_a_command_mends_is_to_be_staged_too(committed: Path) -> None:
    move_a_clone(committed)
    assert hook("sources", committed).stdout.splitlines()[-1] == "then: git add -- sources.toml state"


def test_a_file_taken_out_of_the_index_is_gone(committed: Path) -> None:
    git("rm", "-q", "--cached", "state/sources-audit.jsonl", cwd=committed)
    assert hook("audit", committed).returncode == 1


def test_a_workspace_in_a_folder_of_the_repository_is_found(committed: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    (committed / ".git").rename(tmp_path / "old")
    committed.rename(outer / "infra")
    git("init", "-q", "-b", "main", cwd=outer)
    git("add", "-A", cwd=outer)
    git("commit", "-q", "-m", "all", cwd=outer)
    assert hook("check", outer).returncode == 0
    commit_a_clone(outer / "infra")
    assert hook("sources", outer).returncode == 1


def _commit(ws: Path, *options: str, env: dict[str, str] | None = None) -> int:
    argv = ["git", "commit", "-q", "--no-edit", "-m", "x", *options]
    return subprocess.run(argv, cwd=ws, capture_output=True, check=False, env=os.environ | (env or {})).returncode


@pytest.fixture
def hooked(committed: Path, hybrid: Hybrid) -> Path:
    hybrid("hooks", "install", "--pre-commit", "--pre-push")
    (committed / "notes.txt").write_text("x\n")
    git("add", "notes.txt", cwd=committed)
    return committed


@pytest.mark.parametrize("options", [(), ("-a",), ("--amend",)], ids=["staged", "all", "amend"])
def test_a_commit_passes_and_is_stopped(options: tuple[str, ...], hooked: Path) -> None:
    assert _commit(hooked, *options) == 0
    manifest = hooked / "sources.toml"
    manifest.write_text(manifest.read_text().replace('branch = "main"', 'branch = "other"'))
    if options != ("-a",):
        git("add", "sources.toml", cwd=hooked)
    assert _commit(hooked, *options) != 0


def test_a_push_passes_while_the_next_pin_is_tried(committed: Path, hybrid: Hybrid, tool: Upstream) -> None:
    env = {"PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_TO_REF": git("rev-parse", "HEAD", cwd=committed)}

    def before_a_push() -> tuple[int, str]:
        done = run_hybrid(program="git-hybrid-hook-sources", cwd=committed, env=env, check=None)
        return done.code, done.out

    tool.commit({"README": "next\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    code, told = before_a_push()
    assert (code, "warn sources/tool: HEAD: stands at " in told) == (0, True)
    # What stands there was pinned by nobody.
    git("checkout", "-q", "HEAD", "--", "state", cwd=committed)
    assert before_a_push()[0] == 1
    (committed / "state/sources.lock").write_text("broken")
    assert before_a_push()[0] == 1


def test_a_commit_from_a_folder_and_a_worktree(hooked: Path, tmp_path: Path) -> None:
    assert _commit(hooked / "state") == 0
    other = tmp_path / "tree"
    git("worktree", "add", "-q", str(other), "-b", "side", cwd=hooked)
    write(other, "notes.txt", "y\n")
    assert _commit(other) == 0
    edit_a_record(other)
    assert _commit(other) != 0


def test_a_merge_of_branches_that_both_wrote(hooked: Path, tool: Upstream, hybrid: Hybrid) -> None:
    assert _commit(hooked) == 0
    for branch, operator in (("left", "L <l@example.org>"), ("right", "R <r@example.org>")):
        git("checkout", "-q", "-b", branch, "main", cwd=hooked)
        tool.commit({f"{branch}.txt": "x\n"})
        hybrid("add", tool.url, "--name", branch, env={"GIT_HYBRID_OPERATOR": operator})
        git("add", "-A", cwd=hooked)
        assert _commit(hooked) == 0
    git("merge", "-q", "--no-commit", "left", cwd=hooked, check=False)
    git("checkout", "--ours", "sources.toml", "state/sources.lock", cwd=hooked)
    git("add", "-A", cwd=hooked)
    assert hook("audit", hooked).returncode == 0
    assert _commit(hooked) == 0
    assert hybrid("audit", "verify").code == 0


@pytest.mark.parametrize("maker", ["me", "pre-commit: https://pre-commit.com"])
def test_the_line_that_is_told_works_in_a_hook_that_ends_early(committed: Path, hybrid: Hybrid, maker: str) -> None:
    path = committed / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n# File generated by {maker}\nexec true\n")
    path.chmod(0o755)
    told = hybrid("hooks", "install", check=2).err
    assert ("hybrid-check-installed in .pre-commit-config.yaml" in told) == maker.startswith("pre-commit")
    (hint,) = (line for line in told.splitlines() if line.startswith("hint: "))
    # Before a push both would read what git tells: the framework gives it to a hook that was there before its own.
    path.with_name("pre-push").write_bytes(path.read_bytes())
    pushing = hybrid("hooks", "install", "--pre-push", check=2).err
    assert ("hint: pre-commit uninstall -t pre-push, then git" in pushing) == maker.startswith("pre-commit")
    # Where that was done ours is there, and is found again; no other hook runs what stands beside it.
    made = path.with_name("pre-push").read_bytes()
    path.with_name("pre-push").unlink()
    hybrid("hooks", "install", "--pre-push")
    aside = path.with_name("pre-push").rename(path.with_name("pre-push.legacy"))
    path.with_name("pre-push").write_bytes(made)
    hybrid("hooks", "install", "--pre-push", check=0 if maker.startswith("pre-commit") else 2)
    hybrid("hooks", "uninstall", "--pre-push")
    assert aside.exists() == (maker == "me")
    first, rest = path.read_text().split("\n", 1)
    path.write_text(f"{first}\n{hint.rpartition(': ')[2]}\n{rest}")
    assert _commit(committed, "--allow-empty", env=git_env_path()) == 0
    (committed / "sources.toml").write_text("schema_version = 0\n")
    git("add", "-A", cwd=committed)
    assert _commit(committed, env=git_env_path()) != 0


def test_a_hook_whose_program_is_gone_says_how_it_is_taken_out(hooked: Path, tmp_path: Path) -> None:
    hooked = hooked.rename(hooked.with_name("it's"))
    path = hooked / ".git/hooks/pre-commit"
    path.write_text(path.read_text().replace(str(executable("git-hybrid-hook-check")), "/nowhere/x"))
    argv, env = ["git", "commit", "-q", "-m", "x"], os.environ | {"PATH": os.defpath}
    done = subprocess.run(argv, cwd=hooked / "state", capture_output=True, text=True, check=False, env=env)
    first, hint = done.stderr.splitlines()
    assert (done.returncode, first) == (1, "error: git hybrid is not installed")
    subprocess.run(hint.rpartition(": ")[2], shell=True, check=True, cwd=tmp_path)
    assert _commit(hooked, env={"PATH": os.defpath}) == 0


def test_hooks_are_taken_out_where_the_workspace_is_already(hooked: Path, hybrid: Hybrid) -> None:
    hybrid("remove", "tool")
    git("add", "-A", cwd=hooked)
    git("rm", "-q", "-r", "-f", "sources.toml", "state", "sources", ".gitattributes", cwd=hooked)
    assert _commit(hooked) == 0
    assert hybrid("hooks", "uninstall").out.count("removed ") == 2
    assert hybrid("hooks", "uninstall", "--json").json()["removed"] == []


def test_a_hook_of_the_user_is_kept(committed: Path, hybrid: Hybrid) -> None:
    path = committed / ".git/hooks/pre-commit"
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    done = hybrid("hooks", "install", check=None)
    assert done.code == 2
    # git runs a hook from whatever shell, also where no PATH has the program.
    assert f": {executable('git-hybrid-hook-check')} || exit 1" in done.err
    assert path.read_text() == "#!/bin/sh\nexit 0\n"
    hybrid("hooks", "uninstall")
    assert path.exists()


def test_it_is_told_where_the_hook_is_of_other_repositories_too(
    committed: Path, hybrid: Hybrid, tmp_path: Path
) -> None:
    git("config", "core.hooksPath", tmp_path / "hooks", cwd=committed)
    note = f"note: {tmp_path}/hooks is not of this repository alone, "
    assert note in hybrid("hooks", "install").err
    assert note in hybrid("hooks", "install").err
    git("worktree", "add", "-q", tmp_path / "linked", cwd=committed)
    git("config", "--unset", "core.hooksPath", cwd=committed)
    assert hybrid("hooks", "install", cwd=tmp_path / "linked").err == ""


def test_hooks_go_where_git_looks_for_them(committed: Path, hybrid: Hybrid) -> None:
    git("config", "core.hooksPath", "my-hooks", cwd=committed)
    hybrid("hooks", "install")
    assert os.access(committed / "my-hooks/pre-commit", os.X_OK)
    told = hybrid("hooks", "uninstall", "--pre-push", "--pre-merge-commit").err
    assert told == "no pre-merge-commit or pre-push hook of git hybrid here\n"
    hybrid("hooks", "uninstall")
    assert not (committed / "my-hooks/pre-commit").exists()


@pytest.mark.parametrize(("name", "more"), [("pre-commit", ""), ("pre-push", " --pre-push")])
def test_a_folder_that_husky_makes_anew_is_left_alone(name: str, more: str, committed: Path, hybrid: Hybrid) -> None:
    git("config", "core.hooksPath", ".husky/_", cwd=committed)
    (committed / ".husky/_").mkdir(parents=True)
    (committed / ".husky/_/pre-commit").write_text('#!/usr/bin/env sh\n. "$(dirname "$0")/h"\n')
    told = hybrid("hooks", "install", f"--{name}", check=2).err
    assert "but husky makes it anew, and runs what stands above it" in told
    line = f"git-hybrid-hook-check{more} || exit 1"
    assert f"hint: put this line first into .husky/{name}, which is committed: {line}\n" in told
    assert not (committed / ".husky/_/pre-push").exists()


def test_a_hook_that_may_not_be_run_is_told_of(committed: Path, hybrid: Hybrid) -> None:
    hybrid("hooks", "install", "--pre-commit", "--pre-push")
    path, others = committed / ".git/hooks/pre-push", committed / ".git/hooks/pre-merge-commit"
    others.write_text("#!/bin/sh\n")
    assert [item for item in hybrid("diag", "--json").json()["findings"] if item["name"] == "hook"] == []
    # As a copy of the repository by way of a file system without modes has it.
    path.chmod(0o644)
    done = hybrid("diag", "--json", check=1)
    (found,) = (item for item in done.json()["findings"] if item["name"] == "hook")
    assert found["level"] == "fail"
    assert found["what"].startswith(f"{path} may not be run")
    hybrid(*found["remedy"].split()[2:])
    assert os.access(path, os.X_OK)
    hybrid("diag")


def test_hooks_outside_of_git(workspace: Path, hybrid: Hybrid) -> None:
    hybrid("init")
    assert hybrid("hooks", "install", check=None).code == 2
    assert hook("check", workspace).returncode == 0


@pytest.mark.parametrize("words", [["--pre-psh"], ["--bogus"], ["-q"], ["--pre-push", "--pre-push=yes"], ["a", "-x"]])
def test_an_option_that_a_hook_does_not_know_is_refused(committed: Path, words: list[str]) -> None:
    cut_the_log(committed)
    code, out, err = answered("check", *words, ws=committed)
    usage = "usage: git-hybrid-hook-check [--pre-push] [--] [FILE]..."
    assert (code, out, err.splitlines()) == (2, "", [f"error: no such option: {words[-1]}", usage])


def test_a_hook_answers_to_help_and_version(workspace: Path) -> None:
    for word in ("-h", "--help"):
        code, out, err = answered("audit", word, ws=workspace)
        assert (code, err) == (0, "")
        assert out.startswith("Usage: git-hybrid-hook-audit [--pre-push]")
    assert answered("audit", "--version", ws=workspace) == (0, f"git-hybrid-hook-audit version {__version__}\n", "")


@pytest.mark.parametrize("words", [["sources.toml", "-"], ["--", "--help", "--pre-push"]])
def test_file_names_change_nothing_for_a_hook(committed: Path, words: list[str]) -> None:
    assert answered("check", *words, ws=committed) == (0, "", "")
    cut_the_log(committed)
    assert answered("check", *words, ws=committed)[0] == 1


def test_where_git_is_told_to_run_no_hooks_none_is_written(hybrid: Hybrid, workspace: Path) -> None:
    git("init", "-q", cwd=workspace)
    hybrid("init")
    git("config", "core.hooksPath", os.devnull, cwd=workspace)
    told = hybrid("hooks", "install", check=2).err
    assert "core.hooksPath" in told.splitlines()[0]
    assert "hint: git config --show-origin core.hooksPath" in told
    hybrid("hooks", "uninstall")
