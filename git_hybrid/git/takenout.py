"""A workspace that was committed once and is there no more: git has its audit log, which is to go on."""

from __future__ import annotations

from pathlib import Path
from shlex import join

from git_hybrid.core.errors import WorkspaceTakenOut
from git_hybrid.git.ahead import FILES, LOG
from git_hybrid.git.leftout import refuse_left_out
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner

_WITH_IT = (FILES[0], "state", "sources", ".gitattributes")
_SHOWN = 12


def refuse_taken_out(runner: Runner, root: Path) -> None:
    """Refuse to begin a second audit log where HEAD or a commit before it has one and the disk has none.

    Raises:
        WorkspaceTakenOut: with the command that takes its files from the commit that has it last.
        NotCheckedOut: it is there, and left out of a sparse checkout.
    """
    repository = around(runner, root)
    if repository.top is None or (root / LOG).exists():
        return
    refuse_left_out(repository, root)
    for revision in ("HEAD", *_last(root, runner)):
        done = repository.run(["git", "ls-tree", "--name-only", "-z", revision, "--", *_WITH_IT], cwd=root)
        logged = repository.run(["git", "cat-file", "-e", f"{revision}:./{LOG}"], cwd=root)
        if logged.status == 0:
            found = done.stdout.decode("utf-8", "surrogateescape").split("\0")
            mend = join(["git", "-C", str(root), "checkout", revision, "--", *filter(None, found)])
            raise WorkspaceTakenOut(path=str(root), mend=mend)


def _last(root: Path, runner: Runner) -> list[str]:
    """Return the commit before the one that took the log out."""
    argv = ["git", "log", "-1", "--diff-filter=D", "--no-renames", "--format=%H", "HEAD", "--", f":(literal){LOG}"]
    done = around(runner, root).run(argv, cwd=root)
    return [f"{line[:_SHOWN]}^" for line in done.stdout.decode("ascii", "replace").split()]
