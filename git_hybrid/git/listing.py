"""Read what git lists of a tree, and the blobs that it hands out, as they come."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import IO

from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry

_CHUNK = 1 << 18


def parse_entries(out: IO[bytes], stage: Stage) -> Iterator[TreeEntry]:
    """Yield the entries that ``git ls-tree -r -l -z`` writes to *out*, as they come.

    Raises:
        WrongContent: a blob is missing: git writes ``BAD`` for its size.
    """
    rest = b""
    while chunk := out.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\0")
        for line in lines:
            head, _, path = line.partition(b"\t")
            mode, _, oid, size = head.split()
            if size == b"BAD":
                raise _missing(stage, oid.decode())
            yield TreeEntry(mode.decode(), oid.decode(), 0 if size == b"-" else int(size), path)


def beginnings(out: IO[bytes], most: int) -> Iterator[bytes]:
    """Yield the first *most* bytes of each piece that ends with NUL, as they come; no more of one is ever kept."""
    rest = b""
    while chunk := out.read(_CHUNK):
        *pieces, rest = (rest + chunk).split(b"\0")
        rest = rest[:most]
        yield from (piece[:most] for piece in pieces if piece)
    if rest:
        yield rest


def hash_one(out: IO[bytes], oid: str, stage: Stage) -> str:
    """Return the SHA-256 of the blob *oid*, which ``git cat-file --batch`` writes to *out* next.

    Raises:
        WrongContent: it is missing, or not what its id says.
    """
    header = out.readline().split()
    if len(header) != 3 or header[0] != oid.encode("ascii") or header[1] != b"blob":
        raise _missing(stage, oid)
    digest, left = hashlib.sha256(), int(header[2])
    while left:
        chunk = out.read(min(left, _CHUNK))
        if not chunk:
            raise WrongContent(name=stage.name, what="file content", expected=f"blob {oid}", found="its beginning only")
        digest.update(chunk)
        left -= len(chunk)
    out.read(1)
    return digest.hexdigest()


def _missing(stage: Stage, oid: str) -> WrongContent:
    what = "file content"
    return WrongContent(name=stage.name, what=what, expected=f"blob {oid}", found="nothing that git can read")
