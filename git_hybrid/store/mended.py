"""What mends a file of the workspace that cannot be read: the copy that git has of it, as a rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_hybrid.core.errors import InvalidFile


def from_git(path: str) -> str:
    """Return the mend by the copy of *path* that git has."""
    return f"where git has it: git checkout HEAD -- {path}"


@contextmanager
def mended(mend: str, otherwise: str = "") -> Iterator[None]:
    """Let what is wrong with the file that the block reads be told with its *mend*, unless that is known better.

    Raises:
        InvalidFile: as the block raised it.
    """
    try:
        yield
    except InvalidFile as error:
        if not error.mend:
            error.mend, error.otherwise = mend, otherwise
        raise
