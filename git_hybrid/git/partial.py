"""What a partial clone of the repository that a workspace is in can tell: for a question of ours nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.git.ahead import STAGED, question
from git_hybrid.git.repository import Repository, blobs, refused, unfetched
from git_hybrid.git.run import items


class Partly(Repository):
    """A repository some of whose objects are still where it was cloned from: they count as missing."""

    def ask(self, argv: Sequence[str], *, stdin: bytes | None = None, cwd: Path | None = None) -> bytes:
        """Return what the git command *argv* writes; of several objects those that are there.

        Raises:
            GitRefused: git does not answer, or it has to fetch for another question.
        """
        try:
            return super().ask(argv, stdin=stdin, cwd=cwd)
        except GitRefused as error:
            if tuple(argv) != STAGED or not error.is_unfetched:
                raise
        return b"".join(self._object(name) for name in (stdin or b"").splitlines(keepends=True))

    def _require_fetched(self, question: bytes, told: bytes) -> None:
        """Let an answer pass, whatever it lacks."""

    def _object(self, name: bytes) -> bytes:
        try:
            return super().ask(STAGED, stdin=name)
        except GitRefused as error:
            if not error.is_unfetched:
                raise
            return b"%b missing\n" % name.rstrip(b"\n")


def partly(repository: Repository) -> Repository:
    """Return *repository* as one of which some objects are not here."""
    return Partly(repository.runner, repository.top, repository.revision, repository.before)


def require_fetched(repository: Repository, question: bytes, told: bytes) -> None:
    """Refuse an answer in which something is missing that *repository*, a partial clone, knows of and lacks.

    *told* is what :data:`STAGED` was answered to *question*, at the top. Since git 2.45 it says no more of what was not
    fetched than of what never was.

    Raises:
        GitRefused: that is so, or git cannot tell, since folders of a commit are not here.
    """
    lacking: dict[str, list[str]] = {}
    for name, blob in zip(question.decode("utf-8", "surrogateescape").split("\n"), blobs(told), strict=False):
        if blob is None:
            commit, is_path, path = name.partition(":")
            if not is_path:
                raise unfetched(repository, f"{name} was not fetched")
            lacking.setdefault(commit, []).append(path.removeprefix("./"))
    for commit in _commits(repository, lacking):
        argv = ["git", "ls-tree", "-z", "--full-tree", commit] if commit else ["git", "ls-files", "--stage", "-z"]
        listed = repository.run([*argv, "--", *(path if commit else f":(literal){path}" for path in lacking[commit])])
        if listed.status != 0:
            raise refused(repository, listed.stderr)
        found = [item.partition("\t") for item in items(listed.stdout)]
        if paths := [path for what, _, path in found if " blob " in what or (not commit and what.endswith(" 0"))]:
            raise unfetched(repository, f"{paths[0]} was not fetched")


def _commits(repository: Repository, names: Iterable[str]) -> list[str]:
    """Return those of *names* that are commits of the repository; one that is empty is the index."""
    asked = list(names)
    stdin = question(f"{name or 'HEAD'}^{{commit}}" for name in asked)
    told = repository.ask(["git", "cat-file", "--batch-check=%(objecttype)"], stdin=stdin).split(b"\n")
    return list(compress(asked, (line == b"commit" for line in told)))
