"""Read git's index file: what it says of each path, and which paths it keeps git from looking at.

libgit2 and git believe two flags of the index: an entry that is "assumed unchanged" or "skipped in the working tree" is
never compared with the disk. So the index is read here as the bytes that it is (gitformat-index(5), versions 2 to 4).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from struct import Struct as Layout
from typing import TYPE_CHECKING

from git_hybrid.core.tree import GITLINK
from git_hybrid.core.value import Struct
from git_hybrid.git.deltas import offset_at
from git_hybrid.git.plainfiles import bytes_at

if TYPE_CHECKING:
    from git_hybrid.git.run import Runner

_ASSUMED, _EXTENDED, _STAGE, _LENGTH = 0x8000, 0x4000, 0x3000, 0x0FFF
_SKIPPED = 0x4000
_STAT_BYTES = 40
_MODE_AT = 24
_SIZES = (20, 32)
_KIND, _LINK = 0o170000, int(GITLINK, 8)
# Where git is told to read with threads, these lead it to other places than the order of the file does.
_THREADED = (b"EOIE", b"IEOT")


class BadIndex(ValueError):
    """The file is no index that git would write."""


class _Elsewhere(BadIndex):
    """Its entries stand in another file, or are only folders."""


class IndexEntry(Struct, frozen=True):
    """One path of the index; ``blind``: git does not look at the file that stands there."""

    path: bytes
    mode: str
    oid: str
    blind: bool
    merged: bool


def read_index(git_dir: Path, *, oid_length: int) -> list[IndexEntry]:
    """Return the entries of the index of the repository at *git_dir*; *oid_length* is 40 or 64 hex digits.

    Raises:
        BadIndex: it cannot be read, or is of a kind that only git itself reads (split, sparse).
    """
    try:
        data = (git_dir / "index").read_bytes()
    except OSError as error:
        raise BadIndex(error.strerror or "cannot be read") from error
    try:
        return list(_entries(data, oid_length // 2))
    except (IndexError, ValueError) as error:
        raise BadIndex(str(error)) from error


def index_of(runner: Runner, git_dir: Path, *, oid_length: int) -> list[IndexEntry]:
    """Return the same of an index of any kind that git reads.

    Raises:
        BadIndex: git cannot read it.
    """
    try:
        return read_index(git_dir, oid_length=oid_length)
    except BadIndex:
        done = runner.git(["ls-files", "--stage", "-v", "-z"], git_dir=git_dir)
        if done.status != 0:
            raise
        return [_listed(line) for line in done.stdout.split(b"\0")[:-1]]


def _listed(line: bytes) -> IndexEntry:
    told, _, path = line.partition(b"\t")
    tag, mode, oid, stage = told.decode("ascii").split(" ")
    return IndexEntry(path=path, mode=mode, oid=oid, blind=tag == "S" or tag.islower(), merged=stage == "0")


def links_at(file: Path) -> frozenset[bytes] | None:
    """Return the paths of the submodules that the index *file* names; None if only git can read it.

    How long its ids are is not known: what is read with the wrong length names nothing that there is.
    """
    try:
        status = os.stat(file)
    except OSError:
        return frozenset()
    return _links_at(file, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


# One step asks for the same index many times.
@lru_cache(maxsize=16)
def _links_at(file: Path, *_stamp: int) -> frozenset[bytes] | None:
    try:
        data = bytes_at(file)
    except OSError:
        return frozenset()
    if any(mark in data for mark in _THREADED):
        return None
    found = set[bytes]()
    failed = 0
    for size in _SIZES:
        try:
            # As git does, a path is taken up to a NUL; only one that is made up, or read wrongly, has any.
            found |= {path.partition(b"\0")[0] for path, mode, *_ in _raw(data, size) if is_link(mode)}
        except _Elsewhere:
            return None
        except (IndexError, ValueError):
            failed += 1
    return frozenset(found) if failed < len(_SIZES) else None


def is_link(mode: int) -> bool:
    """Tell whether *mode* is that of a submodule: git looks at none of its other bits."""
    return mode & _KIND == _LINK


def is_blind(git_dir: Path, *, oid_length: int) -> bool:
    """Tell whether git is told not to look at some of the files, or the index is one that cannot be read here."""
    try:
        return any(entry.blind for entry in read_index(git_dir, oid_length=oid_length))
    except BadIndex:
        return True


def _entries(data: bytes, size: int) -> Iterator[IndexEntry]:
    for path, mode, begin, flags, extended in _raw(data, size):
        yield IndexEntry(
            path=path,
            mode=f"{mode:06o}",
            oid=data[begin + _STAT_BYTES : begin + _STAT_BYTES + size].hex(),
            blind=bool(flags & _ASSUMED or extended & _SKIPPED),
            merged=not flags & _STAGE,
        )


def _raw(data: bytes, size: int) -> Iterator[tuple[bytes, int, int, int, int]]:
    """Yield the path and mode of each entry, where the entry begins, its flags and its further ones."""
    version, count = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
    if data[:4] != b"DIRC" or version not in (2, 3, 4):
        raise BadIndex("is no index of version 2 to 4")
    fixed = Layout(f">{_MODE_AT}xI{_STAT_BYTES - _MODE_AT - 4 + size}xH")
    begin, path = 12, b""
    for _ in range(count):
        at = begin + fixed.size
        if at > len(data):
            raise BadIndex("ends too early")
        mode, flags = fixed.unpack_from(data, begin)
        extended = 0
        if flags & _EXTENDED:
            extended, at = int.from_bytes(data[at : at + 2]), at + 2
        if version == 4:
            dropped, at = offset_at(data, at)
            end = data.index(b"\0", at)
            path, after = path[: len(path) - dropped] + data[at:end], end + 1
        else:
            length = flags & _LENGTH
            end = data.index(b"\0", at) if length == _LENGTH else at + length
            path, after = data[at:end], begin + ((end - begin + 8) & ~7)
        yield path, mode, begin, flags, extended
        begin = after
    _refuse_split(data, begin, size)


def _refuse_split(data: bytes, at: int, size: int) -> None:
    """Raise if an extension says that entries stand elsewhere: those are written in small letters."""
    while at + 8 <= len(data) - size:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        if name[:1].islower():
            raise _Elsewhere(f"has the extension {name.decode('ascii', 'replace')!r}, which only git itself reads")
        at += 8 + length
