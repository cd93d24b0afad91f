"""Read objects from a pack by its index (gitformat-pack(5)), without libgit2 and without a process.

Nothing here is told that was not read in full: a file that ends too early, or an entry of a kind that git does not
write, raises one of the errors of :data:`UNREADABLE`. Who reads computes the id of what came out.
"""

from __future__ import annotations

import os
import zlib
from typing import Final

UNREADABLE: Final = (OSError, ValueError, IndexError, OverflowError, zlib.error)
LARGEST: Final = 1 << 20
"""Whatever is larger, in bytes, is for a reader that need not hold it in memory."""
KINDS: Final = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_OFS_DELTA, _REF_DELTA = 6, 7
_MAGIC = b"\xfftOc\0\0\0\2"
_ID, _NAMES_AT, _PER_OBJECT = 20, 8 + 256 * 4, 20 + 4 + 4
_HEAD = 64

Entry = tuple[str, int | bytes, bytes]
"""A kind and all its bytes, or "" and a delta against what stands at an offset or has an id."""


class Pack:
    """One pack and its index, both opened when they are needed first.

    Methods raise one of :data:`UNREADABLE` where the files are not as git writes them.
    """

    def __init__(self, path: str) -> None:
        """Take the pack at *path*, without ``.pack`` or ``.idx``."""
        self._path = path
        self._open: dict[str, int] = {}
        self._count = 0

    def close(self) -> None:
        """Close its files."""
        for number in self._open.values():
            os.close(number)
        self._open = {}

    def find(self, oid: bytes) -> int | None:
        """Return where the object with the binary id *oid* begins in the pack, or None if the pack lacks it."""
        index, first = self._file(".idx"), oid[0]
        low = _number(index, 4 + 4 * first) if first else 0
        high = _number(index, 8 + 4 * first)
        if not low <= high <= self._count:
            raise ValueError(high)
        names = _exactly(index, (high - low) * _ID, _NAMES_AT + low * _ID)
        at = names.find(oid)
        while at % _ID and at >= 0:
            at = names.find(oid, at + 1)
        if at < 0:
            return None
        offsets = _NAMES_AT + self._count * (_PER_OBJECT - 4)
        offset = _number(index, offsets + 4 * (low + at // _ID))
        if offset & 0x80000000:
            larger = offsets + 4 * self._count + 8 * (offset & 0x7FFFFFFF)
            return int.from_bytes(_exactly(index, 8, larger))
        return offset

    def entry(self, offset: int) -> Entry:
        """Return what stands at *offset*."""
        pack = self._file(".pack")
        head = os.pread(pack, _HEAD, offset)
        byte, at = head[0], 1
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            byte = head[at]
            size |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
        if size > LARGEST:
            raise ValueError(size)
        base: int | bytes = 0
        if kind == _OFS_DELTA:
            back, at = _offset(head, at)
            base = offset - back
            if not 0 < base < offset:
                raise ValueError(base)
        elif kind == _REF_DELTA:
            base = head[at : at + _ID]
            at += _ID
        elif kind not in KINDS:
            raise ValueError(kind)
        return KINDS.get(kind, ""), base, self._inflated(pack, offset + at, size)

    @staticmethod
    def _inflated(pack: int, at: int, size: int) -> bytes:
        # zlib makes nothing longer than by a few bytes (compressBound in zlib.h).
        packed = os.pread(pack, size + (size >> 8) + _HEAD, at)
        inflating = zlib.decompressobj()
        data = inflating.decompress(packed, size + 1)
        if len(data) != size or not inflating.eof:
            raise ValueError(size)
        return data

    def _file(self, ending: str) -> int:
        found = self._open.get(ending)
        if found is None:
            found = self._open[ending] = os.open(self._path + ending, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if ending == ".idx":
                if _exactly(found, 8, 0) != _MAGIC:
                    raise ValueError(self._path)
                self._count = _number(found, _NAMES_AT - 4)
                if os.fstat(found).st_size < _NAMES_AT + self._count * _PER_OBJECT + 2 * _ID:
                    raise ValueError(self._path)
        return found


def _number(file: int, at: int) -> int:
    return int.from_bytes(_exactly(file, 4, at))


def _exactly(file: int, size: int, at: int) -> bytes:
    data = os.pread(file, size, at)
    if len(data) != size:
        raise ValueError(at)
    return data


def _offset(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends, in the encoding of offsets."""
    byte, at = data[at], at + 1
    value = byte & 0x7F
    while byte & 0x80:
        byte, at = data[at], at + 1
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at


def _size(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends, in the encoding of sizes."""
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def patched(base: bytes, delta: bytes) -> bytes:
    """Return what *delta* makes of *base*.

    Raises:
        ValueError, IndexError: it is no delta against that.
    """
    before, at = _size(delta, 0)
    after, at = _size(delta, at)
    if before != len(base) or after > LARGEST:
        raise ValueError(before)
    parts, made = list[bytes](), 0
    while at < len(delta) and made <= after:
        order, at = delta[at], at + 1
        if not order & 0x80:
            if not order or at + order > len(delta):
                raise ValueError(order)
            parts.append(delta[at : at + order])
            at, made = at + order, made + order
            continue
        numbers = [0] * 7
        for bit in range(7):
            if order & 1 << bit:
                numbers[bit], at = delta[at], at + 1
        begin, size = int.from_bytes(numbers[:4], "little"), int.from_bytes(numbers[4:], "little") or 0x10000
        if begin + size > len(base):
            raise ValueError(begin)
        parts.append(base[begin : begin + size])
        made += size
    result = b"".join(parts)
    if len(result) != after:
        raise ValueError(after)
    return result
