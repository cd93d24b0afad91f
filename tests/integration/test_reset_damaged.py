"""`git hybrid reset` reads back what it has saved: git writes no object that seems to be there, damaged as it may be."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import parse_name, parse_oid
from git_hybrid.git.run import Runner
from git_hybrid.git.saver import save_work
from support.cli import Hybrid
from support.kit import git, head, lock, released, snapshot, started
from support.upstream import UpstreamFactory


@pytest.fixture
def clone(hybrid: Hybrid, workspace: Path, upstream_factory: UpstreamFactory) -> Path:
    upstream = upstream_factory()
    released(upstream)
    started(hybrid, upstream.url, "--branch", "main")
    clone = workspace / "sources/tool"
    (clone / "README").write_text("two days of work")
    git("add", "README", cwd=clone)
    return clone


def _empty(clone: Path, oid: str) -> None:
    path = clone / f".git/objects/{oid[:2]}/{oid[2:]}"
    path.chmod(0o644)
    path.write_bytes(b"")


def _shown(clone: Path, place: str) -> str:
    (ref,) = git("for-each-ref", "--format=%(refname)", "refs/hybrid/saved", cwd=clone).split()
    return git("show", f"{ref}{place}", cwd=clone)


@pytest.mark.parametrize("committed", [False, True])
def test_the_object_of_a_file_that_a_power_cut_left_empty_is_written_anew(
    hybrid: Hybrid, workspace: Path, clone: Path, *, committed: bool
) -> None:
    if committed:
        git("commit", "-q", "-m", "mine", cwd=clone)
    _empty(clone, git("rev-parse", ":README", cwd=clone))
    hybrid("reset", "tool")
    assert head(workspace) == lock(workspace)["tool"]["commit"]
    assert _shown(clone, ":README") == "two days of work"
    git("fsck", "--strict", cwd=clone)
    assert not (workspace / "sources/.incoming").exists()


def test_trees_are_written_anew(hybrid: Hybrid, clone: Path) -> None:
    _empty(clone, git("write-tree", cwd=clone))
    (clone / "b").write_text("not staged")
    hybrid("reset", "tool")
    assert _shown(clone, ":b") == "not staged"
    assert _shown(clone, "^2:README") == "two days of work"
    git("fsck", "--strict", cwd=clone)


def test_what_is_damaged_in_a_pack_is_written_anew(hybrid: Hybrid, clone: Path) -> None:
    git("commit", "-q", "-m", "mine", cwd=clone)
    git("gc", "-q", cwd=clone)
    (pack,) = (clone / ".git/objects/pack").glob("*.pack")
    blob = git("rev-parse", "HEAD:README", cwd=clone)
    rows = [row.split() for row in git("verify-pack", "-v", pack, cwd=clone).splitlines()]
    at = next(int(row[4]) for row in rows if row[0] == blob)
    pack.chmod(0o644)
    with pack.open("r+b") as file:
        file.seek(at + 2)
        file.write(b"\xff\xff\xff\xff")
    hybrid("reset", "tool")
    assert _shown(clone, ":README") == "two days of work"


def test_what_was_begun_is_ended_where_its_file_is_damaged(hybrid: Hybrid, clone: Path) -> None:
    for name, left in {"MERGE_HEAD": b"\xff", "REVERT_HEAD": b"", "CHERRY_PICK_HEAD": b"\0\0"}.items():
        (clone / ".git" / name).write_bytes(left)
        hybrid("reset", "tool")
        assert not (clone / ".git" / name).exists()
    hybrid("sync")


def test_what_cannot_be_read_back_is_not_taken_away(clone: Path, workspace: Path) -> None:
    _empty(clone, git("rev-parse", ":README", cwd=clone))
    before = snapshot(workspace)
    pin = parse_oid(lock(workspace)["tool"]["commit"])
    with pytest.raises(LocalIo, match="read back what was saved"):
        save_work(
            Runner(environ=os.environ), clone, name=parse_name("tool"), run="r", pin=pin, anew=lambda: nullcontext({})
        )
    after = snapshot(workspace)
    assert not [path for path in before if after.get(path) != before[path]]
    assert not git("for-each-ref", "refs/hybrid/saved", cwd=clone)
