"""Read commits, tags, trees and small files straight from a repository's files: for the few objects of an update.

To import libgit2 takes longer than to read all of them, and so does a process for each. Only what is plainly there is
told, and its id is computed from what was read; whatever is unusual (SHA-256, a reftable, what is large or damaged) is
:class:`Unsure`, and for libgit2 or git to judge.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from git_hybrid.core.tree import GITLINK
from git_hybrid.git.deltas import LARGEST, beginning
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.rawpacks import KINDS, UNREADABLE, Packs, Place
from git_hybrid.git.trees import TooManyTrees, entries_of, links_of, object_id
from git_hybrid.turn import TURN

P = ParamSpec("P")
R = TypeVar("R")
FEW = 200
"""So many objects are read here, and not more: to import libgit2 takes as long."""
_SHA1 = 40
_BASES = 4 << 20
_ALTERNATES = 5
_TAGS = 10


class Unsure(Exception):
    """What is there is for a closer look; nothing is said about it."""


def _surely(function: Callable[P, R]) -> Callable[P, R]:
    """Return *function* so that it raises Unsure where a file is not as git writes it."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except UNREADABLE as error:
            raise Unsure from error

    return call


class Raw:
    """The objects and refs of one repository, for as long as :func:`opened` lasts."""

    @_surely
    def __init__(self, git_dir: Path) -> None:
        """Take the repository at *git_dir*.

        Raises:
            Unsure: it is none of plain files.
        """
        self._git_dir = str(git_dir)
        self._folders = list(_object_folders(f"{git_dir}/objects", _ALTERNATES))
        self._packs = Packs((path for folder in self._folders for path in _packs(f"{folder}/pack")), memory=_BASES)

    def close(self) -> None:
        """Close the packs."""
        self._packs.close()

    @_surely
    def holds(self, oid: str) -> bool:
        """Tell whether the object is there; nothing of it is read."""
        binary = _binary(oid)
        return self._packs.find(binary) is not None or self._loose(oid) is not None

    @_surely
    def read(self, oid: str) -> tuple[str, bytes]:
        """Return the kind and the content of an object that is there.

        Raises:
            Unsure: it is not, or cannot be read, or its content has another id.
        """
        kind, data = self._packs.read(_binary(oid), self._unpacked)
        if object_id(kind, data, _SHA1) != oid:
            raise Unsure
        return kind, data

    @_surely
    def size(self, oid: str) -> int:
        """Return the size of the content of an object that is in a pack.

        Raises:
            Unsure: it is not, or cannot be read.
        """
        place = self._packs.find(_binary(oid))
        if place is None:
            raise Unsure
        return place[0].size(place[1])

    @_surely
    def place(self, oid: str) -> Place | None:
        """Return where the object stands in a pack, or None if it is in none."""
        return self._packs.find(_binary(oid))

    @_surely
    def beginning_of(self, place: Place) -> tuple[Place, int, int] | None:
        """Return what the object at *place* is the beginning of, the size of that, and its own.

        That is what git makes of it, which keeps an old version of a file that grew as no more than this; whether the
        id is right is not computed. None where it is kept otherwise.

        Raises:
            Unsure: it cannot be read.
        """
        pack, offset = place
        if not pack.is_delta(offset):
            return None
        _, base, delta = pack.entry(offset)
        whole = (pack, base) if isinstance(base, int) else self._packs.find(base)
        sizes = beginning(delta)
        return None if whole is None or sizes is None else (whole, *sizes)

    def few_sizes(self, most: int) -> Callable[[str], int]:
        """Return :meth:`size` for at most so many objects, after which it is Unsure."""
        left = iter(range(most))

        def size(oid: str) -> int:
            if next(left, None) is None:
                raise Unsure
            return self.size(oid)

        return size

    def _loose(self, oid: str) -> str | None:
        paths = (f"{folder}/{oid[:2]}/{oid[2:]}" for folder in self._folders)
        return next((path for path in paths if os.path.lexists(path)), None)

    def _unpacked(self, oid: bytes) -> tuple[str, bytes]:
        path = self._loose(oid.hex())
        if path is None:
            raise Unsure
        inflating = zlib.decompressobj()
        plain = inflating.decompress(_content(path), LARGEST)
        head, _, data = plain.partition(b"\0")
        kind, _, size = head.decode("ascii").partition(" ")
        if not inflating.eof or kind not in KINDS.values() or int(size) != len(data):
            raise Unsure
        return kind, data

    def links(self, oid: str) -> tuple[str, tuple[str, ...]]:
        """Return the tree and the parents of the commit *oid*.

        Raises:
            Unsure: it is not there, or no commit.
        """
        kind, data = self.read(oid)
        if kind != "commit" or (found := links_of(data)) is None:
            raise Unsure
        return found

    @_surely
    def holds_all(self, commit: str) -> bool:
        """Tell whether all files of *commit* are there.

        Raises:
            Unsure: a tree is not there, or there are too many.
        """
        try:
            entries = entries_of(self.links(commit)[0], self.read, lambda _oid: 0, most=FEW)
            return all(self.holds(entry.oid) for entry in entries if entry.mode != GITLINK)
        except TooManyTrees as error:
            raise Unsure from error

    @_surely
    def fetched(self, ref: str) -> tuple[str, str]:
        """Return what the loose *ref* names and the commit behind it, through tags of tags.

        Raises:
            Unsure: it is no such ref, or names something else.
        """
        first = current = _content(f"{self._git_dir}/{ref}").decode("ascii").removesuffix("\n")
        for _ in range(_TAGS):
            kind, data = self.read(current)
            if kind == "commit":
                return first, current
            if kind != "tag" or not data.startswith(b"object "):
                break
            current = data.split(b"\n", 1)[0].removeprefix(b"object ").decode("ascii")
        raise Unsure

    @_surely
    def descends(self, new: str, old: str, *, most: int) -> bool:
        """Tell whether *old* is in the history of the commit *new*.

        Raises:
            Unsure: that takes more than *most* commits to see, or history is cut off or replaced.
        """
        if any(os.path.lexists(f"{self._git_dir}/{name}") for name in ("shallow", "info/grafts")):
            raise Unsure
        seen, ahead = {new}, [new]
        while ahead:
            commit = ahead.pop(0)
            if commit == old:
                return True
            if len(seen) > most:
                raise Unsure
            more = [parent for parent in dict.fromkeys(self.links(commit)[1]) if parent not in seen]
            seen.update(more)
            ahead += more
        return False


@contextmanager
def opened(git_dir: Path) -> Iterator[Raw]:
    """Yield the repository at *git_dir* for the block, in which the thread has its turn.

    Raises:
        Unsure: it is none of plain files.
    """
    with TURN:
        raw = Raw(git_dir)
        try:
            yield raw
        finally:
            raw.close()


def _binary(oid: str) -> bytes:
    if len(oid) != _SHA1:
        raise Unsure
    return bytes.fromhex(oid)


def _object_folders(folder: str, depth: int) -> Iterator[str]:
    """Yield *folder* and those that objects are borrowed from."""
    yield folder
    path = f"{folder}/info/alternates"
    if os.path.lexists(path):
        for line in os.fsdecode(_content(path)).removesuffix("\n").split("\n"):
            if not line.startswith("/") or not depth:
                raise Unsure
            yield from _object_folders(line, depth - 1)


def _packs(folder: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        for entry in found:
            if entry.name.endswith(".idx"):
                yield entry.path.removesuffix(".idx")


def _content(path: str) -> bytes:
    with file_at(path) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            raise Unsure
        return file.read()
