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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from git_hybrid.core.bundles import Carried
from git_hybrid.core.errors import BadArgument, BadBundle, InvalidFile, LocalIo, Problem, reported
from git_hybrid.core.files import LOCK, LOG, MANIFEST, OVERRIDES, STATE
from git_hybrid.core.ids import parse_name, parse_oid
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.store.content import limit_of
from git_hybrid.store.outputfile import output_file
from git_hybrid.store.parsing import check_version, checked, convert, encode_json, load_json
from git_hybrid.store.wire_airgap import BundleShape

INVENTORY, SIGNATURE, SUMS = "inventory.json", "inventory.json.sig", "SHA256SUMS"
VERSION = 1
_OF_WORKSPACE = (MANIFEST, LOCK, STATE, OVERRIDES, LOG)
_OF_SOURCE = pattern(r"scans/([^/]+)/report\.sarif|sources/([^/]+)/history\.bundle")
BLOCK, _CHUNK = 512, 1 << 20
_HISTORIES = "sources/"
_LARGEST = 8**11
END = bytes(2 * BLOCK)


class Unpacked(Struct, frozen=True, kw_only=True):
    """A bundle file whose inventory holds: where its members were put, by their names in the file."""

    sha256: str
    inventory: bytes
    signature: bytes | None
    carried: tuple[Carried, ...]
    members: Mapping[str, Path]

    def read(self, name: str) -> bytes:
        """Return the member *name*, or nothing if it is not there."""
        path = self.members.get(name)
        return b"" if path is None else path.read_bytes()


class Front(Struct, frozen=True, kw_only=True):
    """What stands in front of a bundle file; ``listed`` has name, size and SHA-256 of each member that follows."""

    inventory: bytes
    signature: bytes | None
    listed: Sequence[tuple[str, int, str]]
    carried: tuple[Carried, ...]


def history_of(name: str) -> str:
    """Return the name of the member with the git bundle of a source."""
    return f"sources/{name}/history.bundle"


def report_of(name: str) -> str:
    """Return the name of the member with the scan report of a source."""
    return f"scans/{name}/report.sarif"


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")


def inventory_of(members: Mapping[str, Path | bytes], carried: Sequence[Carried], since: str | None) -> bytes:
    """Return the inventory of a bundle with *members*; *since* is the SHA-256 of the receipt it was made for."""
    listed = []
    for name, content in sorted(members.items()):
        size, digest = _measured(content)
        listed.append({"path": name, "sha256": digest, "size": size})
    sources = [
        {"name": item.name, "kind": item.kind, "prerequisites": list(item.prerequisites)}
        for item in sorted(carried, key=lambda item: item.name)
    ]
    head = {"format": "git-hybrid-bundle", "schema_version": VERSION, "since": since}
    return encode_json({**head, "members": listed, "sources": sources})


def _measured(content: Path | bytes) -> tuple[int, str]:
    if isinstance(content, bytes):
        return len(content), hashlib.sha256(content).hexdigest()
    with open(content, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return file.tell(), digest


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
        raise LocalIo(path=name, operation="pack", reason="one source is larger than 8 GiB")
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
        # What is read as a whole; the histories of sources are not.
        if not name.startswith(_HISTORIES) and found > limit_of(name):
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
        for number, (name, size, expected) in enumerate(front.listed):
            members[name] = folder / f"{number:05}"
            reader.listed(name, members[name], size, expected)
        reader.end()
    digest = reader.digest.hexdigest()
    return Unpacked(
        sha256=digest, inventory=front.inventory, signature=front.signature, carried=front.carried, members=members
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
    listed, carried = _decoded(reader, inventory)
    return Front(inventory=inventory, signature=signature, listed=listed, carried=carried)


def _decoded(reader: Reader, data: bytes) -> tuple[list[tuple[str, int, str]], tuple[Carried, ...]]:
    problems: list[Problem] = []
    try:
        document = load_json(data, INVENTORY)
        check_version(document, known=VERSION, shown=INVENTORY)
    except InvalidFile as error:
        raise reader.bad(INVENTORY, "is no inventory") from error
    shape = convert(document, BundleShape, "", problems)
    if shape is None or shape.format != "git-hybrid-bundle" or encode_json(document) != data:
        raise reader.bad(INVENTORY, "is not as this program writes it")
    listed = [(member.path, member.size, member.sha256) for member in shape.members]
    names = [name for name, _, _ in listed]
    carried: list[Carried] = []
    for entry in shape.sources:
        name = checked(parse_name, entry.name, "name", problems)
        commits = [checked(parse_oid, text, "prerequisites", problems) for text in entry.prerequisites]
        if name is not None:
            carried.append(Carried(name=name, kind=entry.kind, prerequisites=tuple(filter(None, commits))))
    if problems or names != sorted(set(names)) or not all(_is_member(name) for name in names):
        raise reader.bad(INVENTORY, "names members that no bundle has")
    histories = {history_of(item.name) for item in carried if item.kind != "present"}
    once = len({item.name for item in carried}) == len(carried)
    if {name for name in names if name.startswith(_HISTORIES)} != histories or not once:
        raise reader.bad(INVENTORY, "the sources and the members do not fit")
    if not {MANIFEST, LOCK} <= set(names):
        raise reader.bad(INVENTORY, f"lacks {MANIFEST} or {LOCK}")
    return listed, tuple(carried)


def _is_member(name: str) -> bool:
    if (match := _OF_SOURCE.fullmatch(name)) is None:
        return name in _OF_WORKSPACE
    return checked(parse_name, match[1] or match[2], "name", []) is not None
