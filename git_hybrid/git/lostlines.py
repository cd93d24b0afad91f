"""What a log has lost, and which commit has that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.files import LOG
from git_hybrid.git.appended import appended, logged_anywhere
from git_hybrid.git.patches import hashed, logs_in
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner

_MANY = "-n50"
"""So many commits are looked at for one that has what was lost: the log of a few days."""


def restoring(
    repository: Repository, files: Sequence[str], folders: Sequence[str], known: tuple[Mapping[str, str], ...]
) -> Mapping[str, str]:
    """Return the lines of a log that has what the *files* of HEAD have lost, each with where that is.

    It is the newest commit that has all of that, as a merge of two sides does, or else the one that the last line came
    with. *folders* are those where the log stands, and stood before its workspace was moved; *known* is what was
    committed of it here, and there, by line with the commit. A folder before stands behind the commit and a colon.

    Raises:
        GitRefused: git does not answer.
    """
    here, before = known
    kept = {line for side in hashed(repository.blobs(f"HEAD:{file}" for file in files)) for line in side}
    own, former = ([line for line in lines if line not in kept] for lines in (here, before))
    found = dict[str, str]()
    if former:
        each = [side for folder in folders[1:] for side in _sides(repository, folder, before[former[-1]])]
        found = _first(each, former)
    if own:
        sides = _sides(repository, folders[0], here[own[-1]])
        found |= _first([(name.partition(":")[0], lines) for name, lines in sides], own)
    return found


def committed_lines(repository: Repository, folders: Sequence[str]) -> Iterator[bytes]:
    """Yield the lines that the commits of HEAD's history put into the log of the workspace in *folders*.

    Of a partial clone that lacks some of them there are none.

    Raises:
        GitRefused: git does not answer.
    """
    logs = [name for folder in folders for name in logs_in(folder)]
    try:
        found = tuple(appended(repository, (repository.revision or "HEAD",), logs))
    except GitRefused as error:
        if not error.is_unfetched:
            raise
        return
    yield from (item.line.encode("utf-8", "surrogateescape").removesuffix(b"\r") for item in found)


def lines_anywhere(runner: Runner, root: Path) -> tuple[bytes, ...]:
    """Return what :func:`logged_anywhere` does, and then what HEAD's history had where its log was edited later.

    Raises:
        GitRefused: git does not answer.
    """
    repository = around(runner, root)
    found = dict.fromkeys(logged_anywhere(runner, root))
    return tuple(found | dict.fromkeys(committed_lines(repository, (repository.prefix(root),))))


def _sides(repository: Repository, folder: str, last: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    newest = repository.ask(("git", "rev-list", _MANY, "HEAD", "--", f":(top,literal){folder}{LOG}")).decode().split()
    commits = (*newest, last)
    found = hashed(repository.blobs(f"{commit}:{folder}{LOG}" for commit in commits))
    return ((f"{commit[:12]}:{folder}", side) for commit, side in zip(commits, found, strict=True))


def _first(sides: Sequence[tuple[str, tuple[str, ...]]], lost: Sequence[str]) -> dict[str, str]:
    """Return the lines of the first of *sides* that has all that is *lost*, or of the last one, each with its name."""
    all_of = frozenset(lost)
    name, lines = next(((name, side) for name, side in sides if all_of.issubset(side)), sides[-1])
    return dict.fromkeys(lines, name)
