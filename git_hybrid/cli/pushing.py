"""What a hook before a push does more: which commits it checks, which of their failures are past, what mends them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from git_hybrid.cli.hook_start import REMOTE
from git_hybrid.core.checks import Violation, failures
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import replace
from git_hybrid.core.words import typed
from git_hybrid.git.pushed import Pushed, commit_time, commits, is_gone_on_from, pushed_lines
from git_hybrid.git.repository import Repository
from git_hybrid.git.staged import Staged

Results = Mapping[str, tuple[Violation, ...]]
_BRANCHES, _TAGS = "refs/heads/", "refs/tags/"
# A source may have that name too, but nothing follows it.
_HEAD = pattern(r"(?<= )HEAD(?= -- | has )")


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
    is_push, is_commit = bool(environ.get(REMOTE)), bool(environ.get("GIT_INDEX_FILE"))
    if is_commit and not is_push:
        return (None,)
    where = next(name for name in names if environ.get(name))
    ref, remote, old = (environ.get(f"PRE_COMMIT_{name}", "") for name in ("LOCAL_BRANCH", "REMOTE_BRANCH", "FROM_REF"))
    # Without a push whoever calls it names two commits to compare.
    line = (ref, environ[where], remote, old if is_push else "")
    found = commits(repository, (line,), where)
    return found if is_push and not is_commit else (None, *found)


def as_pushed(results: Results, pushed: Pushed, index: Staged, judged: Callable[..., Results]) -> Results:
    """Return *results*, which fail, with mends for a commit that is made; *judged* tells how it stood at any time.

    What an old tag fails by time alone is a warning: the history has its commit, and the tip of a branch counts.

    Raises:
        HybridError: as *judged*.
    """
    repository, commit = index.repository, pushed.commit
    if pushed.is_tag and not index.is_at_head() and is_gone_on_from(repository, commit):
        made = commit_time(repository, commit)
        # As of a time that is still to come, records would hold that are still to come as well.
        if made < datetime.now(UTC).timestamp() and not failures(judged(now=datetime.fromtimestamp(made, UTC))):
            return {name: tuple(map(_as_past, found)) for name, found in results.items()}
    return {name: tuple(_after(item, commit) for item in found) for name, found in results.items()}


def _as_past(item: Violation) -> Violation:
    if item.level != "fail":
        return item
    why = "it held when that was committed, and a branch goes on from there"
    return replace(item, level="warn", why=why, mend="nothing for the tag; what holds today: git hybrid check")


def _after(item: Violation, commit: str) -> Violation:
    """Return *item*, whose mend is for a commit that is being made from HEAD, for the next one after *commit*."""
    return replace(item, mend=_HEAD.sub(f"{commit[:12]}~1", item.mend))


def where(pushed: Pushed) -> str:
    """Return the command after which the next commit is made from what is *pushed*."""
    is_branch = pushed.ref.startswith(_BRANCHES)
    return f"git checkout {typed(pushed.ref.removeprefix(_BRANCHES)) if is_branch else pushed.commit[:12]}"


def afterwards(pushed: Pushed) -> Sequence[str]:
    """Return the commands that bring what was mended, and staged, to where it is *pushed*."""
    is_tag = pushed.ref.startswith(_TAGS)
    return ("git commit", *((f"git tag -f -a {typed(pushed.ref.removeprefix(_TAGS))}",) if is_tag else ()))
