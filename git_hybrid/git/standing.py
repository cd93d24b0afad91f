"""Tell a path at which nothing stands from one that the machine lets nobody look at: ``os.path`` does not."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from itertools import chain, count
from pathlib import Path

from git_hybrid.core.errors import LocalIo

# A name that the file system cannot have, or that leads round in a circle, is none at which anything stands.
_NOTHING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def is_there(path: str | bytes | Path) -> bool:
    """Tell whether anything stands at *path*, be it a link that leads nowhere.

    Raises:
        LocalIo: the machine refused to say.
    """
    return mode_of(path) is not None


def mode_of(path: str | bytes | Path) -> int | None:
    """Return kind and rights (``st_mode``) of what stands at *path*, no link followed; None if nothing does.

    Raises:
        LocalIo: the machine refused to say.
    """
    try:
        return os.lstat(path).st_mode
    except OSError as error:
        if error.errno in _NOTHING:
            return None
        raise LocalIo.of(error, os.fsdecode(path), "read") from error


def walked(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk the folders from *root* on as ``os.walk`` does, which takes one that cannot be listed for an empty one.

    Raises:
        LocalIo: the machine refused to list one.
    """
    return os.walk(root, onerror=_refuse)


def _refuse(error: OSError) -> None:
    if error.errno not in _NOTHING:
        raise LocalIo.of(error, error.filename, "read") from error


def free_place(folder: Path, name: str) -> Path:
    """Return the path of *name* in *folder*, or with a number behind it: the first at which nothing stands.

    Raises:
        LocalIo: the machine refused to say.
    """
    places = chain([folder / name], (folder / f"{name}-{number}" for number in count(2)))
    return next(place for place in places if not is_there(place))


def refuse_unreadable(root: Path, names: Iterable[bytes]) -> None:
    """Look at each of *names* below *root* that git says were changed: it takes what it could not look at for gone.

    What is in a folder that is one of *names*, with a slash behind it, is left out: that the folder is closed is told.

    Raises:
        LocalIo: the machine refused to look at one.
    """
    top = os.fsencode(root)
    closed = tuple(name for name in names if name.endswith(b"/"))
    for name in names:
        if not closed or not name.startswith(closed):
            is_there(os.path.join(top, name))
