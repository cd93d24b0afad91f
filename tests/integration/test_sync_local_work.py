"""Local work blocks a sync of its source (3), and nothing of it is ever touched."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.git import looking
from support.beginning import Begun
from support.cli import Hybrid
from support.kit import changes, codes, git, head, released, replace, snapshot
from support.upstream import Upstream, UpstreamFactory

SCANNER = '\n[[scanner]]\nname = "secrets"\npreset = "betterleaks"\n'


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


def _stage(clone: Path) -> None:
    (clone / "README").write_text("staged\n")
    git("add", "README", cwd=clone)
    (clone / "README").write_text("three\n")


DIRT: dict[str, Callable[[Path], object]] = {
    "modified": lambda clone: (clone / "README").write_text("mine\n"),
    "staged": _stage,
    "untracked": lambda clone: (clone / "dir/README").write_text("mine\n"),
    "deleted": lambda clone: (clone / "README").unlink(),
    "mode": lambda clone: (clone / "README").chmod(0o755),
    "link": lambda clone: ((clone / "README").unlink(), (clone / "README").symlink_to("b")),
}


@pytest.mark.parametrize(
    ("kind", "moved"), [*((kind, True) for kind in DIRT), ("modified", False), ("untracked", False)]
)
def test_dirty(hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, kind: str, moved: bool) -> None:
    if moved:
        tool.commit({"README": "four\n"})
        hybrid("pin", "tool")
    DIRT[kind](clone)
    before = snapshot(workspace)
    blocked = hybrid("sync", check=3)
    assert "sources/tool" in blocked.err
    assert "README" in blocked.err
    assert "hint: git hybrid reset tool" in blocked.err
    assert "git -C sources/tool" in blocked.err
    assert changes(before, snapshot(workspace)) == []


@pytest.mark.parametrize(
    "made", [["update-index", "--split-index"], ["sparse-checkout", "init", "--cone", "--sparse-index"]]
)
def test_an_index_that_only_git_reads_makes_no_clone_broken(hybrid: Hybrid, clone: Path, made: list[str]) -> None:
    git(*made, cwd=clone)
    hybrid("check", "sources", "--content", check=int("sparse-checkout" in made))
    (clone / "README").write_text("mine\n")
    git("add", "README", cwd=clone)
    assert "cause: README" in hybrid("sync", check=3).err
    assert "cause: README" in hybrid("remove", "tool", check=3).err
    hybrid("reset", "tool")
    (saved,) = git("for-each-ref", "--format=%(objectname)", "refs/hybrid/saved", cwd=clone).splitlines()
    assert git("show", f"{saved}:README", cwd=clone) == "mine"
    assert (clone / "dir/a").exists()
    assert "ok" in hybrid("status").out


def test_hints_are_typed_where_they_are_read(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    (clone / "mine").touch()
    (workspace / "deep/er").mkdir(parents=True)
    inside = ["git hybrid reset tool", "git -C ../../sources/tool status"]
    told = hybrid("sync", cwd=workspace / "deep/er", check=3).err
    assert [line.removeprefix("hint: ") for line in told.splitlines() if line.startswith("hint: ")] == inside
    name = workspace.name
    (row,) = hybrid("-C", name, "sync", "--json", cwd=workspace.parent, check=3).json()["sources"]
    assert row["error"]["hints"] == [f"git hybrid -C {name} reset tool", f"git -C {name}/sources/tool status"]
    (check,) = hybrid("-C", name, "check", "sources", "--json", cwd=workspace.parent, check=1).json()["checks"]
    assert [item["mend"] for item in check["violations"]] == [
        f"git hybrid -C {name} diff tool, then git hybrid -C {name} reset tool"
    ]


def test_at_most_ten_files_are_named_and_others_go_on(
    hybrid: Hybrid, workspace: Path, clone: Path, upstream_factory: UpstreamFactory
) -> None:
    lib = upstream_factory("lib")
    lib.commit({"a": "a"})
    hybrid("add", lib.url)
    for number in range(25):
        (clone / f"junk{number:02}").touch()
    mixed = hybrid("sync", "--json", check=3)
    assert codes(mixed) == {"lib": 0, "tool": 3}
    assert head(workspace, "lib") == lib.rev("main")
    text = hybrid("sync", check=3).err
    assert text.count("junk") == 10
    assert "25" in text


def test_ignored_files_are_not_dirty(hybrid: Hybrid, tool: Upstream, clone: Path) -> None:
    (clone / "build.log").write_text("mine")
    tool.commit({"README": "four\n"})
    hybrid("pin", "tool")
    hybrid("sync")
    assert (clone / "build.log").read_text() == "mine"
    assert (clone / "README").read_text() == "four\n"


def test_ignored_file_in_the_way_is_kept(hybrid: Hybrid, tool: Upstream, clone: Path) -> None:
    (clone / "build.log").write_text("mine")
    tool.commit({"build.log": "theirs"})
    hybrid("pin", "tool")
    result = hybrid("sync", check=None)
    assert (clone / "build.log").read_text() == "mine", result
    assert result.code == 3
    assert "build.log" in result.err


@pytest.mark.parametrize("moving", ["sync", "bundle"])
def test_an_ignored_folder_in_the_way_is_kept_and_leaves_no_run(
    hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path, moving: str, tmp_path: Path
) -> None:
    (clone / "build.log/deep").mkdir(parents=True)
    (clone / "build.log/deep/file").write_text("mine")
    tool.commit({"build.log": "theirs"})
    if moving == "sync":
        hybrid("pin", "tool")
        told = hybrid("sync", "tool", check=3).err
    else:
        other = tmp_path / "other"
        shutil.copytree(workspace, other)
        shutil.rmtree(other / "sources/tool/build.log")
        hybrid("pin", "tool", cwd=other)
        hybrid("sync", cwd=other)
        hybrid("bundle", "create", "-o", tmp_path / "b", cwd=other)
        told = hybrid("bundle", "apply", tmp_path / "b", check=3).err
    assert "cause: build.log\n" in told
    assert "hint: git hybrid reset tool\n" in told
    assert (clone / "build.log/deep/file").read_text() == "mine"
    hybrid("pin", "tool")
    hybrid("reset", "tool")
    assert (clone / "build.log").read_text() == "theirs"
    saved = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone)
    assert git("show", f"{saved}:build.log/deep/file", cwd=clone) == "mine"


@pytest.mark.parametrize("place", ["dir", "build.log"])
def test_a_repository_in_a_folder_that_becomes_a_file_is_kept(
    hybrid: Hybrid, tool: Upstream, clone: Path, place: str
) -> None:
    git("init", "-q", place, cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone / place)
    tool.commit({"dir/a": None, place: "theirs"})
    hybrid("pin", "tool")
    for command in ("sync", "reset"):
        told = hybrid(command, "tool", check=3).err
        assert f"sources/tool holds another git repository: {place}; tool was left alone" in told
    assert git("log", "--format=%s", cwd=clone / place) == "mine"
    (clone / place / ".git").rename(clone.parents[2] / "moved-away")
    hybrid("reset", "tool")
    assert (clone / place).read_text() == "theirs"


def test_diverged(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    (clone / "README").write_text("mine\n")
    git("commit", "-q", "-a", "-m", "mine", cwd=clone)
    before = snapshot(workspace)
    blocked = hybrid("sync", check=3)
    assert "hint: git hybrid reset tool" in blocked.err
    pinning = f"git hybrid pin tool --to {git('rev-parse', 'HEAD', cwd=clone)}"
    # Which of both is so is not known without upstream: what is not there is refused below.
    condition = "to pin what stands there, where upstream has it and it goes on from the pin"
    assert f"hint: {condition}: {pinning}\n" in blocked.err
    assert f"hint: {condition}: {pinning}\n" in hybrid("status").err
    assert changes(before, snapshot(workspace)) == []
    # It is in the clone alone: once it is upstream it can be pinned.
    for branch, mine in (("BRANCH", None), ("mine", "mine")):
        if mine:
            git("switch", "-q", "-c", mine, cwd=clone)
        refused = hybrid(*pinning.split()[2:], check=5).err
        steps = f"git -C sources/tool push origin HEAD:refs/heads/{branch}, then git hybrid pin tool --branch {branch}"
        assert f"hint: to have it upstream first: {steps}\n" in refused
    assert "--force" not in refused
    push, pin = steps.split(", then ")
    git(*push.split()[1:], cwd=workspace)
    hybrid(*pin.split()[2:])
    assert "recorded" in hybrid("sync").out


def test_clean_local_branch_at_the_pin_is_fine(hybrid: Hybrid, workspace: Path, tool: Upstream, clone: Path) -> None:
    git("switch", "-q", "-c", "work", cwd=clone)
    hybrid("sync")
    new = tool.commit({"z": "z"})
    hybrid("pin", "tool")
    old = git("rev-parse", "work", cwd=clone)
    told = hybrid("sync").out
    assert git("rev-parse", "work", cwd=clone) == old, "sync must not move the user's branch"
    assert git("rev-parse", "HEAD", cwd=clone) == new
    assert f"\n    left branch work at {old[:10]}; to go back to it: git -C sources/tool switch work\n" in told
    git("switch", "-q", "work", cwd=clone)
    told = hybrid("-C", workspace.name, "reset", "tool", cwd=workspace.parent).out
    assert f"; to go back to it: git -C {workspace.name}/sources/tool switch work\n" in told
    tool.commit({"y": "y"})
    hybrid("pin", "tool")
    assert "left branch" not in hybrid("sync").out


def test_merge_in_progress(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    git("checkout", "-q", "-b", "side", "HEAD~1", cwd=clone)
    (clone / "README").write_text("side\n")
    git("commit", "-q", "-a", "-m", "side", cwd=clone)
    git("checkout", "-q", "--detach", "refs/hybrid/pin", cwd=clone)
    git("merge", "-q", "side", cwd=clone, check=False)
    before = snapshot(workspace)
    assert "merge" in hybrid("sync", check=3).err
    assert changes(before, snapshot(workspace)) == []


def test_clean_merge_and_rebase_states_block_too(hybrid: Hybrid, workspace: Path, clone: Path) -> None:
    (clone / ".git/MERGE_HEAD").write_text(git("rev-parse", "HEAD~1", cwd=clone) + "\n")
    assert "merge" in hybrid("sync", check=3).err
    (clone / ".git/MERGE_HEAD").unlink()
    (clone / ".git/rebase-merge").mkdir()
    assert "rebase" in hybrid("sync", check=3).err
    (clone / ".git/rebase-merge").rmdir()
    (clone / ".git/CHERRY_PICK_HEAD").write_text(git("rev-parse", "HEAD~1", cwd=clone) + "\n")
    assert "cherry" in hybrid("sync", check=3).err
    (clone / ".git/CHERRY_PICK_HEAD").unlink()
    hybrid("sync")


@pytest.mark.parametrize("name", ["index.lock", "HEAD.lock", "refs/hybrid/pin.lock"])
def test_a_live_lock_blocks_and_a_stale_one_is_healed(hybrid: Hybrid, tool: Upstream, clone: Path, name: str) -> None:
    tool.commit({"README": "four\n"})
    hybrid("pin", "tool")
    path = clone / ".git" / name
    with path.open("w"):
        before = snapshot(clone)
        for command in (["sync"], ["reset", "tool"]):
            assert f"(it holds .git/{name}); tool was left alone" in hybrid(*command, check=3).err
        assert [path for path in changes(before, snapshot(clone)) if not path.startswith(".git/hybrid/")] == []
    os.utime(path, (1_700_000_000, 1_700_000_000))
    hybrid("sync")
    assert not path.exists()
    assert (clone / "README").read_text() == "four\n"


def test_a_lock_that_is_taken_when_the_clone_was_looked_at_changes_nothing(
    hybrid: Hybrid, tool: Upstream, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool.commit({"README": "four\n"})
    hybrid("pin", "tool")
    monkeypatch.setattr(looking, "lock_held_in", lambda *_paths: "")
    before = (clone / "README").read_text()
    with (clone / ".git/HEAD.lock").open("w"):
        assert codes(hybrid("sync", "--json", check=3)) == {"tool": 3}
    assert (clone / "README").read_text() == before
    assert git("status", "--porcelain", cwd=clone) == ""
    hybrid("sync")
    assert (clone / "README").read_text() == "four\n"


@pytest.mark.parametrize("kind", ["folder", "file", "repository"])
def test_foreign_folder(hybrid: Hybrid, workspace: Path, tool: Upstream, kind: str, begun: Begun) -> None:
    begun(tool.url, sync=False)
    place = workspace / "sources/tool"
    if kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "mine").write_text("mine")
    if kind == "repository":
        git("init", "-q", cwd=place)
        git("add", ".", cwd=place)
        git("commit", "-q", "-m", "mine", cwd=place)
    before = snapshot(workspace)
    assert "sources/tool" in hybrid("sync", check=3).err
    if kind == "folder":
        replace(workspace / "sources.toml", "schema_version = 1\n", f"schema_version = 1\n{SCANNER}")
        assert hybrid("status").err.endswith("\nhint: move sources/tool away, then: git hybrid sync tool\n")
        replace(workspace / "sources.toml", SCANNER, "")
    assert changes(before, snapshot(workspace)) == []


@pytest.mark.parametrize("place", ["sources", "state", "sources/tool", "state/sources.lock", "sources/.lock"])
def test_links_are_refused(hybrid: Hybrid, workspace: Path, tmp_path: Path, clone: Path, place: str) -> None:
    path = workspace / place
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before, outside = snapshot(workspace), snapshot(elsewhere)
    hybrid("sync", check=2)
    assert changes(before, snapshot(workspace)) == []
    assert changes(outside, snapshot(elsewhere)) == []
