"""Write a working tree, its index and what is remembered of both, from a tree that the object cache keeps unpacked.

``git reset`` starts a process, inflates each file and applies its deltas: six times the work of writing the files.
What is written here is hashed on its way to the disk, so nothing is read back.

This file is also a program of its own, which does one order after the other (:mod:`git_hybrid.git.hands`): writing many
small files keeps the interpreter's lock, so threads would not go on at the same time. For its sake nothing but a little
of the standard library is imported.
"""

from __future__ import annotations

import os
import struct
from array import array
from hashlib import sha1, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ENTRY = struct.Struct(">I20s32sQ")
"""Mode, blob, SHA-256 of its content, size in bytes: what a kept tree has of each path."""
EXECUTABLE, LINK = 0o100755, 0o120000
_INDEX = struct.Struct(">10I20sH")
_LENGTH = 0x0FFF
_SECOND = 10**9
_PADDING = [bytes(8 - number) for number in range(8)]
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_WORD = 0xFFFFFFFF
_INODE = (1 << 63) - 1
_FRAME = 8
_CHECKSUM, _PIECE, _BUFFER = 20, 1 << 20, 1 << 20

Order = tuple[str, bytes, bytes, str, bytes, bytes, str, tuple[str, ...]]
"""The file of the kept tree, its entries, its paths between NULs, where to write, the extension of the index, what the
clone is to know of its files (``sums``), what its stat data begin with, and the files of its packs."""
Answer = tuple[str, int, str]
"""What went wrong: its kind, the number of an error of the system, where."""


class Unlike(ValueError):
    """The content of a file is not what its SHA-256 says; the text says where."""


class Torn(ValueError):
    """A file of a pack does not have the checksum that it ends with; the text says which."""


def unpacked(order: Order) -> None:
    """Carry out *order*: the target has a ``.git`` without an index, and nothing else.

    Everything is made anew and nothing is followed: what is there already, a link on the way included, is an error.

    Its packs are read too, all of them: no file came out of them, which would have shown that they are whole.

    Raises:
        Torn: a pack is damaged. Nothing was written.
        Unlike: the kept tree is damaged. What was written stays, without an index.
        OSError: the file system refused.
    """
    source, table, joined, target, extension, sums, head, packs = order
    for pack in packs:
        _require_checksum(pack)
    paths = joined.split(b"\0") if joined else []
    folders = list(_folders(paths))
    found: list[os.stat_result] = []
    top = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        for folder in folders:
            os.mkdir(folder, 0o777, dir_fd=top)
        with open(source, "rb", buffering=_BUFFER) as data:
            for (mode, _, known, size), path in zip(ENTRY.iter_unpack(table), paths, strict=True):
                content = data.read(size)
                if sha256(content).digest() != known:
                    raise Unlike(os.fsdecode(path))
                found.append(_link(top, path, content) if mode == LINK else _file(top, path, content, mode))
        marks = [os.lstat(folder, dir_fd=top) for folder in folders]
        _write(f"{target}/.git/index", _index(table, paths, found, extension))
        os.mkdir(f"{target}/.git/hybrid")
        _write(f"{target}/.git/hybrid/sums", sums)
        _write(f"{target}/.git/hybrid/tree", _stamps(head, [*folders, *paths], [*marks, *found]))
    finally:
        os.close(top)


def _require_checksum(path: str) -> None:
    """Raise Torn unless a file of a pack ends with the SHA-1 of all before it (gitformat-pack(5))."""
    with open(path, "rb", buffering=0) as file:
        left, digest = os.fstat(file.fileno()).st_size - _CHECKSUM, sha1(usedforsecurity=False)
        while left > 0 and (data := file.read(min(left, _PIECE))):
            digest.update(data)
            left -= len(data)
        last = file.read(_CHECKSUM)
    if digest.digest() != last:
        raise Torn(path.rpartition("/")[2])


def _folders(paths: Iterable[bytes]) -> dict[bytes, None]:
    """Return the folders that *paths* stand in, without the root, each after the one that it is in."""
    known: dict[bytes, None] = {}
    for path in paths:
        folder, missing = path.rpartition(b"/")[0], []
        while folder and folder not in known:
            missing.append(folder)
            folder = folder.rpartition(b"/")[0]
        known.update(dict.fromkeys(reversed(missing)))
    return known


def _file(top: int, path: bytes, content: bytes, mode: int) -> os.stat_result:
    number = os.open(path, _NEW, 0o777 if mode == EXECUTABLE else 0o666, dir_fd=top)
    try:
        left = memoryview(content)
        while left and (written := os.write(number, left)) < len(left):
            left = left[written:]
        return os.fstat(number)
    finally:
        os.close(number)


def _link(top: int, path: bytes, content: bytes) -> os.stat_result:
    os.symlink(content, path, dir_fd=top)
    return os.lstat(path, dir_fd=top)


def _index(table: bytes, paths: Sequence[bytes], found: Sequence[os.stat_result], extension: bytes) -> bytes:
    """Return the index (gitformat-index(5), version 2) of *paths* as they were *found* on the disk."""
    parts, pack = [b"DIRC\0\0\0\2" + len(paths).to_bytes(4)], _INDEX.pack
    for (mode, blob, _, size), path, seen in zip(ENTRY.iter_unpack(table), paths, found, strict=True):
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


def main() -> None:
    """Do the orders that come on stdin, one after the other, and answer each on stdout: nothing, or what went wrong."""
    import marshal

    with open(0, "rb", closefd=False) as orders, open(1, "wb", buffering=0, closefd=False) as answers:
        while len(size := orders.read(_FRAME)) == _FRAME:
            try:
                # From the process that started this one, through a pipe that nobody else has.
                unpacked(marshal.loads(orders.read(int.from_bytes(size))))  # noqa: S302
                answer: Answer | None = None
            except (Unlike, Torn) as error:
                answer = (type(error).__name__, 0, str(error))
            except OSError as error:
                answer = ("OSError", error.errno or 0, os.fsdecode(error.filename or ""))
            told = marshal.dumps(answer)
            answers.write(len(told).to_bytes(_FRAME) + told)


if __name__ == "__main__":
    main()
