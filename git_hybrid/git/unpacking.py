"""Write a working tree, its index and what is remembered of both: from a tree that the object cache keeps, or packs.

``git reset`` starts a process, and what it wrote has to be read back: what is written here is hashed on its way to the
disk. A kept tree spares the inflating too, which is most of the work of a checkout.

Writing many small files keeps the interpreter's lock, so threads would not go on at the same time: processes do it
(:mod:`git_hybrid.git.hands`). For their sake nothing but a little of the standard library is imported.
"""

from __future__ import annotations

import os
import struct
from hashlib import sha1, sha256
from itertools import pairwise

from git_hybrid.git.deltas import LARGEST
from git_hybrid.git.inflating import quickly
from git_hybrid.git.rawpacks import UNREADABLE, Pack, Packs
from git_hybrid.git.sumfile import packed
from git_hybrid.git.treefiles import WorkingTree, root_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, BinaryIO, NoReturn

    Check = Callable[[], None]

ENTRY = struct.Struct(">I20s32sQ")
"""Mode, blob, SHA-256 of its content, size in bytes: what a kept tree has of each path."""
BLOB = struct.Struct(">I20sQ")
"""Mode, blob, size of its content in bytes."""
_CHECKSUM, _PIECE, _BUFFER = 20, 1 << 20, 1 << 20
# git applies a delta several times as fast; where more than one file in so many is one, all are git's.
_DELTAS = 4
_BASES = 8 << 20

KeptOrder = tuple[str, bytes, bytes, str, bytes, bytes, str, tuple[str, ...]]
"""The file of the kept tree, its entries, its paths between NULs, where to write, the extension of the index, what the
clone is to know of its files (``sums``), what its stat data begin with, and the files of its packs."""
PackOrder = tuple[tuple[str, ...], bytes, bytes, bytes, str, str, str]
"""The packs (each without ``.pack``), the entries (:data:`BLOB`), the paths between NULs, the id of the tree, where to
write, what the stat data begin with, and a file that the content of all files is written into besides, if any."""
Answer = bytes | tuple[str, int, str]
"""What was found, or what went wrong: its kind, the number of an error of the system, where."""


def _nothing() -> None: ...


class Unlike(ValueError):
    """The content of a file is not what its SHA-256 says; the text says where."""


class Torn(ValueError):
    """A file of a pack does not have the checksum that it ends with; the text says which."""


class Unfit(ValueError):
    """The packs are not for this reader: git does it sooner, or knows better what is wrong."""


def unpacked(order: KeptOrder, check: Check = _nothing) -> bytes:
    """Carry out *order*: the target has a ``.git`` without an index, and nothing else.

    *check* may raise before each file.

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
    rows, paths = list(ENTRY.iter_unpack(table)), _split(joined)
    tree = WorkingTree(target, paths)
    try:
        with open(source, "rb", buffering=_BUFFER) as data:
            for (mode, _, known, size), path in zip(rows, paths, strict=True):
                check()
                content = data.read(size)
                if sha256(content).digest() != known:
                    raise Unlike(os.fsdecode(path))
                tree.add(mode, path, content)
        tree.end([(mode, blob, size) for mode, blob, _, size in rows], extension, sums, head)
    finally:
        tree.close()
    return b""


def poured(order: PackOrder, check: Check = _nothing) -> bytes:
    """Carry out *order*, in the same way, and return the SHA-256 of each file, 32 bytes each.

    Raises:
        Unfit: the packs do not have the files of that tree, or have most of them as deltas. What was written stays,
            without an index.
        OSError: the file system refused.
    """
    names, table, joined, oid, target, head, keep = order
    rows, paths, known = list(BLOB.iter_unpack(table)), _split(joined), list[bytes]()
    found, extension = root_of(rows, paths)
    if found != oid:
        raise Unfit("the tree is another one")
    if not are_ordered(paths):
        raise Unfit("the paths are not in order")
    packs = Packs(names, memory=_BASES, most=sum(size for _, _, size in rows), inflate=quickly())
    copy = _Copy(keep)
    try:
        places = _places(packs, rows)
        tree = WorkingTree(target, paths)
        try:
            for (mode, blob, size), path, place in zip(rows, paths, places, strict=True):
                check()
                content = _content(packs, blob, size, place)
                known.append(sha256(content).digest())
                copy.add(content)
                tree.add(mode, path, content)
            sums = packed((blob, digest, size) for (_, blob, size), digest in zip(rows, known, strict=True))
            tree.end(rows, extension, sums, head)
        finally:
            tree.close()
    finally:
        packs.close()
        copy.close()
    return b"".join(known)


_WORK: dict[str, Callable[[Any, Check], bytes]] = {"unpacked": unpacked, "poured": poured}


def answered(kind: str, order: object, check: Check = _nothing) -> Answer:
    """Carry out *order* by the function named *kind*, and return what came of it."""
    try:
        return _WORK[kind](order, check)
    except (Unlike, Torn, Unfit) as error:
        return type(error).__name__, 0, str(error)
    except OSError as error:
        return "OSError", error.errno or 0, os.fsdecode(error.filename or "")
    except (ValueError, OverflowError, struct.error, MemoryError) as error:
        # Times that no index can hold, more than the memory can: git may find a way.
        return Unfit.__name__, 0, str(error)


def are_ordered(paths: Sequence[bytes]) -> bool:
    """Tell whether *paths* are in the order of an index, which not every tree has; no path is there twice."""
    return all(one < other for one, other in pairwise(paths))


def _split(joined: bytes) -> list[bytes]:
    return joined.split(b"\0") if joined else []


def _places(packs: Packs, rows: Sequence[tuple[int, bytes, int]]) -> list[tuple[Pack, int]]:
    """Return where each file is.

    Raises:
        Unfit: one is in no pack, or too many are deltas, or one of these is too large.
    """
    try:
        places = [packs.find(blob) or _none_loose(blob) for _, blob, _ in rows]
        deltas = [size for (_, _, size), (pack, at) in zip(rows, places, strict=True) if pack.is_delta(at)]
    except UNREADABLE as error:
        raise Unfit(str(error)) from error
    if len(deltas) * _DELTAS > len(rows) or max(deltas, default=0) > LARGEST:
        raise Unfit("too many files are deltas")
    return places


def _content(packs: Packs, blob: bytes, size: int, place: tuple[Pack, int]) -> bytes:
    try:
        content = place[0].blob(place[1], size)
        if content is None:
            kind, content = packs.read(blob, _none_loose)
            if kind != "blob" or len(content) != size:
                raise ValueError(kind)
    except UNREADABLE as error:
        raise Unfit(f"{blob.hex()}: {error}") from error
    return content


def _none_loose(oid: bytes) -> NoReturn:
    raise ValueError(f"{oid.hex()} is in no pack")


class _Copy:
    """Takes the content of all files into the file at *path*, if that is not empty; one that fails ends too early."""

    def __init__(self, path: str) -> None:
        self._file: BinaryIO | None = None
        if path:
            self._do(lambda: self._open(path))

    def _open(self, path: str) -> None:
        self._file = open(os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "wb", buffering=_BUFFER)  # noqa: SIM115

    def add(self, content: bytes) -> None:
        if self._file is not None:
            file = self._file
            self._do(lambda: file.write(content))

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._do(file.close)

    def _do(self, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError:
            self._file = None


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
