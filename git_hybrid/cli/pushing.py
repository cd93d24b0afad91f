"""What a hook before a push does more: which commits it checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.git.pushed import Pushed, commits, pushed_lines
from git_hybrid.git.repository import Repository


def named_by_git(repository: Repository) -> Sequence[Pushed]:
    """Return the commits that git names on the standard input (githooks(5)).

    Raises:
        BadArgument: one of them is not here.
        GitRefused: git does not answer.
    """
    with open(0, "rb", closefd=False) as told:
        return commits(repository, pushed_lines(told.read()), "standard input")


def named_by_framework(
    repository: Repository, environ: Mapping[str, str], names: Sequence[str]
) -> Sequence[Pushed | None]:
    """Return the commit that the first of the variables *names* names; None is what is about to be committed.

    They may be left over from a run in which this one was started. The pre-commit framework says where it pushes to,
    and git names the index of a commit: where both are said, or neither is, both are checked.

    Raises:
        BadArgument: that commit is not here.
        GitRefused: git does not answer.
    """
    is_push, is_commit = bool(environ.get("PRE_COMMIT_REMOTE_NAME")), bool(environ.get("GIT_INDEX_FILE"))
    if is_commit and not is_push:
        return (None,)
    where = next(name for name in names if environ.get(name))
    line = (environ.get("PRE_COMMIT_LOCAL_BRANCH", ""), environ[where], environ.get("PRE_COMMIT_REMOTE_BRANCH", ""))
    found = commits(repository, (line,), where)
    return found if is_push and not is_commit else (None, *found)
