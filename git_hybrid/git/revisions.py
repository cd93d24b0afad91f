"""What another commit of the repository that a workspace is in has of its files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.value import Struct
from git_hybrid.git.ahead import question
from git_hybrid.git.patches import has_commit
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner

_SIZES = ("git", "cat-file", "--batch-check=%(objectsize)")


class Then(Struct, frozen=True):
    """A commit by its id, and the content that it has of files by their paths from the root of the workspace.

    ``folder`` is where that stood in it, from the top of the repository, if it was moved since.
    """

    commit: str
    files: Mapping[str, bytes | None]
    folder: str | None = None


def files_at(runner: Runner, root: Path, revision: str, names: Sequence[str], *, option: str, largest: int) -> Then:
    """Return what the commit *revision*, which *option* was given, has of the files *names* of the workspace at *root*.

    None stands for one that is not there, or is no file. Where the first is not, the workspace may have stood in
    another folder.

    Raises:
        BadArgument: there is no such commit or no repository, or a file has more than *largest* bytes.
        GitRefused: git does not answer, or would have to fetch a file.
    """
    repository = around(runner, root)
    if repository.top is None:
        raise BadArgument(what=option, value=revision, reason="the workspace is in no git repository")
    argv = ["git", "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]
    done = None if revision.startswith("-") else repository.run(argv)
    if done is None or done.status != 0:
        raise no_commit(repository, option, revision)
    # An old git repeats the option.
    commit = done.stdout.decode("ascii").split()[-1]
    found = _files(repository, commit, repository.prefix(root), names, option, revision, largest)
    # Of another file of a workspace one may lie where no workspace was.
    if found[names[0]] is not None:
        return Then(commit, found)
    from git_hybrid.git.oldlogs import stood_in

    prefix = repository.prefix(root)
    others = [name for now in ("HEAD", "") for name in stood_in(repository, commit, prefix, now)]
    if not others:
        return Then(commit, found)
    return Then(commit, _files(repository, commit, others[0], names, option, revision, largest), others[0])


def no_commit(repository: Repository, option: str, revision: str) -> BadArgument:
    """Return the error for *revision*, which *option* was given, and which is no commit; a shallow clone may lack it.

    Raises:
        GitRefused: git does not answer.
    """
    if repository.top is None or not repository.is_shallow():
        return BadArgument(what=option, value=revision, reason="names no commit of the repository")
    why = "names no commit that this shallow clone has"
    return BadArgument(what=option, value=revision, reason=why, hint="git fetch --unshallow --tags")


def _files(
    repository: Repository, commit: str, folder: str, names: Sequence[str], option: str, revision: str, largest: int
) -> Mapping[str, bytes | None]:
    asked = [f"{commit}:./{folder}{name}" for name in names]
    sizes = repository.ask(_SIZES, stdin=question(asked)).splitlines()
    for name, size in zip(names, sizes, strict=True):
        if size.isdigit() and int(size) > largest:
            raise BadArgument(what=option, value=revision, reason=f"its {name} is larger than {largest >> 20} MiB")
    return dict(zip(names, repository.blobs(asked), strict=True))


def are_commits(runner: Runner, root: Path, revisions: Sequence[str]) -> bool:
    """Tell whether each of *revisions* names a commit of the repository that *root* is in."""
    repository = around(runner, root)
    named = all(revision and not revision.startswith("-") for revision in revisions)
    return named and repository.top is not None and all(has_commit(repository, item) for item in revisions)
