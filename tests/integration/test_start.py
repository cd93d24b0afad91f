"""What a command loads where there is nothing to do: a hook runs on every commit, a status many times a day."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.cli import run_hybrid
from support.governed import Site, plain_site
from support.kit import git

BIN = Path(sys.executable).parent
YOUNG = 2.1
SLOW = {"_hashlib", "click", "pygit2", "tomlkit", "jinja2", "difflib", "shlex"}


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def loaded(site: Site, program: str, *arguments: str) -> set[str]:
    """Return the names of what a program imports that ends well."""
    told = [sys.executable, "-X", "importtime", str(BIN / program), *arguments]
    done = subprocess.run(told, cwd=site.root, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}


@pytest.mark.parametrize("argv", [["git-hybrid", "sync"], ["git-hybrid", "status"], ["git-hybrid-hook-check"]])
def test_where_nothing_changed_nothing_slow_is_loaded(site: Site, argv: list[str]) -> None:
    # The clone was just copied: git takes its files for others until the first sync, and what is young is looked at.
    for _ in range(2):
        time.sleep(YOUNG)
        site("sync")
    found = loaded(site, *argv)
    assert "git_hybrid.core.digest" in found
    assert found & SLOW == set()
    # Nothing stands there that is no source, and nothing is interrupted.
    assert found & {"git_hybrid.core.strays", "git_hybrid.git.strays", "git_hybrid.cli.decided"} == set()
    assert argv[0] == "git-hybrid-hook-check" or "git_hybrid.core.checks" not in found


def test_a_sync_loads_nothing_for_what_it_does_not_do(site: Site) -> None:
    unneeded = {f"git_hybrid.{name}" for name in ("app.force", "git.forcing", "git.largefiles", "git.saver")}
    site.tool.commit({"README": "next"}, "next")
    site("pin", "tool")
    updating = loaded(site, "git-hybrid", "sync")
    assert "git_hybrid.git.nested" in updating
    assert updating & unneeded == set()
    shutil.rmtree(site.root / "sources/tool")
    cloning = loaded(site, "git-hybrid", "sync")
    assert "git_hybrid.git.newtree" in cloning
    assert cloning & (unneeded | {"git_hybrid.core.checks", "git_hybrid.git.nested"}) == set()


def test_the_first_commit_loads_nothing_slow_in_its_hook(site: Site) -> None:
    shutil.rmtree(site.root / ".git")
    git("init", "-q", cwd=site.root)
    git("add", "sources.toml", "state", cwd=site.root)
    assert loaded(site, "git-hybrid-hook-check") & (SLOW | {"git_hybrid.git.complete"}) == set()


def test_a_workspace_that_was_copied_is_as_fast_as_before_once_it_was_synced(site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(site.root, copy, symlinks=True)
    (clone,) = (path for path in (copy / "sources").iterdir() if (path / ".git").is_dir())
    time.sleep(YOUNG)
    run_hybrid("sync", cwd=copy)
    assert loaded(Site(copy, site.tool, site.commits), "git-hybrid", "status") & SLOW == set()
    assert git("status", "--porcelain", cwd=clone) == ""


@pytest.mark.parametrize("argv", [["git-hybrid", "sync"], ["git-hybrid-hook-check"]])
def test_whoever_starts_it_may_ignore_the_ends_of_children(site: Site, argv: list[str]) -> None:
    program = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    told = [sys.executable, "-c", program, str(BIN / argv[0]), *argv[1:]]
    done = subprocess.run(told, cwd=site.root, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
