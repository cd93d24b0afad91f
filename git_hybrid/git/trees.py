"""Read a tree with all its subtrees, and what a commit names, from the bytes that git wrote; nothing is normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache

from git_hybrid.core.digest import sha1_hex, sha256_hex
from git_hybrid.core.tree import DEPTH_LIMIT, GITLINK, LINK, TreeEntry, TreeLimits, scan_tree

TREE = "040000"
_FILES = ("100644", "100755", LINK)
_OID = 20
ALGORITHMS = {40: "sha1", 64: "sha256"}
"""How git hashes an object whose id has so many hex digits."""
_DIGESTS = {40: sha1_hex, 64: sha256_hex}


def object_id(kind: str, data: bytes | memoryview, digits: int) -> str:
    """Return the id, of so many hex *digits*, that git gives to an object with the content *data*."""
    return _DIGESTS[digits](data, b"%s %d\0" % (kind.encode("ascii"), len(data)))


class TooManyTrees(Exception):
    """More folders than there may be files: a tree can name itself a million times over and hold nothing."""

    def finding(self, limits: TreeLimits) -> str:
        """Return what is wrong with the tree."""
        return limits.too_many("folder")


class TooDeep(TooManyTrees):
    """A folder at ``path`` is so deep that no file in it may be: all paths below it take the square of the depth."""

    def __init__(self, path: bytes) -> None:
        super().__init__()
        self.path = path

    def finding(self, limits: TreeLimits) -> str:
        """Return what is wrong with the tree."""
        return limits.too_deep(self.path)


def entries_of(
    tree: str, read: Callable[[str], tuple[object, bytes]], size: Callable[[str], int], *, most: int
) -> Iterator[TreeEntry]:
    """Yield the entries of *tree*, as ``git ls-tree -r -l`` would; *most* is the number of folders.

    *read* returns the kind and the bytes of an object by its id, *size* how large a file is. Where a mode is none of
    git's kinds, it stands as it was written.

    Raises:
        ValueError: a tree is not what git writes.
        TooManyTrees: it has more folders than *most*; TooDeep where one is too deep.
    """
    ahead = [_parsed(read(tree)[1], b"")]
    opened = 1
    while ahead:
        for mode, oid, path in ahead[-1]:
            if mode == TREE:
                opened += 1
                if opened > most:
                    raise TooManyTrees
                if len(ahead) >= DEPTH_LIMIT:
                    raise TooDeep(path)
                ahead.append(_parsed(read(oid)[1], path + b"/"))
                break
            yield TreeEntry(mode, oid, size(oid) if mode in _FILES else 0, path)
        else:
            ahead.pop()


def scanned(
    entries: Iterator[TreeEntry], limits: TreeLimits, read_link: Callable[[str], bytes]
) -> tuple[Sequence[TreeEntry], tuple[str, ...]]:
    """Return what :func:`scan_tree` does; of a tree that is not read to its end, that alone is wrong."""
    try:
        return scan_tree(entries, limits=limits, read_link=read_link)
    except TooManyTrees as error:
        return [], (error.finding(limits),)


def _parsed(data: bytes, folder: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield mode, id and path of each entry in the bytes of a tree: ``<mode> SP <name> NUL <20 bytes>``."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        after = end + 1 + _OID
        yield mode_of(data[at:space]), data[end + 1 : after].hex(), folder + data[space + 1 : end]
        at = after


def links_of(data: bytes) -> tuple[str, tuple[str, ...]] | None:
    """Return the tree and the parents in *data*, the bytes of a commit; None if they name no tree."""
    first, *lines = data.split(b"\n\n", 1)[0].decode("ascii", "replace").split("\n")
    parents = tuple(line.removeprefix("parent ") for line in lines if line.startswith("parent "))
    return (first.removeprefix("tree "), parents) if first.startswith("tree ") else None


@cache
def mode_of(text: bytes) -> str:
    """Return a mode as git reads it: old trees have others, such as 100664 (canon_mode in git's object.h).

    git takes what is of none of its kinds for a submodule, and libgit2 does not.

    Raises:
        ValueError: it is none; to Python digits may have a sign before them, and lines between.
    """
    if not text or text.strip(b"01234567"):
        raise ValueError(f"{text!r} is no mode")
    mode = int(text, 8)
    match mode >> 12:
        case 0o10:
            return "100755" if mode & 0o100 else "100644"
        case 0o12:
            return LINK
        case 0o4:
            return TREE
        case 0o16:
            return GITLINK
        case _:
            return text.decode("ascii")
