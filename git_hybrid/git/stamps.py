"""Read what a clone looked like when it was proved, and say what of it was touched since.

The files are those of :mod:`git_hybrid.git.seen`, which writes them. This half imports next to nothing: a process that
only looks (:mod:`git_hybrid.git.scout`) is sent off before the rest of the program is there.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections.abc import Iterable, Sequence

FOLDER = ".git/hybrid"
TREE, BASE = f"{FOLDER}/tree", f"{FOLDER}/base"
MAGIC = "git-hybrid-seen-2"
PACKS = b".git/objects/pack/"
_SIZE = 5 * 8
_INODE = (1 << 63) - 1


class Stamps:
    """Stat data of paths below a clone: the paths between NULs, and five numbers of 64 bits for each of them.

    ``newest`` is the latest ctime, in nanoseconds; ``url`` is the origin, where that was looked at.
    """

    __slots__ = ("commit", "newest", "numbers", "paths", "tree", "url")

    def __init__(self, commit: str, tree: str, newest: int, paths: bytes, numbers: bytes, url: str = "") -> None:
        """Hold the stat data of the clone of *commit*, whose tree is *tree*."""
        self.commit, self.tree, self.newest, self.paths, self.numbers = commit, tree, newest, paths, numbers
        self.url = url


Look = tuple[str, str, frozenset[bytes], bool, str]
"""The commit and the tree that a clone was proved to stand at, what was touched since, whether it was partial, and what
its origin was, if that is known."""


def is_untouched(seen: Look | None) -> bool:
    """Tell whether a look saw nothing that was touched."""
    return seen is not None and not seen[2]


def read(path: str) -> Stamps:
    """Return the stat data that the file *path* holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is of another version.
    """
    # A pipe keeps nobody waiting.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
        data = file.read() or b""
    head, _, rest = data.partition(b"\n")
    magic, commit, tree, newest, size, *url = head.decode("ascii").split(" ")
    if magic != MAGIC:
        raise ValueError(path)
    return Stamps(commit, tree, int(newest), rest[: int(size)], rest[int(size) :], "".join(url))


def numbers_of(path: bytes, found: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return what is kept of *found*, the stat data of *path*: mode, inode, size, mtime and ctime in nanoseconds."""
    ctime = found.st_ctime_ns if found.st_nlink == 1 else _ctime(path, found)
    return (found.st_mode, found.st_ino & _INODE, found.st_size, found.st_mtime_ns, ctime)


def _ctime(path: bytes, found: os.stat_result) -> int:
    """Return the ctime of what has more names than one; of a pack that the object cache has too, when it was written.

    Whenever another workspace links such a pack, or a store is pruned, its ctime changes, and nothing else of it.
    """
    return found.st_mtime_ns if path.startswith(PACKS) and stat.S_ISREG(found.st_mode) else found.st_ctime_ns


def differing(known: Stamps, names: Sequence[bytes], looks: Iterable[os.stat_result]) -> frozenset[bytes]:
    """Return those of *names*, the paths of *known*, whose *looks* are not what is known of them."""
    numbers = list[int]()
    take = numbers.extend
    for name, found in zip(names, looks, strict=True):
        # numbers_of, spelt out: this runs for every file of every clone in each status and each sync.
        ctime = found.st_ctime_ns if found.st_nlink == 1 else _ctime(name, found)
        take((found.st_mode, found.st_ino & _INODE, found.st_size, found.st_mtime_ns, ctime))
    now = array("q", numbers).tobytes()
    if now == known.numbers:
        return frozenset()
    return frozenset(
        name
        for at, name in enumerate(names)
        if now[at * _SIZE : (at + 1) * _SIZE] != known.numbers[at * _SIZE : (at + 1) * _SIZE]
    )


def is_as_known(known: Stamps, root: bytes, name: bytes) -> bool:
    """Tell whether *name* is, below *root*, as it is *known*.

    Raises:
        OSError, ValueError: it is not there, or not known.
    """
    at = known.paths.split(b"\0").index(name) * _SIZE
    return array("q", numbers_of(name, os.lstat(root + name))).tobytes() == known.numbers[at : at + _SIZE]


def look(path: str, *, here: bool = False) -> Look | None:
    """Return what the clone at *path* was proved to stand at and what was touched since; None if it never was.

    With *here* the process works in *path*, which spares the system the way there for each file.
    """
    root = b"" if here else os.fsencode(path) + b"/"
    try:
        if not here and os.path.islink(path):
            return None
        known = [read(name if here else f"{path}/{name}") for name in (BASE, TREE)]
        (commit, tree), (other_commit, other_tree) = ((one.commit, one.tree) for one in known)
        if (commit, tree) != (other_commit, other_tree):
            return None
        touched: frozenset[bytes] = frozenset()
        for one in known:
            names = one.paths.split(b"\0") if one.numbers else []
            paths = (name or b"." for name in names) if here else map(root.__add__, names)
            touched |= differing(one, names, map(os.lstat, paths))
    except (OSError, ValueError):
        return None
    return commit, tree, touched, _is_partial(known[0].paths), known[0].url


def _is_partial(paths: bytes) -> bool:
    """Tell whether one of *paths* is the mark of a pack that refers to what is not there, by design."""
    mark = b".promisor"
    return mark in paths and any(name.startswith(PACKS) and name.endswith(mark) for name in paths.split(b"\0"))
