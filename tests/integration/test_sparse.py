"""A sparse checkout of the repository that a workspace is in: what is left out of it is not what never was."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from git_hybrid.git.run import Runner
from git_hybrid.git.surroundings import setup_around
from support.cli import Result, merged_env, run_hybrid
from support.governed import LOCK, LOG, Site, plain_site
from support.kit import git, snapshot


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def cloned(site: Site, *options: str) -> Site:
    """Return a sparse clone of the workspace, in which only the files at the top are checked out."""
    git("config", "uploadpack.allowFilter", "true", cwd=site.root)
    git("clone", "-q", "--sparse", *options, site.root.as_uri(), "clone", cwd=site.root.parent)
    return Site(site.root.parent / "clone", site.tool, site.commits)


def typed_hint(refused: Result, folder: Path) -> None:
    """Type what *refused* hints at in *folder*."""
    (hint,) = re.findall("hint: (git .*)", refused.err)
    git(*shlex.split(hint)[1:], cwd=folder)


@pytest.mark.parametrize("kept", [(), ("--filter=blob:none",)])
def test_state_that_is_not_checked_out_is_not_taken_for_none(site: Site, kept: tuple[str, ...]) -> None:
    clone = cloned(site, *kept)
    before = snapshot(clone.root)
    for words in (("status",), ("pin", "tool"), ("sync",), ("check",), ("audit", "verify"), ("init",)):
        refused = clone(*words, check=2)
        assert f"error: git has files of the workspace {clone.root}, and this sparse checkout" in refused.err
    assert {f"cause: {LOCK}", f"cause: {LOG}"} <= set(refused.err.splitlines())
    # What is left out is not lost, so no check says so.
    looked = [line for line in clone("diag", check=1).out.splitlines() if line.startswith(("fail", "warn"))]
    assert not {"audit", "files", "metadata"} & {line.split()[1] for line in looked}
    assert snapshot(clone.root) == before
    typed_hint(refused, clone.root)
    clone("audit", "verify")
    assert "missing" in clone("status").out


def test_a_hook_passes_what_is_left_as_it_is_and_else_says_what_it_needs(site: Site) -> None:
    """Of a partial clone, in which the workspace was never checked out."""
    folder = site.root / "infra"
    folder.mkdir()
    git("mv", "sources.toml", "state", "sources", folder.name, cwd=site.root)
    site.commit("moved")
    clone = cloned(site, "--filter=blob:none")
    clone.write("notes.txt", "x\n")
    git("add", "notes.txt", cwd=clone.root)
    assert run_hybrid(program="git-hybrid-hook-check", cwd=clone.root).out == ""
    git("update-index", "--force-remove", f"infra/{LOG}", cwd=clone.root)
    told = run_hybrid(program="git-hybrid-hook-check", cwd=clone.root, check=2).out
    (mend,) = re.findall("mend: (git .*)", told)
    assert " sparse-checkout add infra/state" in mend
    git(*shlex.split(mend)[1:], cwd=clone.root)
    assert f"fail infra/{LOG}" in run_hybrid(program="git-hybrid-hook-check", cwd=clone.root, check=1).out


@pytest.mark.parametrize("how", ["cone", "patterns", "no checkout"])
def test_the_command_that_checks_it_out_works_anywhere(site: Site, how: str) -> None:
    folder = site.root / "a workspace"
    folder.mkdir()
    git("mv", "sources.toml", "state", "sources", folder.name, cwd=site.root)
    site.commit("moved")
    left = [f"{folder.name}/{name}" for name in ("sources.toml", LOCK, LOG)]
    if how == "no checkout":
        git("update-index", "--skip-worktree", "--", *left, cwd=site.root)
        for name in left:
            (site.root / name).unlink()
    else:
        # Before git 2.35 set takes an option for a pattern.
        git("sparse-checkout", "init", "--cone" if how == "cone" else "--no-cone", cwd=site.root)
        git("sparse-checkout", "set", "x", cwd=site.root)
        folder.mkdir(exist_ok=True)
    for words in (("status",), ("init",)):
        refused = run_hybrid(*words, cwd=folder, check=2)
        assert f"git has files of the workspace {folder}, " in refused.err
    typed_hint(refused, folder)
    run_hybrid("audit", "verify", cwd=folder)
    around = setup_around(Runner(environ=merged_env(None)), folder)
    assert around is not None
    assert around.cone == ("'a workspace'" if how == "cone" else "")
