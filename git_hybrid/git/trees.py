"""Read a tree with all its subtrees through libgit2, from the bytes that git wrote: no process, nothing normalised."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from git_hybrid.core.tree import GITLINK, TreeEntry
from git_hybrid.git.libgit2 import links

if TYPE_CHECKING:
    from git_hybrid.git.libgit2 import Repository

_TREE = "040000"
_OID = 20


class TooManyTrees(Exception):
    """More folders than there may be files: a tree can name itself a million times over and hold nothing."""


def entries_of(repository: Repository, commit: str, *, most: int) -> Iterator[TreeEntry]:
    """Yield the entries of the tree of *commit*, as ``git ls-tree -r -l`` would; *most* is the number of folders.

    Raises:
        KeyError, ValueError: an object is missing, or not what git writes.
        TooManyTrees: it has more folders than *most*.
    """
    found = links(repository, commit)
    if found is None:
        raise KeyError(commit)
    read, header = repository.odb.read, repository.odb.read_header
    ahead = [_parsed(read(found[0])[1], b"")]
    opened = 1
    while ahead:
        for mode, oid, path in ahead[-1]:
            if mode == _TREE:
                opened += 1
                if opened > most:
                    raise TooManyTrees
                ahead.append(_parsed(read(oid)[1], path + b"/"))
                break
            yield TreeEntry(mode, oid, 0 if mode == GITLINK else header(oid)[1], path)
        else:
            ahead.pop()


def _parsed(data: bytes, folder: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Yield mode, id and path of each entry in the bytes of a tree: ``<mode> SP <name> NUL <20 bytes>``."""
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        after = end + 1 + _OID
        yield _mode(data[at:space]), data[end + 1 : after].hex(), folder + data[space + 1 : end]
        at = after


@cache
def _mode(text: bytes) -> str:
    """Return a mode as git reads it: old trees have others, such as 100664 (canon_mode in git's object.h)."""
    mode = int(text, 8)
    match mode >> 12:
        case 0o10:
            return "100755" if mode & 0o100 else "100644"
        case 0o12:
            return "120000"
        case 0o4:
            return _TREE
        case _:
            return GITLINK
