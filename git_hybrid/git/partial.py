"""What a partial clone of the repository that a workspace is in can tell: for a question of ours nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.git.ahead import STAGED
from git_hybrid.git.repository import Repository, is_unfetched


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
            if tuple(argv) != STAGED or not is_unfetched(error.words):
                raise
        return b"".join(self._object(name) for name in (stdin or b"").splitlines(keepends=True))

    def _object(self, name: bytes) -> bytes:
        try:
            return super().ask(STAGED, stdin=name)
        except GitRefused as error:
            if not is_unfetched(error.words):
                raise
            return b"%b missing\n" % name.rstrip(b"\n")


def partly(repository: Repository) -> Repository:
    """Return *repository* as one of which some objects are not here."""
    return Partly(repository.runner, repository.top, repository.revision)
