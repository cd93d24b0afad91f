"""`git hybrid init --import FOLDER`: the clones that stand in a folder, each where it is."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from support.cli import Hybrid, run_hybrid
from support.kit import changes, git, lock, manifest, outcomes, released, snapshot
from support.upstream import Upstream, UpstreamFactory


@pytest.fixture
def upstream(upstream_factory: UpstreamFactory) -> Upstream:
    made = upstream_factory()
    released(made)
    made.branch("rel", "main~1")
    return made


@pytest.fixture
def src(workspace: Path, upstream: Upstream) -> Path:
    """Make a folder with three clones: on a branch and dirty, on another branch, and detached at a tag."""
    folder = workspace / "src"
    folder.mkdir()
    for name, at in (("dirty", "main"), ("on-rel", "rel"), ("tagged", "v1.0.0")):
        git("clone", "-q", "-b", at, upstream.url, name, cwd=folder)
    (folder / "dirty/README").write_text("mine\n")
    (folder / "notes").mkdir()
    return folder


def test_clones_are_taken_over_where_they_stand(hybrid: Hybrid, workspace: Path, upstream: Upstream, src: Path) -> None:
    git("checkout", "-q", "--detach", "main", cwd=src / "dirty")
    git("config", "core.fsmonitor", "echo ran >> ../../ran; false", cwd=src / "dirty")
    before = snapshot(src)
    told = hybrid("init", "ws", "--import", "src")
    assert changes(before, snapshot(src)) == []
    assert not (workspace / "ran").exists()
    pins, sources = lock(workspace / "ws"), manifest(workspace / "ws")
    assert {name: (pins[name]["commit"], pins[name]["ref"]) for name in pins} == {
        "dirty": (upstream.rev("main"), "refs/heads/main"),
        "on-rel": (upstream.rev("rel"), "refs/heads/rel"),
        "tagged": (upstream.rev("v1.0.0^{commit}"), "refs/tags/v1.0.0"),
    }
    assert sources["tagged"] == {"url": upstream.url, "tag": "v1.0.0", "groups": ["imported"]}
    assert told.err.splitlines()[0] == "note: not taken over, as no git clone: notes"
    assert told.err.splitlines()[-1] == "hint: git hybrid -C ws sync"
    hybrid("-C", "ws", "sync")


def test_clones_in_sources_are_recorded_and_keep_their_branches(hybrid: Hybrid, workspace: Path, src: Path) -> None:
    src.rename(workspace / "sources")
    git("checkout", "-q", "--", "README", cwd=workspace / "sources/dirty")
    (workspace / "sources/notes").rmdir()
    hybrid("init", "--import", "sources")
    assert set(outcomes(hybrid("sync", "--json")).values()) == {"recorded"}
    assert git("symbolic-ref", "--short", "HEAD", cwd=workspace / "sources/on-rel") == "rel"


def test_a_folder_of_clones_that_becomes_the_workspace_is_told_nothing_of_its_own_folders(
    hybrid: Hybrid, src: Path
) -> None:
    told = run_hybrid("init", "--import", ".", cwd=src)
    assert told.err.splitlines()[0] == "note: not taken over, as no git clone: notes"
    assert set(outcomes(run_hybrid("sync", "--json", cwd=src))) == {"dirty", "on-rel", "tagged"}


def test_each_clone_that_cannot_be_taken_over_is_told_with_its_mend_and_nothing_is_made(
    hybrid: Hybrid, workspace: Path, src: Path, upstream: Upstream
) -> None:
    for name in ("alone", "empty", "http"):
        git("init", "-q", src / name, cwd=src)
    for name in ("alone", "http"):
        git("commit", "-q", "--allow-empty", "-m", "x", cwd=src / name)
    git("remote", "add", "origin", "http://me:c4n4ry@h/x", cwd=src / "http")
    (src / "odd/.git").mkdir(parents=True)
    before = snapshot(workspace)
    told = hybrid("init", "ws", "--import", "src", check=2).err
    allowed = "only https://, ssh:// and file:/// URLs are allowed"
    assert [line.partition(": ")[2] for line in told.splitlines() if line.startswith("cause: ")][:3] == [
        "alone: has no remote origin, which would name its URL: git -C src/alone remote add origin URL",
        "empty: has no commit checked out: git -C src/empty status",
        f"http: the URL of its origin: {allowed}: git -C src/http remote set-url origin URL",
    ]
    assert "cause: odd: " in told
    assert "c4n4ry" not in told
    assert told.splitlines()[-1] == "hint: mend these clones, then: git hybrid init ws --import src"
    assert "git -C src/alone" in hybrid("-C", "src/dirty", "init", "../../ws", "--import", "..", check=2).err
    assert changes(before, snapshot(workspace)) == []


def test_a_commit_that_upstream_does_not_have_keeps_all_from_being_taken_over(
    hybrid: Hybrid, workspace: Path, src: Path, upstream: Upstream
) -> None:
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=src / "dirty")
    mine = git("rev-parse", "HEAD", cwd=src / "dirty")
    failed = hybrid("init", "ws", "--import", "src", check=5)
    assert f"error: dirty: upstream has no commit {mine}\n" in failed.err
    assert "hint: push the commit to a branch of its upstream, or check out another commit in the clone" in failed.err
    assert not (workspace / "ws").exists()
    git("push", "-q", "origin", "HEAD:refs/heads/mine", cwd=src / "dirty")
    hybrid(*shlex.split(failed.err.splitlines()[-1].partition("git hybrid ")[2]))
    assert manifest(workspace / "ws")["dirty"]["commit"] == mine


def test_who_logs_in_at_an_origin_is_left_out(hybrid: Hybrid, workspace: Path, src: Path) -> None:
    git("remote", "set-url", "origin", "https://me:c4n4ry@localhost:1/x", cwd=src / "tagged")
    failed = hybrid("init", "ws", "--import", "src", check=None)
    assert "https://localhost:1/x" in failed.err
    assert "c4n4ry" not in failed.err + failed.out


def test_a_folder_without_clones_or_with_a_file_to_import_is_refused(
    hybrid: Hybrid, workspace: Path, src: Path
) -> None:
    assert "is a folder without git clones" in hybrid("init", "ws", "--import", "src/notes", check=2).err
    told = hybrid("init", "ws", "--import", "src/tagged", check=2).err
    assert "'src/tagged': is a repository itself: name the folder that it stands in\n" in told
    (src / "west.yml").touch()
    assert "hint: git hybrid init --import src/west.yml\n" in hybrid("init", "--import", "src", check=2).err
