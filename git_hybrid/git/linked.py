"""Symbolic links in a clone's ``.git``: whoever can write there could have this tool write, or remove, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_FOLDERS = ("", "objects/", "refs/", "lfs/")


@contextmanager
def real_folder(path: str) -> Iterator[int]:
    """Yield a descriptor of the folder at *path*: what is written by it is in there, whatever is put in its place.

    Raises:
        OSError: there is none, or a link.
    """
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield number
    finally:
        os.close(number)


def links_in(git_dir: str) -> list[str]:
    """Return the links among what git and this tool keep in *git_dir*, which have none there, by their paths in it."""
    found = list[str]()
    for folder in _FOLDERS:
        with suppress(OSError), os.scandir(f"{git_dir}/{folder}") as entries:
            found += [f"{folder}{entry.name}" for entry in entries if entry.is_symlink()]
    return sorted(found)
