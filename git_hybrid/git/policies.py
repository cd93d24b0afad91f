"""Which manifests say what was allowed where a record of the audit log was committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.files import LOG, MANIFEST
from git_hybrid.core.value import Struct
from git_hybrid.core.values import parse_time
from git_hybrid.git.former import at_its_place
from git_hybrid.git.patches import MERGES_TOO, has_commit, line_hash, log_lines, logged, logs_in
from git_hybrid.git.repository import Repository, refused

Manifests = Sequence[bytes | None]
_REMOTES = "refs/remotes"
_HEADS = f"{_REMOTES}/*/HEAD"
_IS_THERE = "--diff-filter=AMT"


class _Unpushed(Struct, frozen=True):
    """The commits that no branch of a remote has, and those that they go on from there."""

    commits: frozenset[str] = frozenset()
    bases: tuple[str, ...] = ()


class Places(Struct, frozen=True):
    """The ``folders`` in which a workspace stands, or stood before, the last one first, and ``lines`` of its log."""

    folders: Sequence[str]
    lines: Collection[str] = frozenset()


def before_next(repository: Repository, places: Places) -> Manifests:
    """Return the manifest of what the commit to be judged is made from, by :func:`git.former.at_its_place`."""
    return _if_here(lambda: _at(repository, places, [f"{repository.revision}^1" if repository.revision else "HEAD"]))


def manifests_of(
    repository: Repository, places: Places, commit_of: Callable[[str], str | None]
) -> Callable[[str | None, str], Manifests]:
    """Return what tells the manifests that count for the line of a record, as :class:`Witnesses` has it.

    What no branch of a remote has yet is held against what it goes on from there; the rest against the first parent of
    the merge, or of the commit, that brought it: within a branch everybody writes the policy that suits him, and writes
    it back. What the commit of the line was made on counts too, for whoever merges it may have made policy stricter
    meanwhile, also where the branch was brought up to that afterwards; and so does how the line came into the main
    branch of a remote, which one's own branch may have been brought up to. Of what it was made on the newest counts:
    who had today's policy cannot say that his branch began before it; nor can who made the record after the main branch
    had another. Where a shallow clone ends before that, nobody can tell.
    """
    tip = repository.revision or "HEAD"

    @cache
    def unpushed() -> _Unpushed:
        return _unpushed(repository, tip)

    @cache
    def trunk(name: str) -> Mapping[str, tuple[str, ...]]:
        return _trunk(repository, places.folders, name)

    @cache
    def names_of(line: str, at: str) -> tuple[str, ...]:
        commit = commit_of(line)
        if commit in unpushed().commits and unpushed().bases:
            bases = _newest(repository, str(commit))
            return (tip, *_as_of(repository, places, bases, _mains(repository) or unpushed().bases, at))
        after, *parents = trunk(tip).get(line) or _commits(repository, "rev-list", "--parents", "-1", str(commit))
        if not parents:
            return (after,)
        if _is_cut(repository, parents):
            return (after,)
        bases = _made_on(repository, str(commit), parents[0]) if len(parents) > 1 else ()
        bases = _as_of(repository, places, bases, parents[:1], at)
        others = [name for name in _mains(repository) if line in trunk(name)]
        return (after, parents[0], *bases, *(found for name in others for found in trunk(name)[line][:2]))

    @cache
    def told(line: str | None, at: str) -> Manifests:
        if line is None:
            return before_next(repository, places)
        return _if_here(lambda: _at(repository, places, names_of(str(line), at)))

    return told


def shared_lines(repository: Repository, folder: str) -> Callable[[str], bool]:
    """Return what tells whether a branch of a remote has a line of the log in *folder* that is pushed."""

    @cache
    def known() -> frozenset[str]:
        bases = _unpushed(repository, repository.revision).bases
        try:
            found = repository.blobs(f"{base}:./{folder}{LOG}" for base in bases)
        except GitRefused as error:
            if not error.is_unfetched:
                raise
            return frozenset()
        return frozenset(line_hash(line) for blob in found if blob for line in blob.split(b"\n"))

    return lambda line: line in known()


def _if_here(ask: Callable[[], Manifests]) -> Manifests:
    try:
        return ask()
    except GitRefused as error:
        if not error.is_unfetched:
            raise
        # A partial clone may lack what tells it: nobody can.
        return ()


def _at(repository: Repository, places: Places, commits: Sequence[str]) -> Manifests:
    found = at_its_place(repository, commits, places.folders, MANIFEST, places.lines)
    texts = zip(commits, found, strict=True)
    return [_last(repository, places, commit) if text is None else text for commit, text in texts]


def _last(repository: Repository, places: Places, commit: str) -> bytes | None:
    """Return the manifest that the workspace had before it was taken out of *commit*; None if it never was there.

    A file of that name may have been there before; what counts is that its log was.
    """
    for way in (("--first-parent", "-m"), MERGES_TOO):
        *_, logged_at = "", *_listed(repository, places, LOG, "-1", _IS_THERE, "--format=%H", *way, commit)
        *_, last = "", *_listed(repository, places, MANIFEST, "-1", _IS_THERE, "--format=%H", *way, commit)
        if logged_at and last:
            (log,) = at_its_place(repository, [logged_at], places.folders, LOG, places.lines)
            first = next(log_lines(log or b""), b"")
            if first and (not places.lines or line_hash(first) in places.lines):
                return at_its_place(repository, [last], places.folders, MANIFEST, places.lines)[0]
    return None


def _listed(repository: Repository, places: Places, name: str, *argv: str) -> Sequence[str]:
    """Return the lines of what ``git log`` with *argv* lists that changed the file *name* of the workspace."""
    paths = (f":(top,literal){folder}{name}" for folder in places.folders)
    done = repository.run(["git", "log", "--no-renames", *argv, "--", *paths])
    if done.status != 0 and has_commit(repository, "HEAD"):
        raise refused(repository, done.stderr)
    return done.stdout.decode("ascii", "replace").splitlines()


def _as_of(
    repository: Repository, places: Places, bases: Sequence[str], mains: Sequence[str], at: str
) -> tuple[str, ...]:
    """Return those of *bases*, and of what the *mains* had after them, whose policy was in force *at* a time.

    That is so until the next change of the manifest: of a branch that began before it only what it did before counts.
    """
    then, found = parse_time(at).timestamp(), dict[str, None]()
    for base in bases:
        is_last = True
        for main in mains:
            argv = ("--first-parent", "-m", "--reverse", "--format=%H %ct", main, f"^{base}")
            changes = [line.split() for line in _listed(repository, places, MANIFEST, *argv) if line]
            is_last = is_last and all(int(time) >= then for _, time in changes[:1])
            nexts = [int(time) for _, time in changes[1:]]
            found |= dict.fromkeys(
                name for (name, _), time in zip(changes, (*nexts, then), strict=False) if time >= then
            )
        found |= {base: None} if is_last else {}
    return tuple(found)


def _commits(repository: Repository, *argv: str) -> tuple[str, ...]:
    return tuple(repository.run(["git", *argv]).stdout.decode("ascii", "replace").split())


def _mains(repository: Repository) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_commits(repository, "for-each-ref", "--format=%(objectname)", _HEADS)))


def _unpushed(repository: Repository, tip: str) -> _Unpushed:
    if not _commits(repository, "for-each-ref", "--count=1", "--format=%(objectname)", _REMOTES):
        return _Unpushed()
    found = _commits(repository, "rev-list", "--boundary", tip, "--not", "--remotes")
    bases = tuple(name[1:] for name in found if name.startswith("-"))
    return _Unpushed(frozenset(found), bases)


def _newest(repository: Repository, commit: str) -> tuple[str, ...]:
    """Return what *commit*, which no branch of a remote has, goes on from there, without what that has before it."""
    found = _commits(repository, "rev-list", "--boundary", commit, "--not", "--remotes")
    bases = tuple(name[1:] for name in found if name.startswith("-"))
    return _commits(repository, "merge-base", "--independent", *bases) if bases else ()


def _made_on(repository: Repository, commit: str, main: str) -> tuple[str, ...]:
    """Return the last commit on the way back from *main* by first parents that *commit* has before it.

    What a merge brought there has the policy that its branch suited itself with.
    """
    found = _commits(repository, "rev-list", "--first-parent", "--boundary", main, f"^{commit}")
    return tuple(name[1:] for name in found if name.startswith("-"))


def _is_cut(repository: Repository, parents: Sequence[str]) -> bool:
    """Tell whether a shallow clone ends within the merged sides of a commit: all of its *parents* but the first."""
    main, *sides = parents
    if not sides:
        return False
    told = repository.run(["git", "rev-list", "--boundary", "--parents", *sides, "--not", main]).stdout
    found = [line.split() for line in told.decode("ascii", "replace").splitlines()]
    is_cut = any(len(line) == 1 and not line[0].startswith("-") for line in found)
    return is_cut and _commits(repository, "rev-parse", "--is-shallow-repository") == ("true",)


def _trunk(repository: Repository, folders: Sequence[str], tip: str) -> Mapping[str, tuple[str, ...]]:
    """Return the SHA-256 of each line of the log that commits on the way back by first parents brought.

    Each has the commit that brought it first, and its parents.
    """
    from git_hybrid.git.appended import appended

    logs = [name for folder in folders for name in logs_in(folder)]
    found = list(appended(repository, (tip, "--first-parent"), logs))
    parents = {item.commit: item.parents for item in found}
    return {line: (commit, *parents[commit]) for line, commit in logged(found).items()}
