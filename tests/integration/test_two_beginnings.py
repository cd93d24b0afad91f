"""A folder has one audit log: what happens where a workspace is begun in it a second time."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from integration.test_hooks_places import hook
from support.governed import LOCK, LOG, STATE, Site, plain_site
from support.kit import git


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return plain_site(tmp_path, tmp_path_factory)


def take_out(site: Site) -> None:
    git("rm", "-q", "-r", ".", cwd=site.root)
    for name in ("state", "sources"):
        shutil.rmtree(site.root / name, ignore_errors=True)


def mend_of(told: str) -> list[str]:
    """Return the command that an error hints at, as words."""
    (line,) = [line for line in told.splitlines() if line.startswith("hint: git -C ")]
    return shlex.split(line)[4:]


@pytest.mark.parametrize("how", ["staged", "committed", "partial clone"])
def test_a_workspace_that_was_taken_out_is_taken_back(how: str, site: Site) -> None:
    take_out(site)
    if how != "staged":
        git("commit", "-q", "-m", "no longer needed", cwd=site.root)
        git("commit", "-q", "--allow-empty", "-m", "more", cwd=site.root)
    if how == "partial clone":
        git("config", "uploadpack.allowFilter", "true", cwd=site.root)
        clone = site.root.parent / "clone"
        git("clone", "-q", "--filter=blob:none", site.root.as_uri(), clone, cwd=site.root)
        site = Site(clone, site.tool, site.commits)
    refused = site("init", check=2).err
    assert f"error: the workspace {site.root} has no sources.toml and no audit log any more, and git has it" in refused
    assert not (site.root / "sources.toml").exists()
    # Nobody has to ask for a new one to be told of it.
    assert site("check", check=2).err == refused
    git(*mend_of(refused), cwd=site.root)
    site("sync")
    assert hook(site.root) == (0, "")
    git("commit", "-q", "--allow-empty", "-m", "again", cwd=site.root)
    assert site.verified() == ()


@pytest.mark.parametrize("committed", [True, False])
def test_a_bundle_begins_no_second_log_either(committed: bool, site: Site, tmp_path: Path) -> None:
    carried = tmp_path / "sources.ghb"
    site("bundle", "create", "-o", carried)
    take_out(site)
    if committed:
        git("commit", "-q", "-m", "no longer needed", cwd=site.root)
    refused = site("bundle", "apply", carried, check=2).err
    assert " any more, and git has it" in refused
    assert not (site.root / "sources.toml").exists()
    assert not (site.root / "state").exists()
    git(*mend_of(refused), cwd=site.root)
    site("bundle", "apply", carried)
    git("add", "-A", cwd=site.root)
    assert hook(site.root) == (0, "")


@pytest.mark.parametrize("lost", ["the log", "state", "state, by a commit"])
def test_what_was_lost_of_state_is_taken_back_before_anything_is_decided(lost: str, site: Site) -> None:
    if lost == "the log":
        site.write(LOG, "")
    else:
        shutil.rmtree(site.root / "state")
    if lost == "state, by a commit":
        git("commit", "-q", "-a", "-m", "it is generated", cwd=site.root)
    edited = site.read("sources.toml") + "# edited since\n"
    site.write("sources.toml", edited)
    if lost == "the log":
        assert site("check", "audit", check=1).out.startswith(
            "fail state/sources-audit.jsonl: log: is missing or empty"
        )
    site("check", "-q", check=1)
    assert "bad state/sources-audit.jsonl: " in site("audit", "verify", check=5).out
    for words in ("pin", "status"):
        refused = site(words, check=2).err
        assert f"error: the workspace {site.root} has no audit log any more, and git has it" in refused
    assert refused.endswith(", another folder: git hybrid init FOLDER\n")
    site("init", "FOLDER")
    git(*mend_of(refused), cwd=site.root)
    assert site.verified() == ()
    assert site.read("sources.toml") == edited


def test_a_manifest_that_was_lost_is_taken_back_and_no_empty_one_begun(site: Site) -> None:
    git("rm", "-q", "sources.toml", cwd=site.root)
    (site.root / "deep/er").mkdir(parents=True)
    for words in (("init",), ("-C", "deep/er", "status")):
        refused = site(*words, check=2).err
        assert f"error: the workspace {site.root} has no sources.toml any more, and git has it" in refused
    assert mend_of(refused) == ["checkout", "HEAD", "--", "sources.toml"]
    assert f"→ git -C {site.root} checkout HEAD -- sources.toml\n" in site("diag", check=1).out
    git(*mend_of(refused), cwd=site.root)
    site("status", "--exit-code")


def test_a_workspace_that_has_gone_elsewhere_is_not_taken_back(site: Site) -> None:
    for folder, moved in (("deep", ("sources.toml", "state")), ("other", ("deep/sources.toml", "deep/state"))):
        (site.root / folder).mkdir()
        git("mv", *moved, folder, cwd=site.root)
        site.commit(f"moved to {folder}")
    (site.root / "deep").mkdir(exist_ok=True)
    assert site("-C", "deep", "status", check=2).err.startswith("error: no sources.toml in ")
    assert "hint: git hybrid -C other status\n" in site("status", check=2).err


def test_a_branch_that_never_had_the_log_begins_one(site: Site) -> None:
    git("switch", "-q", "--orphan", "anew", cwd=site.root)
    shutil.rmtree(site.root / "state", ignore_errors=True)
    git("checkout", "-q", "main", "--", "sources.toml", cwd=site.root)
    site("pin")
    site.commit("begun")
    assert site.verified() == ()


def test_a_branch_without_a_workspace_is_told_of_one_that_has_it(site: Site, tmp_path: Path) -> None:
    git("switch", "-q", "--orphan", "app", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "app", cwd=site.root)
    git("switch", "-q", "-c", "vendor", cwd=site.root)
    git("checkout", "-q", "main", "--", ".", cwd=site.root)
    git("commit", "-q", "-m", "vendor", cwd=site.root)
    git("branch", "-q", "-D", "main", cwd=site.root)
    git("switch", "-q", "app", cwd=site.root)
    (site.root / "deep").mkdir()
    for words, git_there in (((), "git"), (("-C", "deep"), "git -C deep")):
        told = site(*words, "status", check=2).err
        assert "cause: branch vendor has a workspace, and this one has none\nhint: git switch vendor\n" in told
        assert f"hint: to have it on this branch too: {git_there} merge vendor\n" in told
        assert " init\n" not in told
    clone = tmp_path / "clone"
    git("clone", "-q", "-b", "app", site.root, clone, cwd=tmp_path)
    fetched = Site(clone, site.tool, site.commits)
    assert "hint: git switch --track origin/vendor\n" in fetched("status", check=2).err
    git("branch", "-q", "vendor", cwd=clone)
    assert "hint: git switch --detach origin/vendor\n" in fetched("status", check=2).err
    # Where it is checked out already git does not go there again.
    tree = tmp_path / "tree"
    git("worktree", "add", "-q", tree, "vendor", cwd=site.root)
    told = site("-C", site.root, "status", check=2).err
    assert f"hint: git hybrid -C {tree} status\nhint: to have it on this branch too: git merge vendor\n" in told
    # Two histories git does not merge.
    git("worktree", "remove", tree, cwd=site.root)
    git("switch", "-q", "--orphan", "pages", cwd=site.root)
    git("commit", "-q", "--allow-empty", "-m", "pages", cwd=site.root)
    assert "hint: git switch vendor\nhint: git hybrid demo\n" in site("-C", site.root, "status", check=2).err


def test_a_second_beginning_is_told_before_it_is_committed(site: Site) -> None:
    take_out(site)
    git("commit", "-q", "-m", "no longer needed", cwd=site.root)
    other = site.root.parent / "other"
    site("init", other)
    for name in ("sources.toml", "state"):
        shutil.move(other / name, site.root / name)
    git("add", "-A", cwd=site.root)
    code, said = hook(site.root)
    assert code == 1
    assert ": git checkout HEAD^1 -- 'state/sources-*'" in said
    git("checkout", "HEAD^1", "--", LOG, "state", "sources.toml", cwd=site.root)
    assert hook(site.root) == (0, "")


def test_two_who_both_began_and_merge(site: Site, tmp_path: Path) -> None:
    root = tmp_path / "both"
    git("init", "-q", "-b", "main", root, cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "empty", cwd=root)
    both = Site(root, site.tool, site.commits)
    for branch, name in (("ada", "a"), ("bea", "b")):
        git("switch", "-q", "-c", branch, "main", cwd=root)
        both("init")
        both("add", site.tool.url, "--name", name, "--branch", "main")
        both.commit(branch)
    git("merge", "-q", "ada", cwd=root, check=False)
    before = git("status", "--porcelain", cwd=root)
    told = both("merge", check=2).err
    assert "state/sources-audit.jsonl: 1 entry is invalid\n" in told
    assert "begins a log of its own: each side began a workspace by itself\nhint: one side begins anew: " in told
    # What it had written git would not abort.
    assert git("status", "--porcelain", cwd=root) == before
    git("checkout", "-q", "--ours", ".", cwd=root)
    both.put_lines([*both.lines(), *git("show", f"ada:{LOG}", cwd=root).splitlines()])
    git("add", "-A", cwd=root)
    code, said = hook(root)
    assert code == 1
    mend = "git merge --abort, git merge --squash BRANCH, git checkout HEAD -- sources.toml state, then git hybrid add"
    assert mend in said
    git("merge", "--abort", cwd=root)
    git("merge", "-q", "--squash", "ada", cwd=root, check=False)
    git("checkout", "-q", "HEAD", "--", "sources.toml", "state", cwd=root)
    both("add", site.tool.url, "--name", "a", "--branch", "main")
    git("add", "-A", cwd=root)
    assert hook(root) == (0, "")
    both.commit("what ada had")
    assert both.verified() == ()
    assert hook(root) == (0, "")


def test_the_commit_that_has_what_was_lost_is_named(site: Site) -> None:
    kept = site.keep(LOG, LOCK, STATE)
    site("pin", "tool", "--to", "v1.1.0", check=6)
    site("add", site.tool.url, "--name", "more", "--branch", "main")
    revision = site.commit("more")[:12]
    site.put_back(kept)
    git("checkout", "-q", "HEAD~1", "--", "sources.toml", cwd=site.root)
    git("add", "-A", cwd=site.root)
    assert ": git checkout HEAD -- 'state/sources-*'" in hook(site.root)[1]
    site.commit("roll back")
    (lost, *_) = site.verified()
    assert f": git checkout {revision} -- 'state/sources-*'" in lost.mend
    git("checkout", "-q", revision, "--", LOG, "state", "sources.toml", cwd=site.root)
    assert site.verified() == ()
