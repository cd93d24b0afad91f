"""The files of a new working tree, the index of them, and what is remembered of both, as bytes on the disk.

Everything is made anew and nothing is followed. For the processes that do this (:mod:`git_hybrid.git.hand`) nothing but
a little of the standard library is imported.
"""

from __future__ import annotations

import errno
import os
import struct
from array import array
from hashlib import sha1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXECUTABLE, LINK = 0o100755, 0o120000
_INDEX = struct.Struct(">10I20sH")
_LENGTH = 0x0FFF
_SECOND = 10**9
_PADDING = [bytes(8 - number) for number in range(8)]
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WORD = 0xFFFFFFFF
_INODE = (1 << 63) - 1


class WorkingTree:
    """The files of *paths* below *target*, as far as they are written."""

    def __init__(self, target: str, paths: Sequence[bytes]) -> None:
        """Make the folders.

        Raises:
            OSError: the file system refused.
        """
        self._target, self._paths = target, paths
        self._folders = list(folders_of(paths))
        self._found: list[os.stat_result] = []
        self._top = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for folder in self._folders:
                os.mkdir(folder, 0o777, dir_fd=self._top)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Write no more."""
        os.close(self._top)

    def add(self, mode: int, path: bytes, content: bytes) -> None:
        """Write the file at *path*, the next of the paths.

        Raises:
            OSError: the file system refused.
        """
        self._found.append((self._link if mode == LINK else self._file)(mode, path, content))

    def _file(self, mode: int, path: bytes, content: bytes) -> os.stat_result:
        number = os.open(path, _NEW, 0o777 if mode == EXECUTABLE else 0o666, dir_fd=self._top)
        try:
            if content and (written := os.write(number, content)) < len(content):
                _write_rest(number, content, written)
            return os.fstat(number)
        finally:
            os.close(number)

    def _link(self, _mode: int, path: bytes, content: bytes) -> os.stat_result:
        if b"\0" in content:
            raise OSError(errno.EINVAL, "no link has a NUL in its target", path)
        os.symlink(content, path, dir_fd=self._top)
        return os.lstat(path, dir_fd=self._top)

    def end(self, rows: Sequence[tuple[int, bytes, int]], extension: bytes, sums: bytes, head: str) -> None:
        """Write the index, and what is remembered.

        Raises:
            OSError: the file system refused.
        """
        git_dir, folders, paths, found = f"{self._target}/.git", self._folders, self._paths, self._found
        marks = [os.lstat(folder, dir_fd=self._top) for folder in folders]
        _write(f"{git_dir}/index", _index(rows, paths, found, extension))
        os.mkdir(f"{git_dir}/hybrid")
        _write(f"{git_dir}/hybrid/sums", sums)
        _write(f"{git_dir}/hybrid/tree", _stamps(head, [*folders, *paths], [*marks, *found]))


def _write_rest(number: int, content: bytes, written: int) -> None:
    left = memoryview(content)[written:]
    while left:
        left = left[os.write(number, left) :]


def folders_of(paths: Iterable[bytes]) -> dict[bytes, None]:
    """Return the folders that *paths* stand in, without the root, each after the one that it is in."""
    known: dict[bytes, None] = {}
    for path in paths:
        folder, missing = path.rpartition(b"/")[0], []
        while folder and folder not in known:
            missing.append(folder)
            folder = folder.rpartition(b"/")[0]
        known.update(dict.fromkeys(reversed(missing)))
    return known


def _index(
    rows: Sequence[tuple[int, bytes, int]],
    paths: Sequence[bytes],
    found: Sequence[os.stat_result],
    extension: bytes,
) -> bytes:
    """Return the index (gitformat-index(5), version 2) of *paths* as they were *found* on the disk."""
    parts, pack = [b"DIRC\0\0\0\2" + len(paths).to_bytes(4)], _INDEX.pack
    for (mode, blob, size), path, seen in zip(rows, paths, found, strict=True):
        changed, modified = seen.st_ctime_ns, seen.st_mtime_ns
        entry = pack(
            *(changed // _SECOND, changed % _SECOND, modified // _SECOND, modified % _SECOND),
            *(seen.st_dev & _WORD, seen.st_ino & _WORD, mode, seen.st_uid, seen.st_gid, size & _WORD),
            blob,
            min(_LENGTH, len(path)),
        )
        # One to eight NULs: the end of the path, and up to a multiple of eight.
        parts += entry, path, _PADDING[(len(entry) + len(path)) % 8]
    parts.append(extension)
    data = b"".join(parts)
    return data + sha1(data, usedforsecurity=False).digest()


def _stamps(head: str, names: Sequence[bytes], found: Sequence[os.stat_result]) -> bytes:
    """Return what :mod:`git_hybrid.git.seen` keeps of a working tree."""
    numbers = array("q")
    for seen in found:
        numbers.extend((seen.st_mode, seen.st_ino & _INODE, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns))
    newest, paths = max(numbers[4::5], default=0), b"\0".join(names)
    return f"{head} {newest} {len(paths)}\n".encode("ascii") + paths + numbers.tobytes()


def _write(path: str, data: bytes) -> None:
    with open(path, "xb", buffering=0) as file:
        left = data
        while left:
            left = left[file.write(left) :]


def root_of(rows: Sequence[tuple[int, bytes, *tuple[object, ...]]], paths: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the id of the tree that has *paths*, and what an index keeps of it (``TREE``, gitformat-index(5)).

    *rows* have the mode and the blob of each path first.
    """
    oid, data = _tree(rows, paths, 0, len(paths), b"")
    return oid, b"TREE" + len(data).to_bytes(4) + data


def _tree(
    rows: Sequence[tuple[int, bytes, *tuple[object, ...]]], paths: Sequence[bytes], first: int, end: int, at: bytes
) -> tuple[bytes, bytes]:
    """Return the id of the tree in the folder *at*, and what an index has of it; its *paths* are *first* to *end*.

    *at* ends with a slash, but for the root's, which is empty.
    """
    body: list[bytes] = []
    inner: dict[bytes, bytes] = {}
    skip, number = len(at), first
    while number < end:
        path = paths[number]
        slash = path.find(b"/", skip)
        if slash < 0:
            mode, blob, *_ = rows[number]
            body.append(b"%o %s\0%s" % (mode, path[skip:], blob))
            number += 1
            continue
        folder, begin = path[: slash + 1], number
        while number < end and paths[number].startswith(folder):
            number += 1
        name = folder[skip:-1]
        oid, inner[name] = _tree(rows, paths, begin, number, folder)
        body.append(b"40000 %s\0%s" % (name, oid))
    data = b"".join(body)
    found = sha1(b"tree %d\0%s" % (len(data), data), usedforsecurity=False).digest()
    # git has the shorter names first there.
    ordered = [inner[name] for name in sorted(inner, key=lambda name: (len(name), name))]
    head = b"%s\0%d %d\n%s" % (at[:-1].rpartition(b"/")[2], end - first, len(ordered), found)
    return found, b"".join([head, *ordered])
