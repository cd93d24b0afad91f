"""A workspace whose manifest or audit log was committed once and is there no more: git has it, and it is to go on."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.errors import WorkspaceTakenOut
from git_hybrid.core.files import FILES, LOG
from git_hybrid.core.words import typed
from git_hybrid.git.bare import refuse_bare
from git_hybrid.git.leftout import refuse_left_out
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner, items

_MANIFEST, _STATE = FILES[0], "state"
_WITH_IT = (_MANIFEST, "sources", ".gitattributes")
_WORDS = {_MANIFEST: _MANIFEST, LOG: "audit log"}
_SHOWN = 12
_LATELY = "-n100"
"""So many commits are looked at before a folder counts as one that never had a workspace."""


def refuse_taken_out(runner: Runner, root: Path) -> None:
    """Refuse to begin anew where HEAD or a commit before it has a workspace, and the disk not all that makes it one.

    Raises:
        WorkspaceTakenOut: with the command that takes its files from the commit that has it last.
        NotCheckedOut: it is there, and left out of a sparse checkout.
        NoWorkspace: git has no working tree there.
    """
    repository, lost = around(runner, root), _lost(root)
    if repository.top is None or not lost:
        return
    refuse_bare(runner, root)
    refuse_left_out(repository, root)
    for revision in ("HEAD", *_last(repository, root, lost)):
        _refuse(repository, root, revision, lost)


def refuse_taken_out_above(runner: Runner, start: Path) -> None:
    """Refuse the nearest workspace that *start* may be in, of which HEAD has a ``sources.toml`` and the disk has none.

    Raises:
        WorkspaceTakenOut: as :func:`refuse_taken_out`.
    """
    repository = around(runner, start)
    for folder in (start, *start.parents):
        if repository.top is not None and folder.is_relative_to(repository.top):
            _refuse(repository, folder, "HEAD", _lost(folder))


def refuse_taken_out_lately(runner: Runner, start: Path) -> None:
    """Do the same where one of the last commits, as a revert does, took it out and git has no workspace elsewhere.

    Who comes to a folder that never had one does not wait for all of history: ``init`` looks at that.

    Raises:
        WorkspaceTakenOut: as :func:`refuse_taken_out`.
    """
    repository = around(runner, start)
    if repository.top is None or repository.run(["git", "ls-files", "--", f":(top,glob)**/{_MANIFEST}"]).stdout:
        return
    commits = repository.run(["git", "rev-list", _LATELY, "HEAD"]).stdout.decode("ascii", "replace").split()
    for folder in (start, *start.parents) if commits else ():
        if folder.is_relative_to(repository.top):
            lost = _lost(folder)
            for revision in _last(repository, folder, lost, "--no-walk", *commits):
                _refuse(repository, folder, revision, lost)


def _lost(root: Path) -> list[str]:
    """Return what the disk has not of the files that make *root* a workspace with a past; an empty log is none."""
    log = root / LOG
    is_log = log.exists() and log.stat().st_size > 0
    return [name for name, is_there in ((_MANIFEST, (root / _MANIFEST).exists()), (LOG, is_log)) if not is_there]


def _refuse(repository: Repository, root: Path, revision: str, lost: list[str]) -> None:
    if not {LOG, *lost}.issubset(_has(repository, root, revision, _MANIFEST, LOG)):
        return
    # All of state goes with its log. Of the rest, what is there may have been edited since.
    others = [name for name in _has(repository, root, revision, *_WITH_IT) if not os.path.lexists(root / name)]
    names = [*others, _STATE] if LOG in lost else others
    mend = typed("git", "-C", str(root), "checkout", revision, "--", *sorted(names))
    raise WorkspaceTakenOut(path=str(root), what=" and no ".join(_WORDS[name] for name in lost), mend=mend)


def _has(repository: Repository, root: Path, revision: str, *names: str) -> list[str]:
    """Return those of *names*, paths from *root*, that *revision* has; a partial clone knows that of every commit."""
    told = repository.run(["git", "ls-tree", "--name-only", "-z", revision, "--", *names], cwd=root).stdout
    return items(told)


def _last(repository: Repository, root: Path, lost: list[str], *span: str) -> list[str]:
    """Return the commit before the one that took the last of what is *lost* out, of a *span* or of all of history."""
    argv = ["git", "log", "-1", "--diff-filter=D", "--no-renames", "--format=%H", *(span or ("HEAD",)), "--"]
    done = repository.run([*argv, *(f":(literal){name}" for name in lost)], cwd=root)
    return [f"{line[:_SHOWN]}^" for line in done.stdout.decode("ascii", "replace").split()]
