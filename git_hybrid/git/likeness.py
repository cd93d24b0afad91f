"""What the files of a clone say about blobs: how large they are, and the digest of their content.

Of two commits of one repository most files are the same. Where the index of a clone has the blob of a path and what
git recorded of its file, and the file is still just so, the file is the blob: to read it is cheaper than to take it
out of a pack, and it is what stands on disk. Everything else is left to whoever reads objects.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import error

from git_hybrid.core.tree import GITLINK, LINK, TreeEntry
from git_hybrid.git.glance import Doubt, Recorded, is_as_recorded, read_entries
from git_hybrid.git.raw import FEW, Raw, Unsure

_CHUNK = 1 << 20


class Likeness:
    """The files of one clone, as its index has them."""

    def __init__(self, folder: str) -> None:
        """Read the index of the clone at *folder*; one of another kind than this tool makes says nothing."""
        self._root = os.fsencode(folder) + b"/"
        self._entries: dict[bytes, Recorded] = {}
        self._written = 0
        with suppress(Doubt, OSError, ValueError, IndexError, error):
            self._entries, self._written, _ = read_entries(f"{folder}/.git/index")

    def sizes(self) -> dict[str, int]:
        """Return the size of each blob, by its id, that a file is."""
        found: dict[str, int] = {}
        for path, recorded in self._entries.items():
            with suppress(OSError):
                info = os.lstat(self._root + path)
                if self._is_blob(info, recorded):
                    found[recorded[1].hex()] = info.st_size
        return found

    def sha256(self, entry: TreeEntry) -> str | None:
        """Return the digest of the file of *entry*, None where it is not surely the entry's blob."""
        recorded = self._entries.get(entry.path)
        if recorded is None or recorded[1].hex() != entry.oid:
            return None
        with suppress(OSError):
            return self._link(entry, recorded) if entry.mode == LINK else self._file(entry, recorded)
        return None

    def _link(self, entry: TreeEntry, recorded: Recorded) -> str | None:
        path = self._root + entry.path
        if not self._is_blob(os.lstat(path), recorded):
            return None
        return hashlib.sha256(os.readlink(path)).hexdigest()

    def _file(self, entry: TreeEntry, recorded: Recorded) -> str | None:
        number = os.open(self._root + entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            info = os.fstat(number)
            if not self._is_blob(info, recorded):
                return None
            digest, left = hashlib.sha256(), info.st_size
            while left and (data := os.read(number, min(left, _CHUNK))):
                digest.update(data)
                left -= len(data)
            return None if left else digest.hexdigest()
        finally:
            os.close(number)

    def _is_blob(self, info: os.stat_result, recorded: Recorded) -> bool:
        # What was written in the moment in which the index was may be something else (gitformat-index(5), "racy git").
        return is_as_recorded(info, recorded[0]) and info.st_mtime_ns < self._written


def sizes_like(folder: str, raw: Raw) -> Callable[[str], int]:
    """Return a function that tells the size of a blob of *raw* by its id, most of which are files of *folder*.

    It raises Unsure where too many others are asked for, or one cannot be read.
    """
    known = Likeness(folder).sizes()
    read: list[str] = []

    def size(oid: str) -> int:
        found = known.get(oid)
        if found is None:
            read.append(oid)
            found = known[oid] = len(_blob(raw, oid, len(read)))
        return found

    return size


def hashes_like(folder: str, raw: Raw, entries: Sequence[TreeEntry]) -> list[str]:
    """Return the SHA-256 of the blob of each of *entries* but gitlinks, by way of the files of *folder* that they are.

    Raises:
        Unsure: too many others have to be read, or one cannot be.
    """
    files, hashes, read = Likeness(folder), list[str](), 0
    for entry in entries:
        if entry.mode == GITLINK:
            continue
        found = files.sha256(entry)
        if found is None:
            read += 1
            found = hashlib.sha256(_blob(raw, entry.oid, read)).hexdigest()
        hashes.append(found)
    return hashes


def _blob(raw: Raw, oid: str, number: int) -> bytes:
    if number > FEW:
        raise Unsure
    kind, data = raw.read(oid)
    if kind != "blob":
        raise Unsure
    return data
