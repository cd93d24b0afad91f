"""Read objects through git itself, each hashed again; one process answers for all that is read of a repository.

git has to be the one that reads: what leads it astray in a clone need not lead another reader astray.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from git_hybrid.core.ids import InvalidText, Oid, parse_oid
from git_hybrid.core.tree import TreeEntry
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import TREE, mode_of, object_id

_OCTAL = b"01234567"
# A pipe takes so many ids at once, whoever reads what comes back.
_AT_ONCE = 60
_PIECE = 1 << 16


class Unproved(Exception):
    """An object is missing, or is not what its id says; ``str()`` says which."""


class Reading:
    """Asks a ``git cat-file --batch`` that runs for objects (git-cat-file(1))."""

    def __init__(self, asking: int, told: Callable[[], bytes]) -> None:
        """Ask by the descriptor *asking*; *told* returns what comes next of the answers, nothing at their end."""
        self._asking, self._told, self._ahead = asking, told, b""

    def objects(self, kinds: Mapping[str, str]) -> dict[str, bytes]:
        """Return the content of objects by id, each hashed again; *kinds* says of which type each is.

        Raises:
            Unproved: an object is missing or wrong.
        """
        found: dict[str, bytes] = {}
        waiting = iter(kinds)
        while asked := tuple(islice(waiting, _AT_ONCE)):
            os.write(self._asking, "".join(f"{oid}\n" for oid in asked).encode("ascii"))
            for oid in asked:
                found[oid] = self._object(oid, kinds[oid])
        return found

    def _object(self, oid: str, kind: str) -> bytes:
        head = self._line().split()
        if len(head) != 3 or head[:2] != [oid.encode("ascii"), kind.encode("ascii")]:
            raise Unproved(f"the {kind} {oid} is missing or cannot be read")
        data = self._bytes(int(head[2]) + 1)[:-1]
        if object_id(kind, data, len(oid)) != oid:
            raise Unproved(f"the {kind} {oid} does not hold what its id says")
        return data

    def _line(self) -> bytes:
        while b"\n" not in self._ahead and (piece := self._told()):
            self._ahead += piece
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line

    def _bytes(self, size: int) -> bytes:
        pieces, left = [self._ahead], size - len(self._ahead)
        while left > 0 and (piece := self._told()):
            pieces.append(piece)
            left -= len(piece)
        data = b"".join(pieces)
        self._ahead = data[size:]
        return data[:size]

    def tree(self, commit: Oid) -> tuple[Oid, list[TreeEntry]]:
        """Return the tree of *commit* and its entries in git's order, every object on the way hashed again.

        Raises:
            Unproved: an object is missing or wrong.
        """
        data = self.objects({commit: "commit"})[commit]
        try:
            tree = parse_oid(data.split(b"\n", 1)[0].removeprefix(b"tree ").decode("ascii"))
        except (InvalidText, UnicodeDecodeError) as error:
            raise Unproved(f"the commit {commit} names no tree") from error
        return tree, sorted(self._below(tree), key=lambda entry: entry.path)

    def _below(self, root: Oid) -> Iterator[TreeEntry]:
        """Yield the entries below the tree *root*; each tree is read once, whatever names it."""
        known: dict[str, list[tuple[str, str, bytes]]] = {}
        level = [(b"", str(root))]
        while level:
            missing = dict.fromkeys((oid for _, oid in level if oid not in known), "tree")
            known |= {oid: list(_parsed(data, oid)) for oid, data in self.objects(missing).items()}
            below: list[tuple[bytes, str]] = []
            for folder, oid in level:
                for mode, target, name in known[oid]:
                    if mode == TREE:
                        below.append((folder + name + b"/", target))
                    else:
                        yield TreeEntry(mode, target, 0, folder + name)
            level = below


@contextmanager
def reading(runner: Runner, git_dir: Path) -> Iterator[Reading]:
    """Run the git that reads the objects of the repository at *git_dir*, for the block."""
    theirs, ours = os.pipe()
    with ExitStack() as asking:
        asking.callback(os.close, ours)
        asked = asking.enter_context(open(theirs, "rb", buffering=0))
        with runner.stream(["cat-file", "--batch"], git_dir=git_dir, stdin=asked) as out:
            told = partial(out.read1, _PIECE)
            yield Reading(ours, told)
            # Nothing more is asked: it ends by itself.
            asking.close()
            while told():
                pass


def read_objects(runner: Runner, git_dir: Path, kinds: Mapping[str, str]) -> dict[str, bytes]:
    """Return the content of objects (:meth:`Reading.objects`), from a git of their own.

    Raises:
        Unproved: an object is missing or wrong.
    """
    with reading(runner, git_dir) as found:
        return found.objects(kinds)


def _parsed(data: bytes, oid: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield mode, id and name of each entry in *data*, the bytes of the tree *oid*; git refuses what this refuses."""
    at, size = 0, len(oid) // 2
    while at < len(data):
        blank, end = data.find(b" ", at), data.find(b"\0", at)
        mode, name, target = data[at:blank], data[blank + 1 : end], data[end + 1 : end + 1 + size]
        if not at < blank < end or not name or len(target) < size or mode.strip(_OCTAL):
            raise Unproved(f"the tree {oid} cannot be read")
        yield mode_of(mode), target.hex(), name
        at = end + 1 + size
