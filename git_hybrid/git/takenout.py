"""A workspace whose audit log was committed once and is there no more: git has the log, which is to go on."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import join

from git_hybrid.core.errors import WorkspaceTakenOut
from git_hybrid.git.ahead import FILES, LOG
from git_hybrid.git.leftout import refuse_left_out
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner

_STATE = "state"
_WITH_IT = (FILES[0], "sources", ".gitattributes")
_SHOWN = 12


def refuse_taken_out(runner: Runner, root: Path) -> None:
    """Refuse to begin a second audit log where HEAD or a commit before it has one and the disk none, or an empty one.

    Raises:
        WorkspaceTakenOut: with the command that takes its files from the commit that has it last.
        NotCheckedOut: it is there, and left out of a sparse checkout.
    """
    repository, log = around(runner, root), root / LOG
    if repository.top is None or (log.exists() and log.stat().st_size):
        return
    refuse_left_out(repository, root)
    for revision in ("HEAD", *_last(repository, root)):
        if _has(repository, root, revision, LOG):
            # All of state goes with its log. Of the rest, what is there may have been edited since.
            lost = [name for name in _has(repository, root, revision, *_WITH_IT) if not os.path.lexists(root / name)]
            mend = join(["git", "-C", str(root), "checkout", revision, "--", *sorted([*lost, _STATE])])
            raise WorkspaceTakenOut(path=str(root), mend=mend)


def _has(repository: Repository, root: Path, revision: str, *names: str) -> list[str]:
    """Return those of *names*, paths from *root*, that *revision* has; a partial clone knows that of every commit."""
    told = repository.run(["git", "ls-tree", "--name-only", "-z", revision, "--", *names], cwd=root).stdout
    return [name for name in told.decode("utf-8", "surrogateescape").split("\0") if name]


def _last(repository: Repository, root: Path) -> list[str]:
    """Return the commit before the one that took the log out."""
    argv = ["git", "log", "-1", "--diff-filter=D", "--no-renames", "--format=%H", "HEAD", "--", f":(literal){LOG}"]
    done = repository.run(argv, cwd=root)
    return [f"{line[:_SHOWN]}^" for line in done.stdout.decode("ascii", "replace").split()]
