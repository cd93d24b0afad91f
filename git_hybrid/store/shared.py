"""A workspace that a group of people shares: what one of them makes there the others go on with."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.core.errors import reported


@contextmanager
def as_group(folder: Path) -> Iterator[None]:
    """Let the group of *folder* write to all that is made for the block, by git too, where it may write to the folder.

    Where it is not there yet, the nearest one above it counts. A folder of another group, which what is made in it does
    not get, changes nothing.

    Raises:
        LocalIo: the folder cannot be looked at.
    """
    with reported(folder, "read"):
        found = next(place for place in (folder, *folder.parents) if place.is_dir()).stat()
    # What is made in a folder with the setgid bit has its group.
    is_shared = found.st_mode & stat.S_IWGRP and (found.st_mode & stat.S_ISGID or found.st_gid == os.getegid())
    before = os.umask(0o077)
    os.umask(before & ~stat.S_IRWXG if is_shared else before)
    try:
        yield
    finally:
        os.umask(before)
