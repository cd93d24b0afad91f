"""Read what git's index recorded of each file, as far as it is of the plain kind that this tool makes."""

from __future__ import annotations

import os
import stat
from struct import Struct

from git_hybrid.core.digest import sha1_hex
from git_hybrid.git.plainfiles import file_at

_ENTRY = Struct(">10I20sH")
_STAGES_AND_FLAGS = 0xF000
_LENGTH = 0x0FFF
MODES = {0o100644: (stat.S_IFREG, 0), 0o100755: (stat.S_IFREG, stat.S_IXUSR), 0o120000: (stat.S_IFLNK, None)}


class Doubt(Exception):
    """A glance is not enough."""


class Stale(Doubt):
    """A file has other numbers than the index recorded (edited, copied, given to somebody else), or the index is split.

    Where the clone is clean git can write the index anew.
    """


Recorded = tuple[tuple[int, ...], bytes]
"""What the index has of a path: ten numbers of stat data (ctime, mtime, dev, ino, mode, uid, gid, size), the blob."""


def read_entries(path: str) -> tuple[dict[bytes, Recorded], int, str]:
    """Return what the index records by path, the time in nanoseconds at which it was written, and the tree it is of.

    Raises:
        Doubt: the index hides a file from git, or is of another kind than this tool makes.
        OSError, ValueError, IndexError, struct.error: it cannot be read.
    """
    with file_at(path, links=True) as file:
        written = os.fstat(file.fileno()).st_mtime_ns
        data = file.read() or b""
    if data[:8] != b"DIRC\0\0\0\2":
        raise Doubt
    entries: dict[bytes, Recorded] = {}
    at, unpack, size = 12, _ENTRY.unpack_from, _ENTRY.size
    for _ in range(int.from_bytes(data[8:12])):
        *numbers, blob, flags = unpack(data, at)
        length = flags & _LENGTH
        if flags & _STAGES_AND_FLAGS or length == _LENGTH:
            raise Doubt
        entries[data[at + size : at + size + length]] = (tuple(numbers), blob)
        at += (size + length + 8) & ~7
    return entries, written, _tree_of(data, at)


def _tree_of(data: bytes, at: int) -> str:
    """Return the tree that the index's cache names for its root; other extensions are for the full look."""
    found = ""
    while at + 8 <= len(data) - 20:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        if name[:1].islower():
            # Only git itself reads those, and without them once it has written the index anew.
            raise Stale
        if name == b"TREE":
            end = data.index(b"\n", at + 8)
            valid = not data[at + 8 : end].startswith(b"\0-1")
            found = data[end + 1 : end + 21].hex() if valid else ""
        at += 8 + length
    return found


def is_as_recorded(found: os.stat_result, numbers: tuple[int, ...]) -> bool:
    """Tell whether a file is as the index recorded it in *numbers*."""
    ctime, ctime_ns, mtime, mtime_ns, _, inode, mode, _, _, size = numbers
    kind, executable = MODES.get(mode, (0, None))
    return (
        found.st_ino & 0xFFFFFFFF == inode
        and found.st_size & 0xFFFFFFFF == size
        and found.st_mtime_ns == mtime * 10**9 + mtime_ns
        and found.st_ctime_ns == ctime * 10**9 + ctime_ns
        and stat.S_IFMT(found.st_mode) == kind
        and (executable is None or found.st_mode & stat.S_IXUSR == executable)
    )


def blob_at(path: bytes, found: os.stat_result) -> bytes:
    """Return the id that the content of the file has as a blob (gitformat, loose objects)."""
    if stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    else:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    return bytes.fromhex(sha1_hex(content, b"blob %d\0" % len(content)))
