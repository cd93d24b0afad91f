"""What somebody has begun in a clone and not ended: merge, rebase, am, cherry-pick, revert, bisect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from git_hybrid.core.ids import SourceName
from git_hybrid.git.local import failure, must
from git_hybrid.git.plainfiles import oids_in
from git_hybrid.git.run import Runner

IDENTITY = {
    f"GIT_{role}_{key}": value
    for role in ("AUTHOR", "COMMITTER")
    for key, value in (("NAME", "git hybrid"), ("EMAIL", "git-hybrid@localhost"))
}
"""Who commits what this tool saves; git ends some operations only for somebody who has a name."""

_BROUGHT = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "rebase-merge/orig-head", "rebase-apply/orig-head")
"""Which files of a repository name commits that something begun brings in, or began with."""

_BISECT_LOG, _BISECTED = "BISECT_LOG", "refs/bisect/"
# What `git bisect reset` takes away (bisect_clean_state in git's bisect.c); the last says that one is under way.
_BISECT = (
    *("BISECT_HEAD", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK", "BISECT_NAMES", "BISECT_RUN", "BISECT_TERMS"),
    *("BISECT_FIRST_PARENT", "BISECT_START", _BISECT_LOG),
)
# A merge first: what it had put aside, the others would let go.
_MARKS = {
    "merge": ("MERGE_HEAD", "MERGE_AUTOSTASH"),
    "rebase": ("rebase-merge", "rebase-apply/rebasing"),
    "am": ("rebase-apply",),
    "cherry-pick": ("CHERRY_PICK_HEAD",),
    "revert": ("REVERT_HEAD",),
}


def end_operations(runner: Runner, path: Path, *, name: SourceName) -> None:
    """End what was begun in the clone at *path*, without a change to HEAD or to any file.

    Raises:
        GitFailed: git did not end it.
        LocalIo: the disk is full or refuses.
        OSError: the file system refused.
    """
    git_dir = path / ".git"
    for command, marks in _MARKS.items():
        done = runner.git([command, "--quit"], git_dir=git_dir, work_tree=path, environment=IDENTITY)
        # Where nothing was begun git fails too.
        left = [git_dir / mark for mark in marks if (git_dir / mark).exists()]
        if done.status == 0 and all(mark.is_file() for mark in left):
            # It takes no ref away that it cannot read, as a power cut may leave one, and says nothing.
            for mark in left:
                mark.unlink()
        elif left:
            raise failure(name, command, done)
    if (git_dir / _BISECT_LOG).exists():
        refs = must(runner, name, git_dir, ["for-each-ref", "--format=delete %(refname)", _BISECTED]).stdout
        must(runner, name, git_dir, ["update-ref", "--no-deref", "--stdin"], stdin=refs)
    for file in _BISECT:
        (git_dir / file).unlink(missing_ok=True)


def brought(git_dir: Path, ask: Callable[..., str]) -> Iterator[str]:
    """Yield the commits that go with the end of what was begun; *ask* returns what git tells of the repository."""
    for mark in _BROUGHT:
        yield from oids_in(git_dir / mark)
    if (git_dir / _BISECT_LOG).exists():
        only = ask("rev-list", f"--glob={_BISECTED}*", "--not", f"--exclude={_BISECTED}*", "--all").split()
        yield from sorted({*ask("for-each-ref", "--format=%(objectname)", _BISECTED).split()}.intersection(only))


def patches(git_dir: Path) -> list[str]:
    """Return the names of the patches that ``git am`` was to apply, below ``rebase-apply``."""
    folder = git_dir / "rebase-apply"
    if not folder.is_dir() or (folder / "rebasing").exists():
        return []
    return sorted(file.name for file in folder.iterdir() if file.name.isdecimal() and file.is_file())
