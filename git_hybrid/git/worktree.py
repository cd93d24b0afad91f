"""Read the files of a working tree as what they are: no cache, no configuration, no filter has a say."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path

from git_hybrid.core.clone_proof import FileSeen
from git_hybrid.core.tree import GITLINK, LINK

_CHUNK = 1 << 20
_KINDS = {stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket", stat.S_IFBLK: "device", stat.S_IFCHR: "device"}


def walk(root: Path, wanted: Container[bytes], *, algorithm: str) -> Iterator[tuple[bytes, FileSeen]]:
    """Yield path and content of everything below *root* but its own ``.git``; no link is followed.

    Files that are not *wanted* are not read. A folder with a ``.git`` of its own counts as one thing, a submodule.

    Raises:
        OSError: something cannot be read.
    """
    waiting = [b""]
    top = os.fsencode(root)
    while waiting:
        folder = waiting.pop()
        with _opened(os.path.join(top, folder), os.O_DIRECTORY) as handle, os.scandir(handle) as found:
            names = [os.fsencode(item.name) for item in found]
            if folder and b".git" in names:
                yield folder, FileSeen(mode=GITLINK)
                continue
            for name in names:
                path = folder + b"/" + name if folder else name
                if path == b".git":
                    continue
                status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(path)
                else:
                    yield path, _seen(name, status, handle, read=path in wanted, algorithm=algorithm)


def look(root: Path, path: bytes, *, algorithm: str) -> FileSeen | None:
    """Return what stands at *path* below *root*, or None if nothing does; no link on the way is followed."""
    top = os.fsencode(root)
    folder, name = os.path.split(path)
    try:
        if os.path.realpath(os.path.join(top, folder)) != os.path.join(os.path.realpath(top), folder).rstrip(b"/"):
            return None
        with _opened(os.path.join(top, folder), os.O_DIRECTORY) as handle:
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                return FileSeen(mode="folder")
            return _seen(name, status, handle, read=True, algorithm=algorithm)
    except (FileNotFoundError, NotADirectoryError):
        return None


@contextmanager
def _opened(path: bytes, flags: int, *, dir_fd: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | flags, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _seen(name: bytes, status: os.stat_result, folder: int, *, read: bool, algorithm: str) -> FileSeen:
    kind = stat.S_IFMT(status.st_mode)
    if kind == stat.S_IFLNK:
        return _hashed(LINK, os.readlink(name, dir_fd=folder), algorithm)
    if kind != stat.S_IFREG:
        return FileSeen(mode=_KINDS.get(kind, "unknown"))
    mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
    if not read:
        return FileSeen(mode=mode, size=status.st_size)
    with _opened(name, os.O_NONBLOCK, dir_fd=folder) as descriptor:
        size = os.fstat(descriptor).st_size
        blob, plain = hashlib.new(algorithm, b"blob %d\0" % size), hashlib.sha256()
        while chunk := os.read(descriptor, _CHUNK):
            blob.update(chunk)
            plain.update(chunk)
    return FileSeen(mode=mode, blob=blob.hexdigest(), sha256=plain.hexdigest(), size=size)


def _hashed(mode: str, data: bytes, algorithm: str) -> FileSeen:
    blob = hashlib.new(algorithm, b"blob %d\0" % len(data) + data)
    return FileSeen(mode=mode, blob=blob.hexdigest(), sha256=hashlib.sha256(data).hexdigest(), size=len(data))
