"""What the files of a clone tell of it, whoever made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core.plan import Stray
from git_hybrid.git.strays import stray_at
from support.kit import git
from support.upstream import Upstream


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    upstream = Upstream.create(tmp_path / "tool.git")
    upstream.commit({"a": "a\n"})
    git("clone", "-q", tmp_path / "tool.git", "tool", cwd=tmp_path)
    return tmp_path / "tool"


@pytest.mark.parametrize("packed", [True, False])
def test_a_clone_tells_where_it_stands(clone: Path, *, packed: bool) -> None:
    tip = git("rev-parse", "HEAD", cwd=clone)
    git("commit", "-q", "--allow-empty", "-m", "mine", cwd=clone)
    git("update-ref", "refs/hybrid/pin", tip, cwd=clone)
    if packed:
        git("pack-refs", "--all", cwd=clone)
    head = git("rev-parse", "HEAD", cwd=clone)
    assert stray_at(clone) == Stray(head=head, tip=tip, origin=f"{clone}.git", installed=tip)
    git("checkout", "-q", "--detach", tip, cwd=clone)
    assert stray_at(clone).head == tip


def test_a_linked_worktree_tells_whose_it_is(clone: Path, tmp_path: Path) -> None:
    git("worktree", "add", "-q", "--detach", tmp_path / "linked", cwd=clone)
    assert stray_at(tmp_path / "linked") == Stray(lent_by=f"{clone}/.git/worktrees/linked")


def test_what_is_no_clone_tells_nothing(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(clone)
    (tmp_path / "empty").mkdir()
    for name in ("link", "empty", "none"):
        assert stray_at(tmp_path / name) == Stray()


@pytest.mark.parametrize("text", ["ref: ../../victim", "ref: refs/heads/../../../victim", "ref: HEAD", "x", ""])
def test_a_head_that_names_nothing_leads_nowhere(clone: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "victim").write_text("1" * 40)
    (clone / ".git/HEAD").write_text(text)
    assert stray_at(clone).head is None


def test_refs_that_name_each_other_end(clone: Path) -> None:
    (clone / ".git/refs/heads/main").write_text("ref: refs/heads/main")
    assert stray_at(clone).head is None


def test_what_cannot_be_read_tells_nothing(clone: Path) -> None:
    packed = clone / ".git/packed-refs"
    packed.unlink(missing_ok=True)
    packed.mkdir()
    assert stray_at(clone) == Stray()
