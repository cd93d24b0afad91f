"""The port of the object cache: repositories that the workspaces of one user share on one machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from git_hybrid.core.ids import SourceName, Url
from git_hybrid.core.ports import Stage
from git_hybrid.core.value import Struct


class Question(Struct, frozen=True, kw_only=True):
    """Which refs of upstream are asked about, and which evidence counts: who gave it, and since when.

    ``servers`` None takes anybody's word, ``since`` None evidence of any age.
    """

    refs: Sequence[str]
    servers: frozenset[str] | None = None
    since: datetime | None = None


class Filling(Protocol):
    """A store that is being filled: its lock is held, and the stage has what the store has."""

    def keep(self, patterns: Sequence[str], served_by: str) -> None:
        """Keep what was fetched into the stage: its packs, and what upstream has at the refs of *patterns*."""
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

        Return the URL of the server that said so; None where the store does not answer the question.
        """
        ...

    def filling(self, stage: Stage, url: Url) -> AbstractContextManager[Filling]:
        """Hold the store for the block, in which *stage* is fetched into."""
        ...

    def distrust(self, name: SourceName, url: Url, why: str) -> None:
        """Set the store aside: what it lent to the source *name* was not what it should be."""
        ...
