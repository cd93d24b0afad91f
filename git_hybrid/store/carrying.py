"""Bring a folder to another place by a copy, where the system renames none, as overlayfs does of a lower layer."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.store.durable import remove_tree, sync_everything
from git_hybrid.store.obstacles import find_obstacle

_HALF = ".carried-"
_Facts = dict[str, tuple[int, int, int, int]]


def carry(source: Path, target: Path, refused: OSError) -> None:
    """Move the folder *source* to *target*, where to rename it was *refused* as if that were on another file system.

    What is at *target* is whole from the first moment. Links stay links, and modes and times stay, and owners where we
    may give files away; what was one file with another by hardlinks is one of its own then. Killed before its end, it
    leaves both.

    Raises:
        OSError, LocalIo: it was refused for something else, or the copy was, or somebody was at work in *source*:
            nothing moved. Or a part of *source* could not be removed, and *target* has it all.
    """
    half = target.with_name(f"{_HALF}{target.name}")
    if refused.errno != errno.EXDEV or source.is_symlink() or not source.is_dir() or find_obstacle(source) is not None:
        raise refused
    remove_tree(half)
    try:
        _copy_at_rest(source, half, refused)
        os.rename(half, target)
    except BaseException:
        with suppress(LocalIo):
            remove_tree(half)
        raise
    sync_everything()
    remove_tree(source)


def _copy_at_rest(source: Path, target: Path, refused: OSError) -> None:
    before = _facts(source, refused)
    _copy(source, target)
    sync_everything()
    if _facts(source, refused) != before:
        raise OSError(errno.EBUSY, "it was changed while it was copied there")


def _facts(root: Path, refused: OSError) -> _Facts:
    """Return what shows whether anything below *root* is changed; another file system in it is carried nowhere."""
    found, device = _Facts(), os.lstat(root).st_dev
    for folder, folders, files in os.walk(root):
        if os.lstat(folder).st_dev != device:
            raise refused
        for path in (folder, *(f"{folder}/{name}" for name in (*folders, *files))):
            seen = os.lstat(path)
            found[path] = seen.st_mode, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
    return found


def _copy(source: Path, target: Path) -> None:
    left, made = [(os.fspath(source), os.fspath(target))], list[tuple[str, str]]()
    while left:
        old, new = left.pop()
        os.mkdir(new, 0o700)
        made.append((old, new))
        with os.scandir(old) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    left.append((entry.path, f"{new}/{entry.name}"))
                else:
                    shutil.copy2(entry.path, f"{new}/{entry.name}", follow_symlinks=False)
                    _give(entry.path, f"{new}/{entry.name}")
    # Each after what is in it, which gives it another time.
    for old, new in reversed(made):
        _give(old, new)
        shutil.copystat(old, new)


def _give(old: str, new: str) -> None:
    """Let *new* belong to whom *old* does: root carries the clones of others too, and git trusts none of root's."""
    was, now = os.lstat(old), os.lstat(new)
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        with suppress(PermissionError):
            os.chown(new, was.st_uid, was.st_gid, follow_symlinks=False)
