"""What a partial clone of the repository that a workspace is in can tell: for a question of ours nothing is fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.git.ahead import STAGED
from git_hybrid.git.repository import Repository, refused, unfetched


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

    def _object(self, name: bytes) -> bytes:
        try:
            return super().ask(STAGED, stdin=name)
        except GitRefused as error:
            if not error.is_unfetched:
                raise
            return b"%b missing\n" % name.rstrip(b"\n")


def partly(repository: Repository) -> Repository:
    """Return *repository* as one of which some objects are not here."""
    return Partly(repository.runner, repository.top, repository.revision)


def require_fetched(repository: Repository, commits: Iterable[str], path: str) -> None:
    """Refuse those of *commits*, which need not exist, that have a file at *path*, from the top, which is not here.

    Since git 2.45 ``cat-file`` says of it no more than of one that is not in the commit.

    Raises:
        GitRefused: one has, or git cannot tell, since folders of the commit are not here.
    """
    names = list(commits)
    question = "".join(f"{name}^{{commit}}\n" for name in names).encode("utf-8", "surrogateescape")
    told = repository.ask(["git", "cat-file", "--batch-check=%(objecttype)"], stdin=question).split(b"\n")
    for commit in compress(names, (line == b"commit" for line in told)):
        listed = repository.run(["git", "ls-tree", "-z", "--full-tree", commit, "--", path])
        if listed.status != 0:
            raise refused(repository, listed.stderr)
        if b" blob " in listed.stdout:
            raise unfetched(repository, f"{path} of {commit} was not fetched")
