"""Read git's index file: what it says of each path, and which paths it keeps git from looking at.

libgit2 and git believe two flags of the index: an entry that is "assumed unchanged" or "skipped in the working tree" is
never compared with the disk. So the index is read here as the bytes that it is (gitformat-index(5), versions 2 to 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
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
# The mode of a submodule; and the extensions of an index whose entries stand elsewhere, or are only folders.
_OF_LINKS = (int(GITLINK, 8).to_bytes(4), b"link", b"sdir")


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


def links_at(file: Path) -> set[bytes] | None:
    """Return the paths of the submodules that the index *file* names; None if only git can read it.

    How long its ids are is not known: what is read with the wrong length names nothing that there is.
    """
    try:
        data = bytes_at(file)
    except OSError:
        return set()
    if not any(mark in data for mark in _OF_LINKS):
        return set()
    read = list[IndexEntry]()
    failed = 0
    for size in _SIZES:
        try:
            read += _entries(data, size)
        except _Elsewhere:
            return None
        except (IndexError, ValueError):
            failed += 1
    return {entry.path for entry in read if entry.mode == GITLINK} if failed < len(_SIZES) else None


def is_blind(git_dir: Path, *, oid_length: int) -> bool:
    """Tell whether git is told not to look at some of the files, or the index is one that cannot be read here."""
    try:
        return any(entry.blind for entry in read_index(git_dir, oid_length=oid_length))
    except BadIndex:
        return True


def _entries(data: bytes, size: int) -> Iterator[IndexEntry]:
    version, count = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
    if data[:4] != b"DIRC" or version not in (2, 3, 4):
        raise BadIndex("is no index of version 2 to 4")
    at, path = 12, b""
    for _ in range(count):
        begin, flags_at = at, at + _STAT_BYTES + size
        if flags_at + 2 > len(data):
            raise BadIndex("ends too early")
        flags = int.from_bytes(data[flags_at : flags_at + 2])
        extended = int.from_bytes(data[flags_at + 2 : flags_at + 4]) if flags & _EXTENDED else 0
        at = flags_at + (4 if flags & _EXTENDED else 2)
        if version == 4:
            dropped, at = offset_at(data, at)
            end = data.index(b"\0", at)
            path, at = path[: len(path) - dropped] + data[at:end], end + 1
        else:
            length = flags & _LENGTH
            end = data.index(b"\0", at) if length == _LENGTH else at + length
            path, at = data[at:end], begin + ((end - begin + 8) & ~7)
        yield IndexEntry(
            path=path,
            mode=f"{int.from_bytes(data[begin + _MODE_AT : begin + _MODE_AT + 4]):06o}",
            oid=data[begin + _STAT_BYTES : flags_at].hex(),
            blind=bool(flags & _ASSUMED or extended & _SKIPPED),
            merged=not flags & _STAGE,
        )
    _refuse_split(data, at, size)


def _refuse_split(data: bytes, at: int, size: int) -> None:
    """Raise if an extension says that entries stand elsewhere: those are written in small letters."""
    while at + 8 <= len(data) - size:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        if name[:1].islower():
            raise _Elsewhere(f"has the extension {name.decode('ascii', 'replace')!r}, which only git itself reads")
        at += 8 + length
