"""Whether the machine lets a repository be read: git and libgit2 take what they may not open for what is not there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.git.health import trouble
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.standing import walked

_FILES = ("HEAD", "config", "packed-refs", "index", "shallow")
_DEEP = ("refs", "objects")


def refuse_closed(git_dir: Path) -> None:
    """Open each file that the refs and objects of the repository at *git_dir* are in, before it is called damaged.

    That takes as long as there are loose objects: ask where the repository is about to be given up.

    Raises:
        LocalIo: the machine does not let one be read, which says nothing about the repository.
    """
    for path in _paths(git_dir):
        try:
            file_at(path, links=True).close()
        except OSError as error:
            if trouble(str(error.strerror)) is not None:
                raise LocalIo.of(error, path, "read") from error


def _paths(git_dir: Path) -> Iterator[str]:
    yield from (f"{git_dir}/{name}" for name in _FILES)
    for top in _DEEP:
        for folder, _, files in walked(git_dir / top):
            yield from (f"{folder}/{name}" for name in files)
