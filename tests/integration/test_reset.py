"""`git hybrid reset`: goes to the pin, and everything it took away can be fetched back."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.beginning import Begun
from support.cli import Hybrid
from support.kit import changes, git, head, lock, released, snapshot, started
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def tool(upstream_factory: UpstreamFactory) -> Upstream:
    upstream = upstream_factory()
    released(upstream)
    return upstream


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, tool: Upstream, begun: Begun) -> Path:
    begun(tool.url, "--branch", "main", sync=False)
    hybrid("sync")
    return workspace / "sources/tool"


def _saved(clone: Path) -> list[str]:
    return git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()


def _reachable_blobs(clone: Path) -> set[str]:
    rows = git("rev-list", "--objects", *_saved(clone), cwd=clone).splitlines()
    return {row.split(" ")[0] for row in rows}


def _blob(clone: Path, text: str) -> str:
    path = clone.parent / ".probe"
    path.write_text(text)
    oid = git("hash-object", "--no-filters", str(path), cwd=clone)
    path.unlink()
    return oid


def test_everything_is_saved(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    (clone / "committed").write_text("committed work")
    git("add", "committed", cwd=clone)
    git("commit", "-q", "-m", "mine", cwd=clone)
    mine = head(workspace)
    (clone / "README").write_text("staged work")
    git("add", "README", cwd=clone)
    (clone / "README").write_text("unstaged work")
    (clone / "b").unlink()
    (clone / "new dir").mkdir()
    (clone / "new dir/untrackéd").write_text("untracked work")
    (clone / "run").write_text("#!/bin/sh\n")
    (clone / "run").chmod(0o755)
    (clone / "link").symlink_to("nowhere")
    (clone / "build.log").write_text("ignored")
    result = hybrid("reset", "tool")
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert git("status", "--porcelain", cwd=clone) == ""
    assert (clone / "README").read_text() == "three\n"
    assert not (clone / "new dir").exists()
    assert (clone / "build.log").read_text() == "ignored"
    (ref,) = _saved(clone)
    assert ref in result.out
    blobs = _reachable_blobs(clone)
    assert mine in blobs
    for text in ("committed work", "staged work", "unstaged work", "untracked work", "#!/bin/sh\n"):
        assert _blob(clone, text) in blobs, text
    git("checkout", ref, "--", "README", "new dir", "run", "link", cwd=clone)
    assert (clone / "README").read_text() == "unstaged work"
    assert (clone / "new dir/untrackéd").read_text() == "untracked work"
    assert (clone / "run").stat().st_mode & 0o111
    assert (clone / "link").readlink() == Path("nowhere")
    hybrid("reset", "tool")
    assert len(_saved(clone)) == 2


def test_an_unmerged_index_is_saved(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=clone)
    (clone / "README").write_text("side work")
    git("commit", "-q", "-a", "-m", "side", cwd=clone)
    git("checkout", "-q", "-b", "ours", "HEAD~1", cwd=clone)
    (clone / "README").write_text("our work")
    git("commit", "-q", "-a", "-m", "ours", cwd=clone)
    git("merge", "-q", "side", cwd=clone, check=False)
    (clone / "README").write_text("half resolved")
    hybrid("reset", "tool")
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert not (clone / ".git/MERGE_HEAD").exists()
    blobs = _reachable_blobs(clone)
    for text in ("side work", "our work", "half resolved"):
        assert _blob(clone, text) in blobs, text
    assert git("rev-parse", "side", cwd=clone)
    hybrid("sync")


def test_what_is_staged_during_a_conflict_is_saved(hybrid: Hybrid, clone: Path) -> None:
    (clone / "README").write_text("base")
    git("commit", "-q", "-a", "-m", "base", cwd=clone)
    git("checkout", "-q", "-b", "side", cwd=clone)
    (clone / "README").write_text("side work")
    git("commit", "-q", "-a", "-m", "side", cwd=clone)
    git("checkout", "-q", "--detach", "HEAD~1", cwd=clone)
    (clone / "README").write_text("our work")
    git("commit", "-q", "-a", "-m", "ours", cwd=clone)
    git("merge", "-q", "side", cwd=clone, check=False)
    (clone / "new").write_text("staged")
    git("add", "new", cwd=clone)
    (clone / "new").write_text("changed since")
    hybrid("reset", "tool")
    (ref,) = _saved(clone)
    assert git("show", f"{ref}:new", cwd=clone) == "changed since"
    sides = {}
    for number in range(2, 6):
        words = git("log", "-1", "--format=%s", f"{ref}^{number}", cwd=clone)
        sides[words.rpartition("stage ")[2][:1]] = number
        assert git("show", f"{ref}^{number}:new", cwd=clone) == "staged"
    texts = {"1": "base", "2": "our work", "3": "side work"}
    assert {stage: git("show", f"{ref}^{sides[stage]}:README", cwd=clone) for stage in "123"} == texts


def test_an_index_that_is_unmerged_and_nothing_else_is_saved(hybrid: Hybrid, clone: Path) -> None:
    (clone / "build.log").write_text("one side")
    one = git("hash-object", "-w", "build.log", cwd=clone)
    (clone / "build.log").write_text("the other")
    other = git("hash-object", "-w", "build.log", cwd=clone)
    (clone / "build.log").unlink()
    lines = f"100644 {one} 2\tx\n100644 {other} 3\tx\n100644 {other} 0\tx/y\n"
    subprocess.run(["git", "update-index", "--index-info"], cwd=clone, input=lines.encode(), check=True)
    hybrid("reset", "tool")
    (ref,) = _saved(clone)
    assert {one, other} <= _reachable_blobs(clone)
    assert git("fsck", "--connectivity-only", ref, cwd=clone) == ""
    hybrid("sync")


def test_reset_in_the_middle_of_a_rebase(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    git("checkout", "-q", "-b", "work", "HEAD~1", cwd=clone)
    (clone / "README").write_text("my work")
    git("commit", "-q", "-a", "-m", "mine", cwd=clone)
    git("rebase", "refs/hybrid/pin", cwd=clone, check=False)
    hybrid("sync", check=3)
    hybrid("reset", "tool")
    assert not (clone / ".git/rebase-merge").exists()
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert _blob(clone, "my work") in {
        row.split(" ")[0] for row in git("rev-list", "--objects", "work", *_saved(clone), cwd=clone).splitlines()
    }
    hybrid("sync")


def test_reset_in_the_middle_of_a_bisect(hybrid: Hybrid, clone: Path) -> None:
    (clone / "README").write_text("bad")
    git("commit", "-q", "-a", "-m", "on no branch", cwd=clone)
    bad = git("rev-parse", "HEAD", cwd=clone)
    git("bisect", "start", "HEAD", "HEAD~2", cwd=clone)
    hybrid("reset", "tool")
    assert git("for-each-ref", "refs/bisect", cwd=clone) == ""
    assert not [*(clone / ".git").glob("BISECT_*")]
    (ref,) = _saved(clone)
    assert bad in git("rev-list", ref, cwd=clone)


@pytest.fixture
def nobody(tmp_path: Path) -> dict[str, str]:
    """An environment in which git knows no name for whoever works here."""
    (tmp_path / "nobody").mkdir()
    names = {f"GIT_{role}_{key}": None for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
    return {**names, "EMAIL": None, "HOME": str(tmp_path / "nobody"), "GIT_CONFIG_GLOBAL": os.devnull}


def test_reset_in_the_middle_of_an_am(hybrid: Hybrid, workspace: Path, clone: Path, nobody: dict[str, str]) -> None:
    mailbox = workspace.parent / "patches"
    for text in ("one", "two"):
        (clone / "README").write_text(f"patch {text}")
        git("commit", "-q", "-a", "-m", text, cwd=clone)
    git("format-patch", "-q", "-2", "-o", mailbox, cwd=clone)
    git("reset", "-q", "--hard", "HEAD~2", cwd=clone)
    git("reflog", "expire", "--expire=now", "--all", cwd=clone)
    (clone / "README").write_text("in the way")
    git("commit", "-q", "-a", "-m", "in the way", cwd=clone)
    git("am", *sorted(mailbox.iterdir()), cwd=clone, check=False)
    shutil.rmtree(mailbox)
    git("config", "--local", "user.useConfigOnly", "true", cwd=clone)
    hybrid("sync", check=3)
    hybrid("reset", "tool", env=nobody)
    assert not (clone / ".git/rebase-apply").exists()
    (ref,) = _saved(clone)
    assert git("ls-tree", "--name-only", f"{ref}^2", cwd=clone).split() == ["0001", "0002"]
    assert "+patch two" in git("show", f"{ref}^2:0002", cwd=clone)
    hybrid("sync")


def test_what_a_merge_put_aside_is_in_the_stash(hybrid: Hybrid, clone: Path, nobody: dict[str, str]) -> None:
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "side", cwd=clone)
    (clone / "README").write_text("side work")
    git("commit", "-q", "-a", "-m", "side", cwd=clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)
    (clone / "b").write_text("put aside")
    git("merge", "-q", "--autostash", "side", cwd=clone, check=False)
    assert (clone / "b").read_text() == "b\n"
    hybrid("reset", "tool", env=nobody)
    assert git("show", "stash@{0}:b", cwd=clone) == "put aside"
    hybrid("sync")


def test_a_merge_whose_outcome_is_head_saves_what_it_brought_in(hybrid: Hybrid, clone: Path) -> None:
    (clone / "README").write_text("side work")
    git("commit", "-q", "-a", "-m", "side", cwd=clone)
    side = git("rev-parse", "HEAD", cwd=clone)
    git("checkout", "-q", "--detach", "HEAD~1", cwd=clone)
    git("merge", "-q", "--no-commit", "--no-ff", "-s", "ours", side, cwd=clone)
    hybrid("reset", "tool")
    (ref,) = _saved(clone)
    assert git("rev-parse", f"{ref}^2", cwd=clone) == side
    hybrid("sync")


def test_nothing_to_save(hybrid: Hybrid, clone: Path, workspace: Path) -> None:
    before = snapshot(workspace)
    hybrid("reset", "tool")
    assert _saved(clone) == []
    assert changes(before, snapshot(workspace)) == []


def test_needs_names(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    (clone / "README").write_text("mine")
    before = snapshot(workspace)
    hybrid("reset", check=2)
    hybrid("reset", "toool", check=2)
    assert changes(before, snapshot(workspace)) == []


def test_user_branches_and_stash_stay(hybrid: Hybrid, clone: Path) -> None:
    git("switch", "-q", "-c", "work", cwd=clone)
    (clone / "README").write_text("mine")
    git("commit", "-q", "-a", "-m", "mine", cwd=clone)
    mine = git("rev-parse", "work", cwd=clone)
    (clone / "README").write_text("stashed")
    git("stash", cwd=clone)
    hybrid("reset", "tool")
    assert git("rev-parse", "work", cwd=clone) == mine
    assert "stash@{0}" in git("stash", "list", cwd=clone)


def test_reset_fetches_a_pin_that_is_not_here(hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path) -> None:
    new = tool.commit({"README": "four\n"})
    (clone / "README").write_text("mine")
    hybrid("pin", "tool")
    git("update-ref", "-d", "refs/hybrid/upstream/heads/main", cwd=clone)
    git("reflog", "expire", "--expire=now", "--all", cwd=clone)
    git("gc", "-q", "--prune=now", cwd=clone)
    hybrid("reset", "tool")
    assert head(workspace) == new


@pytest.mark.parametrize("where", ["clone", "setting", "condition", "home"])
def test_ignored_by_the_users_own_excludes_file(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, tmp_path: Path, where: str
) -> None:
    home = Path(os.environ["XDG_CONFIG_HOME"])
    files = {"clone": clone / ".git/info/exclude", "home": home / "git/ignore"}
    file = files.get(where, tmp_path / "ignore")
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text("*.mine\n.idea/\n")
    if where == "condition":
        git("config", "--file", tmp_path / "more", "core.excludesFile", file, cwd=workspace)
        git("config", "--global", f"includeIf.gitdir:{workspace}/.path", tmp_path / "more", cwd=workspace)
    env = {} if where != "setting" else {"GIT_CONFIG_PARAMETERS": f"'core.excludesfile={file}'"}
    (clone / ".idea").mkdir()
    for name in ("x.mine", ".idea/x"):
        (clone / name).write_text("keep")
    try:
        hybrid("sync", env=env)
        (clone / "README").write_text("mine")
        (clone / "other").write_text("mine")
        assert "2 files changed: README, other\n" in hybrid("status", env=env).out
        hybrid("reset", "tool", env=env)
        assert not (clone / "other").exists()
        assert _blob(clone, "keep") not in _reachable_blobs(clone)
        hybrid("sync", env=env)
        # Where the commit has such a file it is kept from harm like others that are ignored.
        tool.commit({"x.mine": "theirs"})
        hybrid("pin", "tool", env=env)
        assert "x.mine" in hybrid("sync", env=env, check=3).err
    finally:
        file.unlink()
    assert {(clone / name).read_text() for name in ("x.mine", ".idea/x")} == {"keep"}
    assert ".idea/x" in hybrid("status").out


def test_ignored_files_that_a_check_finds_can_be_taken_away(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path
) -> None:
    tool.commit({".gitignore": "*.o\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    (clone / "x.o").touch()
    (clone / "new").touch()
    found = hybrid("check", "sources", "--content", "--json", check=1).json()
    hybrid("reset", "tool")
    mend = next(item["mend"] for item in found["checks"][0]["violations"] if "x.o" in item["what"])
    git(*mend.partition(": git ")[2].split(), cwd=workspace)
    hybrid("check", "sources", "--content")


def test_a_clone_that_plain_git_made_becomes_one_of_ours(hybrid: Hybrid, workspace: Path, tool: Upstream) -> None:
    git("clone", "-q", tool.url, str(workspace / "sources/tool"), cwd=workspace)
    started(hybrid, tool.url, "--branch", "main", sync=False)
    told = hybrid("check", "sources", check=1).out
    assert ".git/info/attributes is missing" in told
    assert "mend: git hybrid reset tool" in told
    hybrid("reset", "tool")
    hybrid("check", "sources")
