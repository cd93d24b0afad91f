"""A tree that the object cache keeps unpacked: one file with the content of all its files, and what is known of each.

The file is a copy of what stood in a working tree when that was proved. What it says is proved again each time: its
entries come to the id of the pinned tree, their hashes to the digest that the lock has, and each file to its hash
(:mod:`git_hybrid.git.unpacking`).
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha1, sha256
from pathlib import Path
from struct import Struct as Layout
from struct import error

from git_hybrid.core.ids import Oid
from git_hybrid.core.tree import DEPTH_LIMIT, LINK, TreeEntry, content_digest, show_path
from git_hybrid.core.value import Struct
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.stamps import MAGIC
from git_hybrid.git.sumfile import packed
from git_hybrid.git.treefiles import root_of
from git_hybrid.git.unpacking import BLOB, ENTRY, KeptOrder, PackOrder, are_ordered

MOST_FILES = 20_000
WORK = "tree"
"""What the ending of a name begins with under which a tree is still being written."""
_HEAD = b"git-hybrid-tree-1"
_END = Layout(">17sIIQ")
"""What such a file ends with: what it is, the number of entries, the bytes of all paths, the bytes of all content."""
_BUFFER = 1 << 18
_MOST_POURED = 64 << 20
# git inflates a byte in the time in which ten are read and hashed.
_PACKS, _TIMES = 8 << 20, 8
_MODES = {"100644": 0o100644, "100755": 0o100755, LINK: 0o120000}
_NAMES = {number: name for name, number in _MODES.items()}
_LINK = _MODES[LINK]
Row = tuple[int, bytes, bytes, int]


class Damaged(Exception):
    """A kept tree is not what it should be; the text says why."""


class Unproved(Exception):
    """A kept tree does not come to the digest that the lock has: it is damaged, or the lock is wrong."""


class Unpacked(Struct, frozen=True):
    """The tree with the id ``tree``: where it is kept, and its entries in the order of git.

    ``table`` and ``joined`` are entries and paths as they stand in the file, ``extension`` is what an index says of
    the tree and those below it.
    """

    path: str
    tree: Oid
    entries: Sequence[TreeEntry]
    table: bytes
    joined: bytes
    extension: bytes
    links: Mapping[str, bytes]

    def link(self, blob: str) -> bytes:
        """Return the target of a symbolic link by the id of its blob.

        Raises:
            KeyError: there is no such link.
        """
        return self.links[blob]

    def is_quicker(self, packs: int) -> bool:
        """Tell whether it is sooner written than checked out, where all its *packs*, in bytes, have to be read."""
        return packs <= _PACKS + _TIMES * sum(entry.size for entry in self.entries)

    def order(self, target: str, commit: Oid, packs: tuple[str, ...]) -> KeptOrder:
        """Return the order to write it into the repository at *target*, as the working tree of *commit*.

        The files of its *packs* are read and compared with their checksums.
        """
        known = packed((blob, digest, size) for _, blob, digest, size in ENTRY.iter_unpack(self.table))
        head = f"{MAGIC} {commit} {self.tree}"
        return self.path, self.table, self.joined, target, self.extension, known, head, packs


def pack_order(
    target: str, packs: tuple[str, ...], entries: Sequence[TreeEntry], commit: Oid, tree: Oid, keep: str
) -> PackOrder | None:
    """Return the order to write *entries*, those of *tree*, from *packs* into the repository at *target*.

    Its working tree is that of *commit*; the content goes into the file *keep* too, unless that is empty. None where
    git has to do it.
    """
    if not is_worth_it(entries, most_bytes=_MOST_POURED):
        return None
    unhex, pack = bytes.fromhex, BLOB.pack
    table = b"".join([pack(_MODES[entry.mode], unhex(entry.oid), entry.size) for entry in entries])
    joined = b"\0".join([entry.path for entry in entries])
    return packs, table, joined, unhex(tree), target, f"{MAGIC} {commit} {tree}", keep


def is_worth_it(entries: Sequence[TreeEntry], *, most_bytes: int) -> bool:
    """Tell whether a tree of *entries* is for a process of ours: of files and links alone, and not too large."""
    if not entries or len(entries) > MOST_FILES or any(entry.mode not in _MODES for entry in entries):
        return False
    return len(entries[0].oid) == 40 and sum(entry.size for entry in entries) <= most_bytes


def are_all_of(tree: Oid, entries: Sequence[TreeEntry]) -> bool:
    """Tell whether *entries* alone come to the id of *tree*: not where it has modes that git no longer writes."""
    rows = [(_MODES[entry.mode], bytes.fromhex(entry.oid)) for entry in entries]
    return root_of(rows, [entry.path for entry in entries])[0].hex() == tree


class Keeper:
    """Takes the content of all files of a tree, one after the other, to be kept in the end.

    Until then it is in the file ``work``, which is locked; another process may write it into that instead.

    Raises:
        OSError: the file system refused.
    """

    def __init__(self, path: str, work: str) -> None:
        """Begin at *work*, a name that nobody else has, with what is to be kept at *path*."""
        self._path, self.work = path, work
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = open(os.open(work, flags, 0o600), "wb", buffering=_BUFFER)  # noqa: SIM115 (closed by close)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.take: Callable[[bytes], object] = self._file.write

    def keep(self, entries: Sequence[TreeEntry], hashes: Sequence[str]) -> None:
        """Keep what was taken as the files of *entries*, whose *hashes* were found to be what the lock says.

        Raises:
            OSError: the file system refused.
        """
        unhex, pack = bytes.fromhex, ENTRY.pack
        joined = b"\0".join([entry.path for entry in entries])
        table = b"".join(
            [
                pack(_MODES[entry.mode], unhex(entry.oid), unhex(found), entry.size)
                for entry, found in zip(entries, hashes, strict=True)
            ]
        )
        total = sum(entry.size for entry in entries)
        if self._file.seek(0, os.SEEK_END) != total:
            raise OSError(errno.EIO, "not all of it was written", self.work)
        self._file.write(table + joined + _END.pack(_HEAD, len(entries), len(joined), total))
        self._file.flush()
        os.fchmod(self._file.fileno(), 0o400)
        os.rename(self.work, self._path)

    def restart(self) -> None:
        """Begin again with the first file.

        Raises:
            OSError: the file system refused.
        """
        self._file.truncate(0)
        self._file.seek(0)

    def close(self) -> None:
        """Take away what was not kept."""
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self.work)


def is_unfinished(path: Path) -> bool:
    """Tell whether the file at *path* is a tree that somebody has begun to keep."""
    return path.suffix.startswith(f".{WORK}")


def swept(folder: Path) -> None:
    """Remove from *folder* what somebody began to keep who lives no more.

    Raises:
        OSError: it cannot be read.
    """
    for path in filter(is_unfinished, folder.iterdir() if folder.is_dir() else ()):
        with suppress(OSError), open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)


def read(path: str, tree: Oid, content_sha256: str) -> Unpacked:
    """Return the tree kept at *path*, whose entries are those of *tree* and come to *content_sha256*.

    Raises:
        OSError: it cannot be read.
        Damaged: it is none, or another one.
        Unproved: it is not what the lock says.
    """
    with _understood():
        table, joined = _ends(path)
        rows, entries = _entries(table, joined)
    found, extension = root_of(rows, [entry.path for entry in entries])
    if found.hex() != tree:
        raise Damaged(f"its entries are those of {found.hex()}")
    if not are_ordered([entry.path for entry in entries]):
        raise Damaged("its paths are not in order")
    if content_digest(entries, (digest.hex() for _, _, digest, _ in rows)) != content_sha256:
        raise Unproved("its hashes are not those of the lock")
    return Unpacked(path, tree, entries, table, joined, extension, _links(path, rows))


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, error) as reason:
        raise Damaged(str(reason)) from reason


def _entries(table: bytes, joined: bytes) -> tuple[list[Row], list[TreeEntry]]:
    rows, paths = list(ENTRY.iter_unpack(table)), joined.split(b"\0")
    if max(path.count(b"/") for path in paths) >= DEPTH_LIMIT:
        raise ValueError("a path is deeper than any that may be checked out")
    named = zip(rows, paths, strict=True)
    return rows, [TreeEntry(_NAMES[mode], blob.hex(), size, name) for (mode, blob, _, size), name in named]


def _ends(path: str) -> tuple[bytes, bytes]:
    with file_at(path) as file:
        number = file.fileno()
        size = os.fstat(number).st_size
        head, count, length, content = _END.unpack(os.pread(number, _END.size, max(size - _END.size, 0)))
        room = count * ENTRY.size
        if head != _HEAD or count > MOST_FILES or size != content + room + length + _END.size:
            raise ValueError("not a tree that was kept")
        data = os.pread(number, room + length, content)
        if sum(size for *_, size in ENTRY.iter_unpack(data[:room])) != content:
            raise ValueError("the sizes of its files do not add up")
        return data[:room], data[room:]


def _links(path: str, rows: Sequence[Row]) -> dict[str, bytes]:
    """Return the target of each symbolic link, by the id of its blob.

    Raises:
        OSError: they cannot be read.
        Damaged: one is not what it was.
    """
    found, at = dict[str, bytes](), 0
    with open(path, "rb", buffering=0) as file:
        for mode, blob, digest, size in rows:
            if mode == _LINK:
                target = os.pread(file.fileno(), size, at)
                if sha256(target).digest() != digest:
                    raise Damaged("the target of a link is not what it was")
                found[blob.hex()] = target
            at += size
    return found


def verify(path: str, tree: Oid) -> None:
    """Read all of the tree kept at *path*.

    Raises:
        OSError: it cannot be read.
        Damaged: it is not whole, or is not *tree*.
    """
    with _understood():
        table, joined = _ends(path)
        rows, entries = _entries(table, joined)
    if root_of(rows, [entry.path for entry in entries])[0].hex() != tree:
        raise Damaged("its entries are those of another tree")
    with open(path, "rb") as file:
        for (_, blob, digest, size), entry in zip(rows, entries, strict=True):
            content = file.read(size)
            known = sha1(b"blob %d\0" % size + content, usedforsecurity=False).digest()
            if known != blob or sha256(content).digest() != digest:
                raise Damaged(f"{show_path(entry.path)} in it is not what it was")
