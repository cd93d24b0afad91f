"""Bundle files: one uncompressed tar (ustar), members of fixed names in one order, the same bytes for the same input.

::

    inventory.json            every other member with its size and SHA-256, and the sources
    inventory.json.sig        where it was signed (ssh-keygen -Y)
    SHA256SUMS                of the members above
    …                         what the inventory lists, in order of its names

A reader computes each header itself and compares: what differs in one byte was not written by this program. Nothing is
extracted under a name that stands in the file.
"""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from git_hybrid.core.errors import BadArgument, BadBundle, LocalIo, reported
from git_hybrid.core.value import Struct
from git_hybrid.store.bundleinventory import INVENTORY, Inventory, decode_inventory, is_large
from git_hybrid.store.content import limit_of
from git_hybrid.store.outputfile import output_file

SIGNATURE, SUMS = "inventory.json.sig", "SHA256SUMS"
BLOCK, _CHUNK = 512, 1 << 20
_LARGEST = 8**11
END = bytes(2 * BLOCK)


class Unpacked(Struct, frozen=True, kw_only=True):
    """A bundle file whose inventory holds: where its members were put, by their names in the file."""

    sha256: str
    inventory: bytes
    signature: bytes | None
    said: Inventory
    members: Mapping[str, Path]

    def read(self, name: str) -> bytes:
        """Return the member *name*, or nothing if it is not there."""
        path = self.members.get(name)
        return b"" if path is None else path.read_bytes()


class Front(Struct, frozen=True, kw_only=True):
    """What stands in front of a bundle file, and what the inventory says of the members that follow."""

    inventory: bytes
    signature: bytes | None
    said: Inventory


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def write_bundle(target: Path, inventory: bytes, signature: bytes | None, members: Mapping[str, Path | bytes]) -> str:
    """Write the bundle file *target* as every output is written, and return its SHA-256.

    Raises:
        LocalIo: the file system refused.
    """
    front = {INVENTORY: inventory} | ({} if signature is None else {SIGNATURE: signature})
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in front.items())
    parts: list[tuple[str, Path | bytes]] = [*front.items(), (SUMS, sums.encode("ascii")), *sorted(members.items())]
    digest = hashlib.sha256()
    with output_file(target) as file:
        for name, content in parts:
            for chunk in _encoded(name, content):
                file.write(chunk)
                digest.update(chunk)
        file.write(END)
        digest.update(END)
    return digest.hexdigest()


def _encoded(name: str, content: Path | bytes) -> Iterator[bytes]:
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    if size >= _LARGEST:
        raise LocalIo(path=name, operation="pack", reason="it is larger than 8 GiB")
    yield _header(name, size)
    if isinstance(content, bytes):
        yield content
    else:
        with open(content, "rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    yield bytes(-size % BLOCK)


class Reader(Struct):
    """Reads members one after the other; every byte of the file goes into ``digest``."""

    shown: str
    file: IO[bytes]
    digest: Any

    def bad(self, place: str, reason: str) -> BadBundle:
        """Return the error for what is wrong at *place*."""
        return BadBundle(path=self.shown, place=place, reason=reason)

    def begin(self) -> None:
        """Raise unless the file begins as a bundle does, as far as it goes."""
        start = self.file.read(len(INVENTORY))
        self.file.seek(0)
        if not INVENTORY.encode().startswith(start):
            raise self.bad("its first bytes", "are not those of a bundle: it is another file, or damaged")

    def take(self, size: int, place: str) -> bytes:
        """Return the next *size* bytes, which are of *place*."""
        with reported(self.shown, "read"):
            data = self.file.read(size)
        self.digest.update(data)
        if len(data) != size:
            raise self.bad(place, "the file ends here: it was cut")
        return data

    def member(self, name: str, target: Path | None, *, size: int | None = None) -> tuple[bytes, str]:
        """Read the member *name* into *target*, or return it; also return its SHA-256."""
        header = self.take(BLOCK, name)
        found = _size_in(header)
        if found is None or (size is not None and found != size) or header != _header(name, found):
            raise self.bad(name, "is not the member that stands here: damaged, re-ordered or made by something else")
        # What is read as a whole.
        if not is_large(name) and found > limit_of(name):
            raise self.bad(name, f"is larger than {limit_of(name) // 2**20:,} MiB")
        with reported(target, "write to"):
            data, sha256 = self._copied(name, target, found)
        if self.take(-found % BLOCK, name).strip(b"\0"):
            raise self.bad(name, "is followed by bytes that belong to nothing")
        return data, sha256

    def _copied(self, name: str, target: Path | None, left: int) -> tuple[bytes, str]:
        digest = hashlib.sha256()
        with io.BytesIO() if target is None else open(target, "xb") as sink:
            while left:
                chunk = self.take(min(left, _CHUNK), name)
                left -= len(chunk)
                digest.update(chunk)
                sink.write(chunk)
            return sink.getvalue() if isinstance(sink, io.BytesIO) else b"", digest.hexdigest()

    def listed(self, name: str, target: Path, size: int, sha256: str) -> None:
        """Read the member *name* into *target*; it must be what the inventory says."""
        if self.member(name, target, size=size)[1] != sha256:
            raise self.bad(name, "is not what the inventory says: its SHA-256 differs")

    def next_is(self, name: str) -> bool:
        """Tell whether the header of *name* comes next, without reading it."""
        start = self.file.tell()
        header = self.file.read(BLOCK)
        self.file.seek(start)
        size = _size_in(header)
        return size is not None and header == _header(name, size)

    def end(self) -> None:
        """Raise unless the file ends here as it should."""
        if self.take(len(END), "end of the file") != END or self.file.read(1):
            raise self.bad("end of the file", "something stands after the last member")


def _size_in(header: bytes) -> int | None:
    text = header[124:136].rstrip(b"\0 ")
    return int(text, 8) if re.fullmatch(rb"[0-7]{11}", text) else None


def read_bundle(path: Path, folder: Path, judge: Callable[[Front], object] = lambda _front: None) -> Unpacked:
    """Read the bundle file at *path*, put its members into *folder* under names of our own, and check every byte.

    *judge* gets what stands in front of the members before any of them is written, and may raise.

    Raises:
        BadArgument: there is no such file, or it is none.
        BadBundle: it is damaged, cut, re-ordered, or was not made by this program.
        NewerSchema: a newer version of the program made it.
    """
    if not path.is_file():
        reason = "is a folder" if path.is_dir() else "is no regular file" if path.exists() else "no such file"
        raise BadArgument(what="FILE", value=str(path), reason=reason)
    folder.mkdir()
    with open(path, "rb") as file:
        reader = Reader(str(path), file, hashlib.sha256())
        reader.begin()
        front = read_front(reader)
        judge(front)
        members: dict[str, Path] = {}
        for number, (name, size, expected) in enumerate(front.said.listed):
            members[name] = folder / f"{number:05}"
            reader.listed(name, members[name], size, expected)
        reader.end()
    digest = reader.digest.hexdigest()
    return Unpacked(
        sha256=digest, inventory=front.inventory, signature=front.signature, said=front.said, members=members
    )


def read_front(reader: Reader) -> Front:
    """Return what stands in front of the members; what comes next is the first of them.

    Raises:
        BadBundle: it is damaged, or was not made by this program.
        NewerSchema: a newer version of the program made it.
    """
    inventory, digest = reader.member(INVENTORY, None)
    sums = f"{digest}  {INVENTORY}\n"
    signature = None
    if reader.next_is(SIGNATURE):
        signature, digest = reader.member(SIGNATURE, None)
        sums += f"{digest}  {SIGNATURE}\n"
    if reader.member(SUMS, None)[0] != sums.encode("ascii"):
        raise reader.bad(SUMS, "does not fit what stands before it")
    return Front(inventory=inventory, signature=signature, said=decode_inventory(inventory, reader.bad))
