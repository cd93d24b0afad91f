"""Whether a workspace is still where a run found it, and a group shares it: what the folder says."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from git_hybrid.core.errors import LocalIo, SweptAway, WorkspaceGone, reported
from git_hybrid.core.value import Struct, field
from git_hybrid.store.filelock import Held
from git_hybrid.store.layout import Layout

Facts = os.stat_result


def facts_of(root: Path) -> Facts | None:
    """Return what tells the folder *root* from any other; None where there is none.

    Raises:
        LocalIo: the machine refused to say.
    """
    try:
        return os.stat(root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LocalIo.of(error, root, "read") from error


def is_same(root: Path, began: Facts | None) -> bool:
    """Tell whether the folder *root* is the one that *began* tells of; None tells of any."""
    now = None if began is None else facts_of(root)
    return began is None or (now is not None and os.path.samestat(began, now))


def require_place(root: Path, began: Facts | None, held: Held | None) -> None:
    """Raise where the folder *root* is not the one that *began* tells of, or the lock that is *held* not in its place.

    Raises:
        WorkspaceGone: it is not, or one of the two is not known.
        SweptAway: the lock alone is gone.
    """
    if not is_same(root, began):
        raise WorkspaceGone(path=str(root))
    if held is not None and not held.is_in_place():
        raise WorkspaceGone(path=str(root)) if began is None else SweptAway(path=str(held.path))


def require_manifest(layout: Layout) -> None:
    """Raise where there is no manifest any more: nothing may be made where a workspace was.

    Raises:
        WorkspaceGone: there is none.
    """
    if not os.path.lexists(layout.manifest):
        raise WorkspaceGone(path=str(layout.root))


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
    if not (found.st_mode & stat.S_IWGRP and (found.st_mode & stat.S_ISGID or found.st_gid == os.getegid())):
        yield
        return
    _sharing.enter()
    try:
        yield
    finally:
        _sharing.leave()


class _Sharing(Struct):
    """The blocks that let a group write. The umask is one for all threads, and they end in any order."""

    open: int = 0
    kept: int = 0
    guard: Lock = field(default_factory=Lock)

    def enter(self) -> None:
        with self.guard:
            before = os.umask(0o077)
            os.umask(before & ~stat.S_IRWXG)
            self.open, self.kept = self.open + 1, self.kept | before & stat.S_IRWXG

    def leave(self) -> None:
        with self.guard:
            self.open -= 1
            if not self.open:
                os.umask(os.umask(0o077) | self.kept)
                self.kept = 0


_sharing = _Sharing()
