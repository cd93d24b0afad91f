"""What only earlier pins needed goes from a clone, unless anything there is not this tool's."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.git.packs import Came
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.superseded import drop_former
from git_hybrid.store import durable
from support.kit import git, snapshot

KEPT = "refs/hybrid/upstream/commits"
TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


class _Moved:
    """A clone that was moved from the commit ``old`` to ``new``, neither of which has a parent."""

    def __init__(self, folder: Path) -> None:
        self.git_dir = folder / "tool/.git"
        write_skeleton(self.git_dir, object_format="sha1", attributes="* -text\n")
        git("write-tree", cwd=self.git_dir)
        self.old, before = self._brought("old"), self.packs()
        self.new = self._brought("new")
        for ref in ("HEAD", "refs/hybrid/pin"):
            (self.git_dir / ref).write_text(f"{self.new}\n")
        (self.git_dir / "shallow").write_text(f"{self.old}\n{self.new}\n")
        self.log(f"checkout: moving from {self.old} to {self.new}^{{commit}}")
        self.came = Came(frozenset({f"{KEPT}/{self.new}"}), self.packs() - before, frozenset({self.new}))

    def _brought(self, message: str) -> Oid:
        who = "-c", "user.name=A", "-c", "user.email=a@example.org"
        oid = git(*who, "commit-tree", TREE, "-m", message, cwd=self.git_dir)
        git("update-ref", f"{KEPT}/{oid}", oid, cwd=self.git_dir)
        git("repack", "-n", "-d", "-q", cwd=self.git_dir)
        return Oid(oid)

    def packs(self) -> frozenset[str]:
        return frozenset(path.name for path in (self.git_dir / "objects/pack").iterdir())

    def log(self, words: str, name: str = "HEAD") -> None:
        path = self.git_dir / f"logs/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(f"{self.old} {self.new} A <a@example.org> 1700000000 +0000\t{words}\n")

    def drop(self) -> None:
        runner = Runner(environ=os.environ)
        drop_former(runner, durable, self.git_dir, self.new, self.came, name=SourceName("tool"))


@pytest.fixture
def moved(tmp_path: Path) -> _Moved:
    return _Moved(tmp_path)


def test_what_came_is_left(moved: _Moved) -> None:
    moved.drop()
    assert moved.packs() == moved.came.packs
    assert git("for-each-ref", "--format=%(refname)", KEPT, cwd=moved.git_dir) == f"{KEPT}/{moved.new}"
    assert (moved.git_dir / "shallow").read_text() == f"{moved.new}\n"
    assert not (moved.git_dir / "logs/HEAD").exists()
    before = snapshot(moved.git_dir)
    moved.drop()
    assert snapshot(moved.git_dir) == before


def test_of_a_history_that_is_no_longer_cut_no_boundary_is_left(moved: _Moved) -> None:
    moved.came = Came(moved.came.refs, moved.came.packs)
    moved.drop()
    assert not (moved.git_dir / "shallow").exists()


SPOILS: dict[str, Callable[[_Moved], object]] = {
    "a branch": lambda moved: git("branch", "mine", moved.old, cwd=moved.git_dir),
    "a packed tag": lambda moved: (moved.git_dir / "packed-refs").write_text(f"{moved.old} refs/tags/mine\n"),
    "saved work": lambda moved: git("update-ref", "refs/hybrid/saved/1", moved.old, cwd=moved.git_dir),
    "a loose object": lambda moved: git("hash-object", "-w", "--stdin", cwd=moved.git_dir),
    "a line of a reflog": lambda moved: moved.log("commit: mine"),
    "another reflog": lambda moved: moved.log("git hybrid: to the commit", "refs/heads/gone"),
    "a reset": lambda moved: (moved.git_dir / "ORIG_HEAD").write_text(f"{moved.old}\n"),
    "a worktree": lambda moved: (moved.git_dir / "worktrees").mkdir(),
    "a kept pack": lambda moved: (moved.git_dir / "objects/pack" / f"pack-{'0' * 40}.keep").touch(),
    "a borrowed object": lambda moved: (moved.git_dir / "objects/info/alternates").write_text("/objects\n"),
    "a branch at HEAD": lambda moved: (moved.git_dir / "HEAD").write_text("ref: refs/heads/mine\n"),
    "another commit": lambda moved: (moved.git_dir / "HEAD").write_text(f"{moved.old}\n"),
    "packs together": lambda moved: setattr(moved, "came", Came(packs=frozenset({"pack-0.pack"}))),
}


@pytest.mark.parametrize("what", SPOILS)
def test_where_anything_is_somebody_else_s_all_stays(moved: _Moved, what: str) -> None:
    SPOILS[what](moved)
    before = snapshot(moved.git_dir)
    moved.drop()
    assert snapshot(moved.git_dir) == before
