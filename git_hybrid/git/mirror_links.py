"""No write goes through a symbolic link in a mirror folder, or in a clone: it would change what stands elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from git_hybrid.core.errors import SymlinkRefused, reported

_WRITTEN = ("objects", "lfs")
_NAMED = ("refs", "logs")


def refuse_links_to(folder: Path, parts: Sequence[str]) -> Path:
    """Return the path *parts* below *folder*; the folder itself may be a link, as its owner likes.

    Raises:
        SymlinkRefused: something on the way, or at the end of it, is one.
    """
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise SymlinkRefused(path=str(path))
    return path


def refuse_links_in(repository: Path) -> None:
    """Look where git and we write in a bare repository: at its top, in its folders of objects, and all that has refs.

    Raises:
        SymlinkRefused: there is a link.
        LocalIo: it cannot be read.
    """
    with reported(repository, "read"):
        for entry in _entries(repository):
            if entry.is_symlink():
                raise SymlinkRefused(path=entry.path)
        for path in _WRITTEN:
            _refuse(repository / path, deep=False)
        for path in _NAMED:
            _refuse(repository / path, deep=True)


def _refuse(folder: Path, *, deep: bool) -> None:
    left = [str(folder)]
    while left:
        for entry in _entries(left.pop()):
            if entry.is_symlink():
                raise SymlinkRefused(path=entry.path)
            if deep and entry.is_dir(follow_symlinks=False):
                left.append(entry.path)


def _entries(folder: Path | str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
