"""What a ref names is read from a folder only where git tells the same."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from git_hybrid.git.localrefs import tip
from support.kit import git

MAIN = "refs/heads/main"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    git("init", "-q", "-b", "main", str(path), cwd=tmp_path)
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    git(*who, "commit", "-q", "--allow-empty", "-m", "first", cwd=path)
    git(*who, "tag", "-a", "-m", "one", "v1", cwd=path)
    git("branch", "other/deep", cwd=path)
    return path


def served(path: Path, ref: str) -> str | None:
    """Return what ``upload-pack`` tells of *ref*."""
    told = subprocess.run(["git", "ls-remote", str(path), ref], capture_output=True, text=True, check=False)
    lines = dict(reversed(line.split("\t")) for line in told.stdout.splitlines())
    return lines.get(ref)


@pytest.mark.parametrize("ref", [MAIN, "refs/heads/other/deep", "refs/tags/v1"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("bare", [False, True])
def test_it_is_what_git_tells(repo, tmp_path, ref, packed, bare):
    if packed:
        git("pack-refs", "--all", cwd=repo)
    path = repo
    if bare:
        path = tmp_path / "bare.git"
        git("clone", "-q", "--mirror", str(repo), str(path), cwd=tmp_path)
    assert tip(str(path), ref) == served(path, ref) is not None
    git("update-ref", MAIN, git("commit-tree", "-m", "x", "HEAD^{tree}", cwd=repo), cwd=repo)
    assert tip(str(repo), MAIN) == served(repo, MAIN)


def test_what_is_not_there_is_for_git_to_say(repo, tmp_path):
    for path, ref in ((repo, "refs/heads/none"), (repo, "refs/heads/other"), (tmp_path / "none", MAIN)):
        assert tip(str(path), ref) is None


def _config(text: str):
    def change(repo: Path) -> None:
        with (repo / ".git/config").open("a") as file:
            file.write(text)

    return change


def _config_of(text: str):
    def change(repo: Path) -> None:
        (repo / ".git/config").write_text(text)

    return change


def _packed(text: str):
    def change(repo: Path) -> None:
        path = repo / ".git/packed-refs"
        git("pack-refs", "--all", "--no-prune", cwd=repo)
        path.write_text(path.read_text() + text)

    return change


def _twice(repo: Path) -> None:
    git("pack-refs", "--all", cwd=repo)
    path = repo / ".git/packed-refs"
    path.write_text(path.read_text() + f"{'1' * 40} {MAIN}\n")


def _no_objects(repo: Path) -> None:
    shutil.rmtree(repo / ".git/objects")
    (repo / ".git/objects/pack").mkdir(parents=True)


def _objects_a_file(repo: Path) -> None:
    shutil.rmtree(repo / ".git/objects")
    (repo / ".git/objects").write_text("x")


def _symbolic(repo: Path) -> None:
    git("symbolic-ref", "refs/heads/main", "refs/heads/other/deep", cwd=repo)


def _linked(repo: Path) -> None:
    (repo / ".git/refs/heads/main").rename(repo / "elsewhere")
    (repo / ".git/refs/heads/main").symlink_to(repo / "elsewhere")


def _is_file(repo: Path) -> None:
    (repo / ".git").rename(repo / "real")
    (repo / ".git").write_text("gitdir: real\n")


UNUSUAL = {
    "hidden": _config("[transfer]\n\thideRefs = refs/heads\n"),
    "hidden to those who fetch": _config("[uploadpack]\n\thiderefs = refs/heads/main\n"),
    "hidden in a line": _config("[uploadpack] hideRefs=refs/heads/\n"),
    "hidden and shown again": _config("[transfer]\n\thideRefs = refs/x\n\thideRefs = !refs/x/y\n"),
    "hidden in quotes": _config('[transfer]\n\thideRefs = "refs/heads"\n'),
    "hidden by no value": _config("[transfer]\n\thideRefs\n"),
    "hidden, with a remark": _config("[transfer]\n\thideRefs = refs/heads # these\n"),
    "hidden over two lines": _config("[transfer]\n\thideRefs = refs/\\\nheads\n"),
    "other settings": _config("[include]\n\tpath = /nowhere\n"),
    "under a condition": _config('[includeIf "gitdir:/"]\n\tpath = /nowhere\n'),
    "an extension": _config("[extensions]\n\tnoop = true\n"),
    "two sections in a line": _config("[foo] [include]\n\tpath = /nowhere\n"),
    "two sections and a key": _config("[foo][include] path = /nowhere\n"),
    "a mark at the beginning": _config_of("\ufeff[include]\n\tpath = /nowhere\n"),
    "a newer format": _config_of("[core]\n\trepositoryformatversion = 99\n"),
    "no number": _config_of("[core]\n\trepositoryformatversion = x\n"),
    "no yes or no": _config_of("[core]\n\tbare = maybe\n"),
    "half a section": _config("[core\n"),
    "no section": _config_of("foo bar\n"),
    "a NUL": _config("[foo]\n\tbar = \0\n"),
    "a packed line that is none": _packed("what\n"),
    "no end of line": _packed(f"{'1' * 40} refs/heads/zzz"),
    "peeled nothing": _packed(f"^{'1' * 40}\n^{'1' * 40}\n"),
    "packed twice": _twice,
    "no objects": _no_objects,
    "objects a file": _objects_a_file,
    "symbolic": _symbolic,
    "a link": _linked,
    "a file .git": _is_file,
    "far too large": lambda repo: os.truncate(repo / ".git/config", 1 << 40),
    "shallow": lambda repo: (repo / ".git/shallow").touch(),
    "grafts": lambda repo: (repo / ".git/info/grafts").touch(),
    "in part": _config('[remote "origin"]\n\tpromisor = true\n'),
    "reftable": lambda repo: (repo / ".git/reftable").mkdir(),
    "no head": lambda repo: (repo / ".git/HEAD").unlink(),
    "another head": lambda repo: (repo / ".git/HEAD").write_text("what\n"),
    "a worktree": lambda repo: (repo / ".git/commondir").write_text("..\n"),
    "no id": lambda repo: (repo / ".git/refs/heads/main").write_text("what\n"),
    "a longer id": lambda repo: (repo / ".git/refs/heads/main").write_text("0" * 64 + "\n"),
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_what_is_unusual_is_for_git_to_say(repo, what):
    UNUSUAL[what](repo)
    assert tip(str(repo), MAIN) is None


def test_what_hides_others_hides_nothing(repo):
    _config("[transfer]\n\thideRefs = refs/pull\n\thideRefs = refs/heads/main-x\n")(repo)
    assert tip(str(repo), MAIN) == served(repo, MAIN) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_the_repository_of_somebody_else_is_for_git_to_refuse(repo):
    os.chown(repo / ".git", 12345, 12345)
    assert tip(str(repo), MAIN) is None
