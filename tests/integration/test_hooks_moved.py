"""A workspace that is moved inside of its repository takes its log along: all of it, whatever way it goes."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from pathlib import Path

import pytest

from integration.test_hooks_places import hook
from support.cli import run_hybrid
from support.governed import FILES, LOCK, LOG, Site, forced_site
from support.kit import git


@pytest.fixture
def site(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a workspace in the folder ``ws`` of its repository, whose override was revoked."""
    return moved(forced_site(tmp_path, tmp_path_factory), "ws")


def moved(site: Site, folder: str, *, commit: bool = True) -> Site:
    """Return *site* after its folder was moved to *folder* from the top of the repository."""
    top = Path(git("rev-parse", "--show-toplevel", cwd=site.root))
    tracked = [top / name for name in git("ls-files", "--full-name", "-z", cwd=site.root).split("\0") if name]
    goal = top / folder
    for path in tracked:
        to = goal / path.relative_to(site.root)
        to.parent.mkdir(parents=True, exist_ok=True)
        git("mv", path, to, cwd=top)
    shutil.rmtree(site.root / "sources", ignore_errors=True)
    there = dataclasses.replace(site, root=goal)
    if commit:
        assert hook(top) == (0, "")
        there.commit(f"move to {folder}")
    return there


def revoke(site: Site) -> None:
    """Commit that the override is revoked; the tag ``forced`` names the commit before."""
    git("tag", "forced", cwd=site.root)
    site("override", "revoke", site.overrides()[0]["id"], "--reason", "must go")
    site("pin", "tool")
    site.commit("revoke")


def texts(site: Site) -> dict[str, str]:
    return {name: git("show", f"forced:ws/{name}", cwd=site.root) + "\n" for name in FILES}


def is_whole(site: Site) -> bool:
    """Tell whether hook, check and verification all pass; they must agree."""
    results = {hook(site.root)[0] == 0, site.checked("audit") == [], site.verified() == ()}
    assert len(results) == 1, (hook(site.root), site.checked("audit"))
    return results.pop()


def test_an_honest_move_is_whole(site: Site) -> None:
    revoke(site)
    site("audit", "rotate")
    site.commit("rotate")
    for folder in ("platform", 'a "b" *[c]', "platform"):
        there = moved(site, folder, commit=False)
        assert is_whole(there)
        there.commit("move")
        assert is_whole(there)
        there("sync")
        there("pin", "tool", "--to", "v1.1.0", check=6)
        site = there


def test_clones_that_stayed_behind_are_not_committed(site: Site) -> None:
    there = moved(site, "platform")
    git("init", "-q", str(site.root / "sources/tool"), cwd=there.root)
    git("commit", "-q", "--allow-empty", "-m", "x", cwd=site.root / "sources/tool")
    (site.root / "sources/.lock").touch()
    git("add", "-A", cwd=there.root.parent)
    code, said = hook(there.root)
    assert (code, said.count("fail ")) == (1, 1)
    assert said.startswith("fail ../ws/sources: index: is tracked by git: the clones of a workspace that was moved")
    assert "  mend: git rm -r -f --cached -- ../ws/sources\n" in said
    git("rm", "-r", "-f", "-q", "--cached", "--", "../ws/sources", cwd=there.root)
    assert hook(there.root) == (0, "")


def test_clones_are_not_committed_on_a_branch_without_their_workspace(site: Site) -> None:
    site("sync")
    top = site.root.parent
    git("switch", "-q", "--orphan", "app", cwd=top)
    (site.root / "sources/own.c").touch()
    git("add", "-f", "ws/sources/tool", "ws/sources/own.c", cwd=top)
    code, said = hook(top)
    assert (code, said.count("fail ")) == (1, 1)
    assert said.endswith("  mend: git rm -r -f --cached -- ws/sources/tool\n")
    git("commit", "-q", "-m", "taken up", cwd=top)
    # A push of that, by whoever has no clone there, is told by the lock of a run.
    git("add", "-f", "ws/sources/.lock", cwd=top)
    git("commit", "-q", "-m", "with the lock", cwd=top)
    shutil.rmtree(site.root / "sources/tool")
    env = {"PRE_COMMIT_REMOTE_NAME": "origin", "PRE_COMMIT_TO_REF": git("rev-parse", "HEAD", cwd=top)}
    told = run_hybrid(program="git-hybrid-hook-check", cwd=top, env=env, check=None)
    mend = "git rm -r -f --cached -- ws/sources/tool ws/sources/.lock"
    assert (told.code, told.out.splitlines()[-2:]) == (1, [f"  mend: {mend}", "then: git commit"])
    git(*mend.split()[1:], cwd=top)
    assert hook(top) == (0, "")


def test_a_submodule_below_sources_is_no_clone_of_ours(site: Site) -> None:
    top = site.root.parent
    git("switch", "-q", "--orphan", "app", cwd=top)
    git("-c", "protocol.file.allow=always", "submodule", "-q", "add", site.tool.url, "ws/sources/lib", cwd=top)
    (site.root / "sources/.lock").touch()
    assert hook(top) == (0, "")


def test_a_log_that_is_cut_while_it_moves_is_missed(site: Site) -> None:
    revoke(site)
    old = texts(site)
    there = moved(site, "platform", commit=False)
    there.put_back(old)
    git("add", "-A", cwd=there.root)
    assert not is_whole(there)
    code, said = hook(there.root)
    assert code == 1
    assert "that were committed once are not in it" in said
    commit = there.commit("move")
    assert there.verified() != ()
    assert there.checked("audit") != []
    assert hook(there.root, "--pre-push", told=f"refs/heads/main {commit} refs/heads/main {'0' * 40}\n")[0] == 1
    there("check", "audit", check=1)
    assert "lost-by-commit" in there("audit", "verify", check=5).out


def bring_back(there: Site, *, staged: bool = False) -> None:
    """Type what is told of the log."""
    mend = there.checked("audit", staged=staged)[0].mend
    assert mend.startswith("restore the records from git: ")
    subprocess.run(["sh", "-ec", mend.partition("git: ")[2]], cwd=there.root, check=True)
    git("add", "-A", cwd=there.root)


@pytest.mark.parametrize("folder", ["platform", "a b"])
def test_what_was_lost_before_or_while_it_moves_is_brought_back_by_what_is_told(site: Site, folder: str) -> None:
    revoke(site)
    git("revert", "--no-edit", "HEAD", cwd=site.root)
    there = moved(site, folder, commit=False)
    there.commit("move")
    bring_back(there)
    assert not [item for item in there.checked("audit") if "not in it" in item.what]
    there.commit("restored")
    # Cut by the commit that moves it, which nobody has made yet; also where that stands in an archive.
    kept = there.keep(LOG)
    there("audit", "rotate")
    there.commit("rotate")
    last = moved(there, "last", commit=False)
    last.put_back(kept)
    git("rm", "-q", "-f", "--", *(last.root / "state").glob("sources-audit.*.jsonl"), cwd=last.root)
    last.put_lines(last.lines()[:-2])
    git("add", "-A", cwd=last.root)
    bring_back(last, staged=True)
    assert not [item for item in last.checked("audit", staged=True) if "not in it" in item.what]
    assert len(list((last.root / "state").glob("sources-audit.*.jsonl"))) == 1


@pytest.mark.parametrize("stray", ["", "schema_version = 1\n", "see the wiki\n"])
def test_a_folder_that_moves_hides_no_move_of_a_pin(site: Site, stray: str) -> None:
    old, top = site.read(LOCK), site.root.parent
    site.replace("sources.toml", "[policy]", '[policy]\nmin_release_age = "3d"')
    if stray:
        # What lies where the workspace is moved to was none of its files.
        for path, text in {"platform/sources.toml": stray, "third/state/sources.lock": old}.items():
            (top / path).parent.mkdir(parents=True)
            (top / path).write_text(text)
    site.commit("policy")
    git("rm", "-q", "-r", "--ignore-unmatch", "platform", cwd=top)
    site.replace("sources.toml", '"3d"', '"0d"')
    site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    site.replace("sources.toml", '"0d"', '"3d"')
    there = moved(site, "platform", commit=False)
    there.commit("move")
    (young,) = there.checked("audit")
    assert "[policy] min_release_age is 3 d, and no override lifts it" in young.what
    git("rm", "-q", "-r", "--ignore-unmatch", "third", cwd=top)
    there = moved(there, "third", commit=False)
    there.put_back({LOCK: old})
    there.commit("move again")
    assert "tool was put back to " in "".join(item.what for item in there.checked("audit"))


def test_nor_does_one_whose_log_was_rotated_before(site: Site) -> None:
    old = site.read(LOCK)
    site.tool.commit({"README": "four\n"})
    site("pin", "tool")
    site.commit("pin")
    site("audit", "rotate")
    site.commit("rotate")
    there = moved(site, "platform", commit=False)
    there.put_back({LOCK: old})
    git("add", "-A", cwd=there.root)
    assert "tool was put back to " in "".join(item.what for item in there.checked("audit", staged=True))


def test_a_log_that_is_away_for_a_while_is_missed(site: Site) -> None:
    revoke(site)
    old = texts(site)
    there = moved(site, "platform", commit=False)
    there.put_back(old)
    git("rm", "-q", "-f", "-r", "--cached", ".", cwd=there.root)
    (there.root / ".." / "x").resolve().write_text("x\n")
    git("add", "../x", cwd=there.root)
    git("commit", "-q", "-m", "take the workspace out", cwd=there.root)
    git("add", "-A", cwd=there.root)
    assert not is_whole(there)
    there.commit("another one")
    assert there.verified() != ()


def test_a_copy_goes_on_by_itself(site: Site) -> None:
    copy = dataclasses.replace(site, root=site.root.parent / "copy")
    shutil.copytree(site.root, copy.root, ignore=shutil.ignore_patterns("tool"))
    git("add", "-A", cwd=copy.root)
    assert is_whole(copy)
    copy.commit("copy")
    revoke(site)
    assert is_whole(copy)
    copy("mirror", "add", "m", "https://m.example", "--owner", "o@example.org")
    copy.commit("mirror")
    there = moved(site, "platform", commit=False)
    assert is_whole(there)
    there.commit("move")
    assert is_whole(there)
    copy = moved(copy, "second", commit=False)
    assert is_whole(copy)
    copy.commit("move the copy")
    assert is_whole(copy)
    git("rm", "-q", "-r", ".", cwd=there.root)
    copy.commit("the first is gone")
    assert is_whole(copy)


def test_two_workspaces_are_not_mixed_up(site: Site) -> None:
    other = dataclasses.replace(site, root=site.root.parent / "other")
    other.root.mkdir()
    other("init")
    other("add", other.tool.url, "--name", "tool", "--branch", "main")
    other.commit("another")
    there = moved(site, "platform")
    revoke(there)
    assert is_whole(moved(other, "platform/inner"))
    assert is_whole(moved(there, "third/x"))


def test_what_the_other_side_of_a_merge_recorded_is_not_left_behind(site: Site) -> None:
    git("switch", "-q", "-c", "side", cwd=site.root)
    there = moved(site, "platform")
    git("switch", "-q", "main", cwd=there.root.parent)
    revoke(site)
    git("merge", "-q", "-m", "merge", "side", cwd=site.root.parent)
    assert not (site.root / LOG).exists()
    assert is_whole(there)
    there.put_back({LOG: git("show", f"side:platform/{LOG}", cwd=there.root) + "\n"})
    there("override", "list")
    git("add", "-A", cwd=there.root)
    git("commit", "-q", "--amend", "--no-edit", cwd=there.root)
    assert there.verified() != ()


def test_a_branch_that_moved_the_folder_is_merged_into_one_that_went_on(site: Site) -> None:
    git("switch", "-q", "-c", "side", cwd=site.root)
    there = moved(site, "platform")
    there("mirror", "add", "m", "https://m.example", "--owner", "o@example.org")
    there.commit("mirror")
    git("switch", "-q", "main", cwd=there.root.parent)
    shutil.rmtree(there.root)
    revoke(site)
    git("merge", "-q", "--no-commit", "side", cwd=site.root.parent, check=False)
    there("merge")
    git("add", "-A", cwd=there.root)
    assert is_whole(there)
    whole = there.keep(LOG)
    there.put_back({LOG: git("show", f"side:platform/{LOG}", cwd=there.root) + "\n"})
    git("add", "-A", cwd=there.root)
    assert not is_whole(there)
    there.put_back(whole)
    commit = there.commit("merge")
    assert is_whole(there)
    assert hook(there.root, "--pre-push", told=f"refs/heads/main {commit} refs/heads/main {'0' * 40}\n")[0] == 0


def test_a_push_in_the_place_of_another_keeps_what_was_published_where_the_folder_was(site: Site) -> None:
    """Also what stands in an archive there."""
    begun = git("rev-parse", "HEAD", cwd=site.root)
    revoke(site)
    published = [git("rev-parse", "HEAD", cwd=site.root)]
    site("audit", "rotate")
    published.append(site.commit("rotate"))
    git("reset", "-q", "--hard", begun, cwd=site.root)
    git("clean", "-f", "-q", "-d", ".", cwd=site.root)

    def pushed(there: Site, commit: str, before: str) -> tuple[int, str]:
        return hook(there.root, "--pre-push", told=f"refs/heads/main {commit} refs/heads/main {before}\n")

    assert "among them those of ovr-" in pushed(site, begun, published[1])[1]
    there = moved(site, "platform")
    commit = git("rev-parse", "HEAD", cwd=there.root)
    assert pushed(there, commit, begun) == (0, "")
    for before in published:
        code, said = pushed(there, commit, before)
        assert (code, "among them those of ovr-" in said) == (1, True)
