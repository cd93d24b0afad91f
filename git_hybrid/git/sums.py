"""What a clone remembers of its files' content: the size and the SHA-256 of each blob, by its id.

Of two commits of one repository most files are the same. Their digests were taken from the files themselves, when they
were written (:mod:`git_hybrid.git.ondisk`) or came with an update, and were what the lock says; no content is read
twice for them. It is a hint of this machine: where a digest made with it is not the lock's, all blobs are read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from struct import error

from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.tree import GITLINK, TreeEntry
from git_hybrid.git.hint import write_hint
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.raw import FEW, Raw, Unsure
from git_hybrid.git.stamps import FOLDER
from git_hybrid.git.sumfile import packed, unpacked

SUMS = f"{FOLDER}/sums"
Sums = dict[str, tuple[str, int]]
"""The SHA-256 and the size of the content of each blob, by the blob's id."""


def read(path: str) -> Sums:
    """Return what the clone at *path* remembers, nothing if that cannot be read."""
    with suppress(OSError, error), file_at(f"{path}/{SUMS}", links=True) as file:
        return {oid.hex(): (sha256.hex(), size) for oid, sha256, size in unpacked(file.read() or b"")}
    return {}


def write(path: str, entries: Sequence[TreeEntry], hashes: Sequence[str]) -> None:
    """Let the clone at *path* remember the *hashes* of the files of *entries*, in their order, gitlinks left out.

    Raises:
        OSError: the file system refused.
    """
    files = [entry for entry in entries if entry.mode != GITLINK]
    if any(len(entry.oid) != 40 for entry in files):
        return
    unhex = bytes.fromhex
    known = packed((unhex(file.oid), unhex(found), file.size) for file, found in zip(files, hashes, strict=True))
    # Where the clone was removed meanwhile nothing is made in its place.
    with suppress(FileExistsError):
        os.mkdir(f"{path}/{FOLDER}")
    write_hint(f"{path}/{SUMS}", known)


def sizes(known: Mapping[str, tuple[str, int]], raw: Raw) -> Callable[[str], int]:
    """Return a function that tells the size of a blob of *raw* by its id, most of which are *known*.

    It raises Unsure where too many others are asked for, or one cannot be read.
    """
    others: dict[str, int] = {}

    def size(oid: str) -> int:
        found = known.get(oid)
        if found is not None:
            return found[1]
        if oid not in others:
            others[oid] = len(_blob(raw, oid, len(others)))
        return others[oid]

    return size


def hashed(known: Mapping[str, tuple[str, int]], raw: Raw, entries: Sequence[TreeEntry]) -> list[str]:
    """Return the SHA-256 of the blob of each of *entries* but gitlinks, reading those that are not *known*.

    Raises:
        Unsure: too many have to be read, or one cannot be.
    """
    hashes, others = list[str](), 0
    for entry in entries:
        if entry.mode != GITLINK:
            found = known.get(entry.oid)
            if found is None:
                others += 1
                hashes.append(sha256_hex(_blob(raw, entry.oid, others)))
            else:
                hashes.append(found[0])
    return hashes


def _blob(raw: Raw, oid: str, number: int) -> bytes:
    if number > FEW:
        raise Unsure
    kind, data = raw.read(oid)
    if kind != "blob":
        raise Unsure
    return data
