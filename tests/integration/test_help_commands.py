"""`config`, `install-man` and `help`: what a user asks about the program itself."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from git_hybrid.cli.manual import error_entry
from git_hybrid.cli.remedies import REMEDIES
from support.cli import Hybrid, run_hybrid
from support.kit import changes, git, snapshot, write_manifest
from support.terminal import in_terminal

CANARY = "c4n4ryS3cr3t99"
MANIFEST = """
[defaults]
jobs = 3
retry = { attempts = 2 }
[policy]
scan_max_age = "14d"
hosts = ["b.example", "a.example"]
"""


def _origins(hybrid: Hybrid, env: dict[str, str | None] | None = None) -> dict[str, tuple[str, str]]:
    lines = hybrid("config", "--show-origin", env=env).out.splitlines()
    pairs = (line.split("\t", 1) for line in lines)
    return {text.partition("=")[0]: (text.partition("=")[2], origin) for origin, text in pairs}


def test_where_each_setting_comes_from(hybrid: Hybrid, workspace: Path) -> None:
    write_manifest(workspace, MANIFEST)
    before = snapshot(workspace)
    env: dict[str, str | None] = {
        "GIT_HYBRID_LOCK_TIMEOUT": "3s",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "hybrid.jobs",
        "GIT_CONFIG_VALUE_0": "5",
        "GIT_CONFIG_KEY_1": "hybrid.lockTimeout",
        "GIT_CONFIG_VALUE_1": "9s",
    }
    found = _origins(hybrid, env)
    assert found["hybrid.lockTimeout"] == ("3s", "environment: GIT_HYBRID_LOCK_TIMEOUT")
    assert found["hybrid.jobs"] == ("5", "command line:")
    assert found["hybrid.offline"] == ("0", "default")
    assert found["defaults.jobs"] == ("3", "sources.toml")
    assert found["defaults.history"] == ("full", "default")
    assert found["defaults.retry.attempts"] == ("2", "sources.toml")
    assert found["defaults.retry.maximum"] == ("30s", "default")
    assert found["defaults.deadline"] == ("30m", "default")
    assert found["policy.scan_max_age"] == ("14d", "sources.toml")
    assert found["policy.hosts"] == ("a.example, b.example", "sources.toml")
    assert found["policy.min_release_age"] == ("0d", "default")
    assert changes(before, snapshot(workspace)) == []
    # Only the manifest is asked.
    (workspace / "state/sources.lock").write_text("damaged")
    path = workspace / "sources.toml"
    path.write_text(path.read_text().replace('hosts = ["b.example", "a.example"]', "hosts = []"))
    plain = hybrid("config").out
    assert "policy.hosts=[]\n" in plain
    assert "defaults.jobs=3\n" in plain
    assert "sources.toml" not in plain
    document = hybrid("config", "--json").json()
    assert {"key", "value", "origin"} == set(document["settings"][0])


def test_a_file_of_git_is_named(hybrid: Hybrid, workspace: Path, tmp_path: Path) -> None:
    write_manifest(workspace, "")
    config = tmp_path / "gitconfig"
    config.write_text(f"[hybrid]\n\tjobs = 4\n\toperator = token={CANARY}\n")
    found = _origins(hybrid, {"GIT_CONFIG_GLOBAL": str(config)})
    assert found["hybrid.jobs"] == ("4", f"file:{config}")
    assert CANARY not in str(found)


def test_pages_are_put_where_man_looks(hybrid: Hybrid, tmp_path: Path) -> None:
    done = hybrid("install-man", tmp_path / "man")
    assert (tmp_path / "man/man1/git-hybrid-sync.1").is_file()
    assert (tmp_path / "man/man7/git-hybrid-design.7").is_file()
    assert str(tmp_path / "man/man1/git-hybrid.1") in done.out.splitlines()
    again = hybrid("install-man", tmp_path / "man", "--json").json()
    assert len(again["installed"]) == len(done.out.splitlines())
    hybrid("install-man", env={"XDG_DATA_HOME": str(tmp_path / "data")})
    assert (tmp_path / "data/man/man1/git-hybrid.1").is_file()


def test_what_other_tools_call_it_leads_to_the_command_that_does_it(hybrid: Hybrid, workspace: Path) -> None:
    assert " git checkout " not in hybrid("undo", check=2).err
    hybrid("init")
    git("init", "-q", cwd=workspace)
    # git has nothing of it yet, and would say so.
    assert "hint: what add brought is taken out by: git hybrid remove NAME\n" in hybrid("undo", check=2).err
    (workspace / "state/sources.lock").write_text("lock_version = 1\n")
    git("add", "sources.toml", "state", cwd=workspace)
    (workspace / "state/sources-overrides.json").write_text("{}")
    assert "hint: what add brought is taken out by: git hybrid remove NAME\n" in hybrid("undo", check=2).err
    tree = git("hash-object", "-t", "tree", "-w", "/dev/null", cwd=workspace)
    git("update-ref", "HEAD", git("commit-tree", tree, "-m", "before the workspace", cwd=workspace), cwd=workspace)
    assert "hint: what add brought is taken out by: git hybrid remove NAME\n" in hybrid("undo", check=2).err
    git("commit", "-q", "-m", "one", cwd=workspace)
    told = hybrid("undo", check=2).err
    (command,) = [line.rpartition("commit is taken back by: ")[2] for line in told.splitlines() if "taken back" in line]
    subprocess.run(command, shell=True, cwd=workspace, check=True)
    assert not (workspace / "state/sources-overrides.json").exists()
    back = "hint: what pin or add wrote since the last commit is taken back by: git"
    assert f"{back} checkout -- sources.toml state\nhint: git hybrid -h\n" in hybrid("undo", check=2).err
    (workspace / "deep").mkdir()
    told = run_hybrid("-C", "deep", "revert", cwd=workspace, check=2).err
    assert f"{back} checkout -- sources.toml state\n" in told
    told = run_hybrid("undo", cwd=workspace / "deep", check=2).err
    assert f"{back} -C .. checkout -- sources.toml state\n" in told
    assert ": git hybrid reset NAME\n" in hybrid("sync", "--force", check=2).err
    told = hybrid("-C", workspace.name, "sync", "--force", cwd=workspace.parent, check=2).err
    assert f": git hybrid -C {workspace.name} reset NAME\n" in told
    assert " reset " not in hybrid("pin", "--frce", check=2).err


def test_help(hybrid: Hybrid, tmp_path: Path) -> None:
    assert hybrid("help").out.startswith("Usage: git hybrid")
    assert hybrid("help", "sync").out.startswith("Usage: git hybrid sync")
    assert hybrid("help", "git-hybrid-sync").out == hybrid("help", "sync").out
    assert hybrid("help", "behind").out.startswith("Usage: git hybrid status")
    assert "Did you mean 'sync'" in hybrid("help", "snyc", check=2).err
    assert "Did you mean 'pin'" in hybrid("update", check=2).err
    assert "Did you mean 'help remove'" in hybrid("rename", check=2).err
    for words in (("nonsense",), ("clean",)):
        assert "Did you mean" not in hybrid(*words, check=2).err
    assert hybrid("help", "audit", "log").out.startswith("Usage: git hybrid audit log ")
    assert hybrid("audit", "help").out.startswith("Usage: git hybrid audit ")
    assert "Did you mean 'moved-tag'" in hybrid("help", "mved-tag", check=2).err
    assert "Did you mean 'log'" in hybrid("help", "audit", "lgo", check=2).err
    assert "'sync x'" in hybrid("help", "sync", "x", check=2).err
    assert "> ~/.local/share/bash-completion/completions/git-hybrid\n" in hybrid("help", "completion").out
    without = hybrid("help", "files", env={"PATH": str(tmp_path)})
    assert without.out.strip().endswith("/git-hybrid-files.7")
    document = hybrid("help", "files", "--json", env={"PATH": str(tmp_path)}).json()
    assert (document["topic"], document["text"]) == ("files", without.out.rstrip("\n"))


@pytest.mark.parametrize(
    ("words", "topic", "begins"),
    [
        ([], "", "Usage: git hybrid "),
        (["git-hybrid-audit", "log"], "audit log", "Usage: git hybrid audit log "),
        (["behind"], "status", "Usage: git hybrid status "),
        (["moved-tag"], "moved-tag", "moved-tag, exit 5\n"),
        (["design"], "design", "GIT-HYBRID-DESIGN(7) "),
    ],
)
def test_help_as_a_document(hybrid: Hybrid, tmp_path: Path, words: list[str], topic: str, begins: str) -> None:
    # What it says to a terminal is no document.
    (tmp_path / "man").write_text('#!/bin/sh\ntest -f "$1" && echo "GIT-HYBRID-DESIGN(7) as text"\n')
    (tmp_path / "man").chmod(0o755)
    document = hybrid("--json", "help", *words, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}).json()
    assert document["topic"] == topic
    assert document["text"].startswith(begins)


def test_an_option_without_its_value_hints_at_its_command(hybrid: Hybrid) -> None:
    assert "hint: git hybrid sync -h\n" in hybrid("sync", "-j", check=2).err
    assert "hint: git hybrid audit log -h\n" in hybrid("audit", "log", "--since", check=2).err


def test_help_on_an_error(hybrid: Hybrid) -> None:
    out = hybrid("help", "moved-tag").out
    assert out.startswith("moved-tag, exit 5\n    ")
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("code", REMEDIES)
def test_every_error_can_be_asked_for(code: str) -> None:
    found = error_entry(code)
    assert found is not None
    assert not re.search(r"\\|^\.|\.[BIR]{1,2} |\s{2}", found[1])
    assert found[1].endswith(".")


def test_help_on_a_terminal_is_the_page(hybrid: Hybrid, tmp_path: Path) -> None:
    man = tmp_path / "bin" / "man"
    man.parent.mkdir()
    man.write_text('#!/bin/sh\n[ "$1" = -w ] || echo "the page $1"\n')
    man.chmod(0o755)
    env = {"PATH": f"{man.parent}:/usr/bin:/bin"}
    assert in_terminal("help", "sync", cwd=tmp_path, env=env) == (0, "the page git-hybrid-sync\n")
    assert in_terminal("help", "design", cwd=tmp_path, env=env) == (0, "the page git-hybrid-design\n")
    assert in_terminal("-C", "/", "sync", "--help", cwd=tmp_path, env=env) == (0, "the page git-hybrid-sync\n")
    assert in_terminal("foreach", "--", "man", "--help", cwd=tmp_path, env=env)[0] == 2
