"""The port of the object cache: repositories that the workspaces of one user share on one machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from git_hybrid.core.ids import Oid, RefName, SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry
from git_hybrid.core.value import Struct


class Question(Struct, frozen=True, kw_only=True):
    """Which refs of upstream are asked about, and which evidence counts: who gave it, and since when.

    ``servers`` None takes anybody's word, ``since`` and ``until`` None evidence of any time; with ``tips``, what the
    refs are known to be by now, the evidence has to say the same.
    """

    refs: Sequence[str]
    servers: frozenset[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    tips: Mapping[str, Oid] | None = None


class Filling(Protocol):
    """A store that is being filled: its lock is held, and the stage has what the store has."""

    def keep(self, patterns: Sequence[str], served_by: str) -> str:
        """Keep what was fetched into the stage: its packs, and what upstream has at the refs of *patterns*.

        Return who served it: where the store had all of it, whoever had brought it there.
        """
        ...


class KeptTree(Protocol):
    """A tree whose files the cache keeps as they stand in a working tree.

    Its entries are those of the pinned tree, and the hashes of its files come to the digest that the lock has.
    """

    @property
    def entries(self) -> Sequence[TreeEntry]:
        """What is in it, in the order of git."""
        ...

    def link(self, blob: str) -> bytes:
        """Return the content of a file, by the id of its blob."""
        ...

    def write(self, stage: Stage, commit: Oid) -> bool:
        """Write it as the working tree of *commit*, with the index, each file proved by its hash on its way.

        Where that does not work nothing is left of it in *stage*.
        """
        ...


class TreeKeeper(Protocol):
    """Takes the content of the files of a tree, from the first to the last, and keeps it in the end."""

    @property
    def place(self) -> str:
        """Return the file that another process may write all of it into instead; empty where nothing is kept."""
        ...

    def restart(self) -> None:
        """Begin again with the first file, whatever was taken or written."""
        ...

    def take(self, content: bytes) -> object:
        """Take what comes next."""
        ...

    def know(self, hashes: Sequence[str]) -> None:
        """Take the SHA-256 of each file."""
        ...

    def keep(self) -> None:
        """Keep the tree: its digest is what the lock says."""
        ...


class ObjectCache(Protocol):
    """One store for each upstream URL. Trouble with it is told and never raised: upstream is still there."""

    def holds(self, url: Url) -> bool:
        """Tell whether there is a store for *url* that can be used."""
        ...

    def edition(self, url: Url) -> object:
        """Return what tells what the store of *url* holds now from what it will hold once somebody has filled it."""
        ...

    def lend(self, stage: Stage, url: Url, question: Question) -> str | None:
        """Bring all that the store has into *stage*, with what upstream had at the refs in question.

        Return the URL of the server that it came from; None where the store does not answer the question.
        """
        ...

    def filling(self, stage: Stage, url: Url) -> AbstractContextManager[Filling]:
        """Hold the store for the block, in which *stage* is fetched into."""
        ...

    def found(self, stage: Stage, url: Url, ref: RefName, served_by: str) -> None:
        """Make a store for *url*, where there is none, of what *served_by* sent into *stage*: of *ref* it had that."""
        ...

    def distrust(self, name: SourceName, url: Url, why: str) -> None:
        """Set the store aside: what it lent to the source *name* was not what it should be."""
        ...

    def tree(self, name: SourceName, url: Url, pin: Pin) -> KeptTree | None:
        """Return the pinned tree if it is kept."""
        ...

    def keeping(
        self, name: SourceName, url: Url, pin: Pin, entries: Sequence[TreeEntry]
    ) -> AbstractContextManager[TreeKeeper | None]:
        """Yield what keeps the pinned tree, whose files are *entries*; None where it is not worth it."""
        ...
