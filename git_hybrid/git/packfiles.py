"""The files of packs: described, looked at again, and shared by hardlinks.

A pack never changes once it is whole: so its size, the second of its last change and the checksum at its end tell
without reading it whether somebody wrote into it or cut it off. What they do not tell, fsck does.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from git_hybrid.core.cache_record import PACK_FILE, PackFile
from git_hybrid.git.plainfiles import file_at

_HALF = ".tmp"
_CHUNK = 1 << 20
_READABLE = 0o444
Found = Literal["same", "touched", "damaged", "missing"]
# The index comes last: git takes a pack for whole as soon as it sees one.
_ORDER = (".pack", ".rev", ".promisor", ".idx")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# No hardlink: another file system, one that has none, too many of them, or a policy of the kernel.
_COPIED = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EACCES, errno.ENOSYS)


def in_order(names: Iterable[str]) -> list[str]:
    """Return the names of pack files in the order in which they may appear; what is of no pack comes last."""
    ranks = {ending: rank for rank, ending in enumerate(_ORDER)}
    return sorted(names, key=lambda name: (ranks.get(os.path.splitext(name)[1], len(_ORDER)), name))


def pack_files(folder: Path) -> list[str]:
    """Return the names of the pack files in *folder*, in the order in which they may appear."""
    if not folder.is_dir():
        return []
    return in_order(name for name in os.listdir(folder) if PACK_FILE.fullmatch(name))


def half_copied(folder: Path) -> list[str]:
    """Return the names of what a killed run had begun to copy into *folder*."""
    names = os.listdir(folder) if folder.is_dir() else []
    return [name for name in names if name.endswith(_HALF) and PACK_FILE.fullmatch(name.removesuffix(_HALF))]


def pack_paths(git_dir: str) -> list[str]:
    """Return the paths of the pack files of the repository at *git_dir*.

    Raises:
        OSError: the folder cannot be read.
    """
    folder = f"{git_dir}/objects/pack"
    return [f"{folder}/{name}" for name in os.listdir(folder) if PACK_FILE.fullmatch(name)]


def describe(path: str) -> PackFile:
    """Return what is to be remembered of the pack file at *path*.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    with file_at(path) as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        length = _checksum_length(path)
        checksum = os.pread(file.fileno(), length, max(info.st_size - length, 0)).hex()
    return PackFile(size=info.st_size, changed=info.st_mtime_ns // 1_000_000_000, checksum=checksum)


def _checksum_length(path: str) -> int:
    """Return how long the digest is that a pack file ends with: in hex it is as long as the one in its name."""
    return len(os.path.splitext(os.path.basename(path))[0].removeprefix("pack-")) // 2


def look(path: str, known: PackFile) -> Found:
    """Tell whether the pack file at *path* still looks as it did."""
    try:
        found = describe(path)
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "damaged"
    if (found.size, found.checksum) != (known.size, known.checksum):
        return "damaged"
    return "same" if found.changed == known.changed else "touched"


def is_whole(path: str) -> bool:
    """Tell whether the pack file at *path* still is what its last bytes say, the checksum of all before them.

    Raises:
        OSError: it cannot be read.
    """
    # Imported here: what links packs need not hash them.
    import hashlib

    length = _checksum_length(path)
    digest = hashlib.sha256() if length == 32 else hashlib.sha1(usedforsecurity=False)
    with file_at(path, links=True) as file:
        left = max(os.fstat(file.fileno()).st_size - length, 0)
        while left and (data := file.read(min(left, _CHUNK))):
            digest.update(data)
            left -= len(data)
        return file.read(length + 1) == digest.digest()


def share(source: str, target: str) -> None:
    """Make *target* the same file as *source*, or a copy of it where that is impossible; one that is there stays.

    All may read it, as any pack that git writes: who may reach it is a matter of folders, which are nobody else's.

    Raises:
        OSError: the file system refused both.
    """
    _let_read(source)
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _COPIED:
            raise
        _copy(source, target)


def _let_read(path: str) -> None:
    """Take from the file at *path* what the umask of whoever fetched it first has left out: others have another one."""
    info = os.lstat(path)
    if stat.S_ISREG(info.st_mode) and info.st_mode & _READABLE != _READABLE:
        # Where it is another user's it stays as it is.
        with suppress(OSError), file_at(path) as file:
            os.fchmod(file.fileno(), stat.S_IMODE(info.st_mode) | _READABLE)


def _copy(source: str, target: str) -> None:
    import shutil

    half = f"{target}{_HALF}"
    try:
        shutil.copyfile(source, half, follow_symlinks=False)
        # Its time is a part of what is remembered of it.
        shutil.copystat(source, half, follow_symlinks=False)
        os.rename(half, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(half)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            # The library names the file that was read.
            raise OSError(error.errno, error.strerror, target) from error
        raise
