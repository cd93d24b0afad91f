"""Which commits are being pushed: what git tells a ``pre-push`` hook (githooks(5))."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.files import LOCK, LOG
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.ahead import question
from git_hybrid.git.patches import hashed
from git_hybrid.git.repository import Repository

Line = tuple[str, str, str, str]
"""What is pushed: what it is called here, its id or whatever names it, the ref that it goes to, and what that has."""
Replaced = tuple[bytes, tuple[str, ...]]
"""A lock, and the SHA-256 of each line of the log beside it."""
_LOOK = ("git", "cat-file", "--batch-check=%(objectname) %(objecttype)")
_KINDS = frozenset({"commit", "tree", "blob"})
_TAGS = "refs/tags/"
_ID = pattern(r"[0-9a-f]{40,64}")


class Pushed(Struct, frozen=True):
    """A commit that is pushed: what it is called here, and whether it goes to tags alone.

    ``before`` are the commits that the branches have which it goes to, as far as they are here.
    """

    commit: str
    ref: str = ""
    is_tag: bool = False
    before: tuple[str, ...] = ()


def pushed_lines(told: bytes) -> Sequence[Line]:
    """Return what the lines *told* by git say: local ref, local id, remote ref, remote id."""
    lines = (line.rsplit(" ", 3) for line in told.decode("utf-8", "surrogateescape").split("\n") if line)
    # A line of another kind names nothing that git knows. What is deleted has an id of zeros.
    found = [words if len(words) == 4 else ("", " ".join(words), "", "") for words in lines]
    return [(ref, name, remote, old) for ref, name, remote, old in found if name.strip("0")]


def commits(repository: Repository, lines: Iterable[Line], where: str) -> Sequence[Pushed]:
    """Return the commits that *lines* name, each once; a tag of something else has no files.

    Raises:
        BadArgument: what *where* names is not here, so nobody can tell whether it holds.
        GitRefused: git does not answer.
    """
    # Each name is one line of the question, and has one of the answer.
    lines = [(ref, name.replace("\n", " "), remote, old) for ref, name, remote, old in lines]
    stdin = question(f"{name}^{{}}" for _, name, *_ in lines)
    told = repository.ask(_LOOK, stdin=stdin).decode("utf-8", "replace").split("\n") if lines else []
    found: dict[str, Pushed] = {}
    before: dict[str, set[str]] = {}
    for (ref, name, remote, old), answer in zip(lines, told, strict=False):
        oid, _, kind = answer.rpartition(" ")
        if kind not in _KINDS:
            hint = f"unset {where}" if where.isupper() else "git fsck"
            raise BadArgument(what=where, value=name, reason="names no commit of this repository", hint=hint)
        is_tag = remote.startswith(_TAGS)
        if kind == "commit" and (oid not in found or (found[oid].is_tag and not is_tag)):
            found[oid] = Pushed(oid, ref, is_tag)
        if kind == "commit" and not is_tag and _ID.fullmatch(old) and old.strip("0"):
            before.setdefault(oid, set()).add(old)
    here = _commits_here(repository, sorted(set().union(*before.values())))
    return tuple(replace(item, before=tuple(sorted(before.get(item.commit, set()) & here))) for item in found.values())


def _commits_here(repository: Repository, names: Sequence[str]) -> set[str]:
    told = repository.ask(_LOOK, stdin=question(names)).decode("ascii", "replace").split("\n") if names else []
    return {name for name, answer in zip(names, told, strict=False) if answer == f"{name} commit"}


def published_logs(repository: Repository, path: str, log: bytes) -> Mapping[str, bytes]:
    """Return the logs at *path* of the commits that were pushed before, unless *log* only goes on from them.

    Where one has none there, it is the log that was moved to *path* since; each comes behind its archives.

    Raises:
        GitRefused: git does not answer.
    """
    found = zip(repository.before, repository.blobs(f"{commit}:{path}" for commit in repository.before), strict=False)
    odd = {name: told for name, told in found if not told or not log.startswith(told)}
    if not odd:
        return {}
    from git_hybrid.git.oldlogs import whole_logs

    return whole_logs(repository, path, log, odd)


def replaced(repository: Repository, commits: Sequence[str], folders: Sequence[str]) -> Mapping[str, Replaced]:
    """Return what those of *commits* have that the pushed one, or HEAD, takes the place of and does not go on from.

    *folders* are those where the workspace stands, and stood before. Nothing of one that has the same lock.

    Raises:
        GitRefused: git does not answer.
    """
    tip = repository.revision or "HEAD"
    here, *locks = repository.blobs(f"{commit}:./{folders[0]}{LOCK}" for commit in (tip, *commits))
    odd = [commit for commit, lock in zip(commits, locks, strict=True) if lock is None or lock != here]
    if here is None or not odd:
        return {}
    gone_on = ancestors(repository, odd)
    left = [commit for commit in odd if commit not in gone_on]
    places = [(commit, folder) for commit in left for folder in folders]
    told = repository.blobs(f"{commit}:./{folder}{name}" for commit, folder in places for name in (LOCK, LOG))
    found = zip(places, told[::2], told[1::2], strict=True)
    # The folder where it stands comes first, and a lock without a log is no workspace's.
    whole = [(commit, lock, log) for (commit, _), lock, log in found if lock and log]
    return {commit: (lock, hashed((log,))[0]) for commit, lock, log in reversed(whole)}


def pushed_tips(repository: Repository) -> Sequence[str]:
    """Return the commits that the branch which is checked out has on remotes, as far as it is known here.

    Raises:
        GitRefused: git does not answer.
    """
    branch = repository.run(("git", "symbolic-ref", "-q", "--short", "HEAD")).stdout.decode("utf-8", "surrogateescape")
    if not branch.strip():
        return ()
    told = repository.ask(("git", "for-each-ref", "--format=%(objectname)", f"refs/remotes/*/{branch.strip()}"))
    return tuple(dict.fromkeys(told.decode("ascii").split()))


def ancestors(repository: Repository, commits: Iterable[str]) -> frozenset[str]:
    """Return which of *commits* the pushed one, or HEAD, goes on from."""
    asked, tip = ("git", "merge-base", "--is-ancestor"), repository.revision or "HEAD"
    return frozenset(one for one in commits if repository.run((*asked, one, tip)).status == 0)


def is_gone_on_from(repository: Repository, commit: str) -> bool:
    """Tell whether a branch that is known here goes on from *commit*.

    Raises:
        GitRefused: git does not answer.
    """
    argv = ("git", "for-each-ref", "--format=%(objectname)", f"--contains={commit}", "refs/heads", "refs/remotes")
    return any(tip != commit for tip in repository.ask(argv).decode("ascii").split())


def commit_time(repository: Repository, commit: str) -> int:
    """Return when *commit* was made, as it says itself, in seconds; 0 where it does not say.

    Raises:
        GitRefused: git does not answer.
    """
    return int(repository.ask(("git", "show", "-s", "--format=%ct", commit)).strip() or 0)
