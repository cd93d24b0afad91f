"""A glance says that a clone is untouched only if it is: every way to touch it leaves a doubt."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from git_hybrid.core.ids import Oid
from git_hybrid.git.glance import MARK, glance, packs_of
from git_hybrid.git.quarantine import ATTRIBUTES
from support.cli import Hybrid
from support.kit import git
from support.upstream import Exec, Link, UpstreamFactory

FILES = {f"folder{number % 7}/file{number}.txt": f"content {number}\n" for number in range(60)}


def ready(clone: Path, commit: str) -> None:
    """Make *clone* what the tool makes of a clone: its attributes, HEAD and ref at the commit, its settings."""
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/attributes").write_text(ATTRIBUTES)
    git("checkout", "-q", "--detach", commit, cwd=clone)
    git("update-ref", "refs/hybrid/pin", commit, cwd=clone)
    git("reset", "-q", "--hard", commit, cwd=clone)
    (clone / ".git" / MARK).write_bytes(packs_of(str(clone / ".git")))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    clone = tmp_path / "ws/sources/tool"
    for name, text in FILES.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text(text)
    (clone / "run.sh").write_text("#!/bin/sh\n")
    (clone / "run.sh").chmod(0o755)
    (clone / "link").symlink_to("run.sh")
    git("init", "-q", "--template=", cwd=clone)
    git("add", "-A", cwd=clone)
    git("commit", "-q", "-m", "x", cwd=clone)
    git("repack", "-a", "-d", "-q", cwd=clone)
    ready(clone, git("rev-parse", "HEAD", cwd=clone).strip())
    return clone


def is_untouched(clone: Path) -> bool:
    commit, tree = PINNED.get(str(clone)) or _named(clone)
    PINNED[str(clone)] = commit, tree
    found = glance(str(clone), Oid(commit), Oid(tree))
    return found is not None and not found.dirty_count


PINNED: dict[str, tuple[str, str]] = {}


def _named(clone: Path) -> tuple[str, str]:
    commit, tree = git("rev-parse", "HEAD", "HEAD^{tree}", cwd=clone).split()
    return commit, tree


def test_a_clone_of_the_tool_needs_no_second_look(
    workspace: Path, hybrid: Hybrid, upstream_factory: UpstreamFactory
) -> None:
    upstream = upstream_factory()
    upstream.commit({**FILES, "run.sh": Exec(b"#!/bin/sh\n"), "link": Link("run.sh")})
    hybrid("init")
    hybrid("add", upstream.url, "--name", "tool")
    hybrid("sync")
    assert is_untouched(workspace / "sources/tool")


def keep_times(path: Path, change: Callable[[Path], object]) -> None:
    before = path.lstat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns), follow_symlinks=False)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)


def swapped(path: Path) -> None:
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    flipped(copy)
    os.utime(copy, ns=(path.lstat().st_atime_ns, path.lstat().st_mtime_ns))
    copy.rename(path)


def relinked(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd"[:6])


TOUCHES: dict[str, Callable[[Path], object]] = {
    "a byte, size and time kept": lambda clone: keep_times(clone / "folder1/file1.txt", flipped),
    "another file in its place": lambda clone: swapped(clone / "folder1/file1.txt"),
    "truncated": lambda clone: (clone / "folder1/file1.txt").write_bytes(b""),
    "executable": lambda clone: (clone / "folder1/file1.txt").chmod(0o755),
    "no longer executable": lambda clone: (clone / "run.sh").chmod(0o644),
    "another link": lambda clone: relinked(clone / "link"),
    "a file for a link": lambda clone: ((clone / "link").unlink(), (clone / "link").write_text("run.sh")),
    "deleted": lambda clone: (clone / "folder1/file1.txt").unlink(),
    "added": lambda clone: (clone / "folder1/more.txt").write_text("x"),
    "added at the top": lambda clone: (clone / "more.txt").write_text("x"),
    "ignored": lambda clone: (
        (clone / ".git/info/exclude").write_text("*.log\n"),
        (clone / "a.log").write_text("x"),
    ),
    "a folder for a file": lambda clone: ((clone / "run.sh").unlink(), (clone / "run.sh").mkdir()),
    "staged": lambda clone: ((clone / "run.sh").write_text("y"), git("add", "run.sh", cwd=clone)),
    "assumed unchanged": lambda clone: git("update-index", "--assume-unchanged", "run.sh", cwd=clone),
    "skipped": lambda clone: git("update-index", "--skip-worktree", "run.sh", cwd=clone),
    "a commit": lambda clone: git("commit", "-q", "--allow-empty", "-m", "x", cwd=clone),
    "a branch": lambda clone: git("checkout", "-q", "-b", "mine", cwd=clone),
    "settings": lambda clone: git("config", "core.autocrlf", "true", cwd=clone),
    "attributes": lambda clone: (clone / ".git/info/attributes").write_text("* text\n"),
    "a lock": lambda clone: (clone / ".git/index.lock").touch(),
    "a merge": lambda clone: (clone / ".git/MERGE_HEAD").write_text("x"),
    "no objects": lambda clone: shutil.rmtree(clone / ".git/objects"),
    "an empty pack": lambda clone: [path.unlink() for path in (clone / ".git/objects/pack").glob("*.pack")],
    "another pack": lambda clone: git("repack", "-a", "-d", "-q", "-f", "--depth=1", cwd=clone),
    "no mark": lambda clone: (clone / ".git" / MARK).unlink(),
    "borrowed objects": lambda clone: (
        (clone / ".git/objects/info").mkdir(exist_ok=True),
        (clone / ".git/objects/info/alternates").write_text("/x\n"),
    ),
    "shallow": lambda clone: (clone / ".git/shallow").write_text("x"),
    "no index": lambda clone: (clone / ".git/index").unlink(),
    "half an index": lambda clone: (clone / ".git/index").write_bytes((clone / ".git/index").read_bytes()[:99]),
    "gone": shutil.rmtree,
    "a link to it": lambda clone: (clone.rename(clone.with_name("x")), clone.symlink_to("x")),
}


def test_an_untouched_clone_needs_no_second_look(clone: Path) -> None:
    assert is_untouched(clone)


@pytest.mark.parametrize("touch", TOUCHES)
def test_whatever_is_touched_leaves_a_doubt(touch: str, clone: Path) -> None:
    assert is_untouched(clone)
    TOUCHES[touch](clone)
    assert not is_untouched(clone)


def test_every_file_of_a_tree_counts(clone: Path) -> None:
    for name in FILES:
        path = clone / name
        before = path.read_bytes()
        keep_times(path, flipped)
        assert not is_untouched(clone), name
        path.write_bytes(before)
        # git compares whole seconds: another one makes it write down what it sees.
        earlier = path.stat().st_mtime_ns - 10**11
        os.utime(path, ns=(earlier, earlier))
        subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=clone, check=True)
        assert is_untouched(clone), name


def test_a_file_written_with_the_index_is_read(clone: Path) -> None:
    path, index = clone / "run.sh", clone / ".git/index"
    os.utime(index, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    assert is_untouched(clone)
    stale = index.stat().st_mtime_ns
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"!")
    subprocess.run(["git", "update-index", "-q", "--refresh"], cwd=clone, check=False)
    os.utime(index, ns=(stale, stale))
    assert not is_untouched(clone)
