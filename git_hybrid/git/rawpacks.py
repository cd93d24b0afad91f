"""Read objects from a pack by its index (gitformat-pack(5)), without libgit2 and without a process.

Nothing here is told that was not read in full: a file that ends too early, or an entry of a kind that git does not
write, raises one of the errors of :data:`UNREADABLE`. Who reads computes the id of what came out.
"""

from __future__ import annotations

import os
import struct
import zlib

from git_hybrid.git.deltas import LARGEST, delta_sizes, offset_at, patched
from git_hybrid.git.inflating import inflated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from git_hybrid.git.inflating import Inflate

# Nothing more is imported: a process of ours that reads packs (git_hybrid.git.unpacking) is to start fast.

UNREADABLE = (OSError, ValueError, IndexError, OverflowError, zlib.error)
KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_BLOB, _OFS_DELTA, _REF_DELTA = 3, 6, 7
_MAGIC = b"\xfftOc\0\0\0\2"
_ID, _NAMES_AT, _PER_OBJECT = 20, 8 + 256 * 4, 20 + 4 + 4
_HEAD, _START = 64, 1 << 10
"""More than the head of an entry takes; and more than zlib needs, with its tables, to tell the first few bytes."""
_SMALL, _SMALL_PACK = 1 << 20, 2 << 20
# So often asked, a pack of so many objects is looked up in memory.
_OFTEN, _FEW = 16, 1 << 14
_CHAIN, _DELTAS = 1000, 8 << 20
# Of a bucket of the index no more names are read at once.
_BUCKET = 64
# What deltas may have, and what they may make, in bytes, for content of so many: orders are slow here, one by one.
_PER_DELTA, _PER_RESULT = 8, 4

Entry = tuple[str, int | bytes, bytes]
"""A kind and all its bytes, or "" and a delta against what stands at an offset or has an id."""


class Pack:
    """One pack and its index, both opened when they are needed first.

    Methods raise one of :data:`UNREADABLE` where the files are not as git writes them.
    """

    def __init__(self, path: str, inflate: Inflate = inflated) -> None:
        """Take the pack at *path*, without ``.pack`` or ``.idx``."""
        self._path, self._inflate = path, inflate
        self._open: dict[str, int] = {}
        self._count = 0
        self._index, self._data = b"", b""
        self._asked = self._read_from = 0
        self._places: dict[bytes, int] = {}

    def close(self) -> None:
        """Close its files."""
        for number in self._open.values():
            os.close(number)
        self._open = {}

    def find(self, oid: bytes) -> int | None:
        """Return where the object with the binary id *oid* begins in the pack, or None if the pack lacks it."""
        self._file(".idx")
        if self._places:
            return self._places.get(oid)
        self._asked += 1
        if self._asked == _OFTEN and self._index and self._count <= _FEW:
            self._places = self._all()
        first = oid[0]
        low = self._number(4 + 4 * first) if first else 0
        high = self._number(8 + 4 * first)
        if not low <= high <= self._count:
            raise ValueError(high)
        while high - low > _BUCKET:
            middle = (low + high) // 2
            if self._indexed(_ID, _NAMES_AT + middle * _ID) <= oid:
                low = middle
            else:
                high = middle
        names = self._indexed((high - low) * _ID, _NAMES_AT + low * _ID)
        at = names.find(oid)
        while at % _ID and at >= 0:
            at = names.find(oid, at + 1)
        if at < 0:
            return None
        offsets = _NAMES_AT + self._count * (_PER_OBJECT - 4)
        offset = self._number(offsets + 4 * (low + at // _ID))
        if offset & 0x80000000:
            larger = offsets + 4 * self._count + 8 * (offset & 0x7FFFFFFF)
            return int.from_bytes(self._indexed(8, larger))
        return offset

    def _all(self) -> dict[bytes, int]:
        """Return where each object of a small pack begins, for one that is asked often."""
        count, index = self._count, self._index
        names = struct.unpack_from(f"{_ID}s" * count, index, _NAMES_AT)
        first = _NAMES_AT + count * (_PER_OBJECT - 4)
        offsets = struct.unpack_from(f">{count}I", index, first)
        # Of one with larger offsets these are in another table.
        return {} if max(offsets, default=0) & 0x80000000 else dict(zip(names, offsets, strict=True))

    def is_delta(self, offset: int) -> bool:
        """Tell whether what stands at *offset* is a delta."""
        return self._read(1, offset)[0] >> 4 & 7 in (_OFS_DELTA, _REF_DELTA)

    def blob(self, offset: int, size: int) -> bytes | None:
        """Return the content of the blob of *size* bytes at *offset*; None if a delta stands there."""
        # With its head in one piece: of the blobs of a tree there are many.
        data = self._read(size + (size >> 8) + 2 * _HEAD, offset)
        kind, found, at = _head(data)
        if kind in (_OFS_DELTA, _REF_DELTA):
            return None
        if kind != _BLOB or found != size:
            raise ValueError(kind)
        return self._inflate(memoryview(data)[at:], size)

    def size(self, offset: int) -> int:
        """Return the size of the content of the object at *offset*, of which nearly nothing is read."""
        head = self._read(_START, offset)
        kind, size, at = _head(head)
        if kind == _OFS_DELTA:
            _, at = offset_at(head, at)
        elif kind == _REF_DELTA:
            at += _ID
        elif kind in KINDS:
            return size
        else:
            raise ValueError(kind)
        start = zlib.decompressobj().decompress(head[at:], _HEAD // 2)
        return delta_sizes(start)[1]

    def entry(self, offset: int) -> Entry:
        """Return what stands at *offset*."""
        head = self._read(_HEAD, offset)
        kind, size, at = _head(head)
        if size > LARGEST:
            raise ValueError(size)
        base: int | bytes = 0
        if kind == _OFS_DELTA:
            back, at = offset_at(head, at)
            base = offset - back
            if not 0 < base < offset:
                raise ValueError(base)
        elif kind == _REF_DELTA:
            base = head[at : at + _ID]
            at += _ID
        elif kind not in KINDS:
            raise ValueError(kind)
        # zlib makes nothing longer than by a few bytes (compressBound in zlib.h).
        packed = self._read(size + (size >> 8) + _HEAD, offset + at)
        return KINDS.get(kind, ""), base, self._inflate(packed, size)

    def _read(self, size: int, at: int) -> bytes:
        """Return *size* bytes of the pack from *at* on, fewer at its end; a small one is soon read whole."""
        if self._data:
            return self._data[at : at + size]
        pack = self._file(".pack")
        self._read_from += 1
        if self._read_from == _OFTEN and (whole := os.fstat(pack).st_size) <= _SMALL_PACK:
            self._data = os.pread(pack, whole, 0)
        return os.pread(pack, size, at)

    def _number(self, at: int) -> int:
        return int.from_bytes(self._indexed(4, at))

    def _indexed(self, size: int, at: int) -> bytes:
        """Return *size* bytes of the index from *at* on; of a small one all is in memory."""
        if not self._index:
            return _exactly(self._open[".idx"], size, at)
        data = self._index[at : at + size]
        if len(data) != size:
            raise ValueError(at)
        return data

    def _file(self, ending: str) -> int:
        found = self._open.get(ending)
        if found is None:
            path, more = self._path + ending, os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            found = self._open[ending] = os.open(path, os.O_RDONLY | more)
            if ending == ".idx":
                size = os.fstat(found).st_size
                self._index = _exactly(found, size, 0) if size <= _SMALL else b""
                if self._indexed(8, 0) != _MAGIC:
                    raise ValueError(self._path)
                self._count = self._number(_NAMES_AT - 4)
                if size < _NAMES_AT + self._count * _PER_OBJECT + 2 * _ID:
                    raise ValueError(self._path)
        return found


Place = tuple[Pack, int]
"""A pack and where in it an object begins."""


class Packs:
    """The packs of one repository. Up to *memory* bytes of what deltas are made against stay in memory.

    So much work as *most* bytes of content need is done, and not much more: a small pack can ask for hours of it.

    Methods raise one of :data:`UNREADABLE` where the files are not as git writes them.
    """

    def __init__(
        self, paths: Iterable[str], *, memory: int = 0, most: int = 16 << 20, inflate: Inflate = inflated
    ) -> None:
        """Take the packs at *paths*, each without ``.pack`` or ``.idx``."""
        self._packs = [Pack(path, inflate) for path in paths]
        self._memory, self._room = memory, memory
        self._bases: dict[Place, tuple[str, bytes]] = {}
        self._deltas = LARGEST + most // _PER_DELTA
        self._results = _DELTAS + most * _PER_RESULT

    def close(self) -> None:
        """Close them."""
        for pack in self._packs:
            pack.close()

    def find(self, oid: bytes) -> Place | None:
        """Return the pack that has the object with the binary id *oid*, and where; None if none has."""
        for pack in self._packs:
            offset = pack.find(oid)
            if offset is not None:
                return pack, offset
        return None

    def read(self, oid: bytes, loose: Callable[[bytes], tuple[str, bytes]]) -> tuple[str, bytes]:
        """Return the kind and the content of the object *oid*; *loose* reads one that no pack has.

        The id is not computed.
        """
        deltas: list[tuple[Place, bytes]] = []
        place, size = self.find(oid), 0
        while place is not None:
            known = self._bases.get(place)
            if known is not None:
                return self._applied(*known, deltas)
            kind, base, data = place[0].entry(place[1])
            if kind:
                return self._applied(*self._kept(place, kind, data, is_base=bool(deltas)), deltas)
            deltas.append((place, data))
            size += len(data)
            self._deltas -= len(data)
            if size > _DELTAS or len(deltas) >= _CHAIN or self._deltas < 0:
                raise ValueError(size)
            if isinstance(base, int):
                place = place[0], base
            else:
                oid, place = base, self.find(base)
        return self._applied(*loose(oid), deltas)

    def _applied(self, kind: str, data: bytes, deltas: list[tuple[Place, bytes]]) -> tuple[str, bytes]:
        while deltas:
            place, delta = deltas.pop()
            kind, data = self._kept(place, kind, patched(data, delta), is_base=bool(deltas))
            self._results -= len(data)
            if self._results < 0:
                raise ValueError(self._results)
        return kind, data

    def _kept(self, place: Place, kind: str, data: bytes, *, is_base: bool) -> tuple[str, bytes]:
        """Return *kind* and *data*, which stay in memory if another delta may be made against them."""
        if self._memory and is_base:
            if len(data) > self._room:
                self._bases, self._room = {}, self._memory
            self._bases[place] = kind, data
            self._room -= len(data)
        return kind, data


def _exactly(file: int, size: int, at: int) -> bytes:
    data = os.pread(file, size, at)
    if len(data) != size:
        raise ValueError(at)
    return data


def _head(data: bytes) -> tuple[int, int, int]:
    """Return the kind of an entry, its size, and where its head ends."""
    byte, at = data[0], 1
    kind, size, shift = byte >> 4 & 7, byte & 15, 4
    while byte & 0x80:
        byte = data[at]
        size |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return kind, size, at
