"""Bring a clone to a commit whatever state it is in, once all work in it is saved."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.errors import DirtySource
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import Clone
from git_hybrid.core.planner import source_path
from git_hybrid.core.ports_writer import Saved
from git_hybrid.git.attributes import smudging
from git_hybrid.git.clones import GitClones
from git_hybrid.git.eyes import open_eyes
from git_hybrid.git.inner import set_aside_unsaveable
from git_hybrid.git.local import must
from git_hybrid.git.operations import end_operations
from git_hybrid.git.quarantine import MOVED, Disk


def force(disk: Disk, clones: GitClones, name: SourceName, commit: Oid, saved: Saved, run: str) -> tuple[str, ...]:
    """Bring the clone of *name*, of which *saved* was saved, to *commit*; return what was set aside, in words.

    Raises:
        DirtySource: files are left that no reset may remove, such as another repository.
        LocalIo: the disk is full or refuses.
        GitFailed: git could not check it out.
    """
    path = clones.folder / name
    notes = set_aside_unsaveable(disk, clones, name, run, saved.unsaveable)
    end_operations(clones.runner, path, name=name)
    # HEAD is detached first: a reset would take the branch with it that the user stands on.
    _do(clones, path, "update-ref", "--no-deref", "-m", MOVED, "HEAD", commit)
    if (path / ".git/index").exists():
        open_eyes(clones.runner, disk, path / ".git", name=name)
    _do(clones, path, "reset", "--quiet", "--hard", commit)
    _do(clones, path, "clean", "--quiet", "--force", "-d")
    after = clones.inspect(name, commit)
    if isinstance(after, Clone) and after.dirty_count:
        raise DirtySource(name=name, path=source_path(name), files=after.dirty, count=after.dirty_count)
    return notes


def _do(clones: GitClones, path: Path, *arguments: str) -> None:
    git_dir = path / ".git"
    must(clones.runner, SourceName(path.name), git_dir, arguments, work_tree=path, environment=smudging(git_dir))
