"""Read what git lists of a tree, and the blobs that it hands out, as they come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from git_hybrid.core.digest import sha256_of
from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import DEPTH_LIMIT, TreeEntry
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import TooDeep

_CHUNK = 1 << 18


def parse_entries(out: IO[bytes], stage: Stage) -> Iterator[TreeEntry]:
    """Yield the entries that ``git ls-tree -r -t -l -z`` writes to *out*, as they come, but for folders.

    Raises:
        TooDeep: a folder is too deep: git holds a path for each of those that it is in.
        WrongContent: a blob is missing: git writes ``BAD`` for its size.
    """
    rest = b""
    while chunk := out.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\0")
        for line in lines:
            head, _, path = line.partition(b"\t")
            mode, kind, oid, size = head.split()
            if kind == b"tree":
                if path.count(b"/") + 1 >= DEPTH_LIMIT:
                    raise TooDeep(path)
                continue
            if size == b"BAD":
                raise missing_blob(stage.name, oid.decode())
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


@contextmanager
def batch(runner: Runner, git_dir: Path, oids: Iterable[str], *, folder: str | None = None) -> Iterator[IO[bytes]]:
    """Yield what ``git cat-file --batch`` writes of *oids* in the repository at *git_dir*, as it comes.

    They come from a file, in *folder*: a pipe that we fill while git fills the other one could block for ever.
    """
    from tempfile import TemporaryFile

    with TemporaryFile(dir=folder) as wanted:
        wanted.write("".join(f"{oid}\n" for oid in oids).encode("ascii"))
        wanted.seek(0)
        with runner.stream(["cat-file", "--batch"], git_dir=git_dir, stdin=wanted) as out:
            yield out


def hash_one(out: IO[bytes], oid: str, stage: Stage) -> str:
    """Return the SHA-256 of the blob *oid*, which ``git cat-file --batch`` writes to *out* next.

    Raises:
        WrongContent: it is missing, or not what its id says.
    """
    return sha256_of(pieces_of_blob(out, oid, stage))


def pieces_of_blob(out: IO[bytes], oid: str, stage: Stage) -> Iterator[bytes]:
    """Yield the content of the blob *oid*, which ``git cat-file --batch`` writes to *out* next.

    Raises:
        WrongContent: it is missing, or not whole.
    """
    if (left := size_of_blob(out, oid)) is None:
        raise missing_blob(stage.name, oid)
    for piece in pieces(out, left):
        left -= len(piece)
        yield piece
    if left:
        raise WrongContent(name=stage.name, what="file content", expected=f"blob {oid}", found="its beginning only")


def size_of_blob(out: IO[bytes], oid: str) -> int | None:
    """Return the size of the blob *oid*, which comes next; None if something else does."""
    header = out.readline().split()
    return int(header[2]) if len(header) == 3 and header[:2] == [oid.encode("ascii"), b"blob"] else None


def pieces(out: IO[bytes], left: int) -> Iterator[bytes]:
    """Yield the content of an object of so many bytes, less where *out* ends before, and read what closes it."""
    while left and (piece := out.read(min(left, _CHUNK))):
        left -= len(piece)
        yield piece
    out.read(1)


def missing_blob(name: SourceName, oid: str) -> WrongContent:
    """Return the error that git cannot read a blob."""
    return WrongContent(name=name, what="file content", expected=f"blob {oid}", found="nothing that git can read")
