"""The port that changes clones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Task
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_cache import TreeKeeper
from git_hybrid.core.tree import TreeEntry
from git_hybrid.core.value import Struct


class Saved(Struct, frozen=True):
    """What of a clone was saved below ``ref`` (None: all is upstream's); *commit* has the working tree as it stood.

    ``unsaveable`` are the paths of what git cannot store and what is in the way: fifos, sockets, devices. ``head`` is
    the commit at HEAD when that was saved; nothing where there was none.
    """

    ref: str | None
    commit: str
    unsaveable: tuple[bytes, ...] = ()
    head: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """Where local work was saved, in words."""
        return () if self.ref is None else (f"local work saved as {self.ref}",)


class Writer(Protocol):
    """Changes clones. Each method is complete or leaves what a later run heals."""

    def prepare(self, stage: Stage, source: Source, pin: Pin) -> None:
        """Make *stage* a repository that stands at the pinned commit; its working tree is written next."""
        ...

    def write(self, stage: Stage, pin: Pin, entries: Sequence[TreeEntry], keeper: TreeKeeper | None = None) -> str:
        """Write the working tree of *stage*, which becomes the clone; *entries* are what is in it.

        Return the digest of what was written: the content as the lock keeps it. *keeper* takes it.
        """
        ...

    def write_lfs(self, stage: Stage, pin: Pin) -> None:
        """Write the working tree of *stage*, which becomes the clone, with the content that LFS has for it."""
        ...

    def copy_submodule(self, inside: Stage, stage: Stage, url: str, oid: Oid) -> bool:
        """Copy into *stage* what the submodule *inside* a clone had fetched from *url*, if it has *oid*; tell whether.

        Nothing need stand there.
        """
        ...

    def is_standing(self, inside: Stage, url: str, oid: Oid) -> bool:
        """Tell whether the submodule *inside* a clone is of *url*, at *oid*, with no work in it, and so are its own."""
        ...

    def build_submodule(self, stage: Stage, url: str, oid: Oid) -> None:
        """Check *oid* out in *stage*, which becomes a submodule."""
        ...

    def place_submodule(self, stage: Stage, parent: Stage, path: str) -> None:
        """Move *stage* to *path* inside the working tree of *parent*; what stood there must be cleared before."""
        ...

    def clear_submodules(
        self, name: SourceName, wanted: Mapping[str, tuple[Oid, str] | None]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """Take the submodules out of the clone but those that stand at the commit, and are of the URL, in *wanted*.

        Returns where those are set aside, in words, that hold work of their own or files that git ignores; and the
        paths of those that were left as they stand.
        """
        ...

    def place(self, stage: Stage) -> None:
        """Move the stage to the source's path."""
        ...

    def pour(self, source: Stage, target: Stage, *, boundaries: bool, cut: bool = False) -> None:
        """Move the objects and fetched refs of *source* into *target*; with *boundaries* also where history is cut.

        With *cut* it stays cut there, also where *target* has more of it.
        """
        ...

    def drop_former(self, task: Task) -> None:
        """Remove from a clone whose history is not full what only earlier pins needed, if all in it is this tool's."""
        ...

    def make_complete(self, name: SourceName) -> None:
        """Take away the marks of a partial clone, once all history has been poured in."""
        ...

    def own_objects(self, name: SourceName) -> str:
        """Copy what the clone borrows from other repositories, let go of these, and return a note that says so.

        Raises:
            GitFailed: not all that its refs need is there.
        """
        ...

    def lend_lfs(self, clone: Stage, stage: Stage, oid: Oid) -> None:
        """Give *stage* what *clone* has of the LFS content of a commit; what is damaged is moved aside in the clone."""
        ...

    def pour_lfs(self, stage: Stage, clone: Stage) -> None:
        """Move LFS content of *stage* that *clone* has not into *clone*, each object hashed."""
        ...

    def take_lfs(self, stage: Stage, oid: Oid, carried: Callable[[str], AbstractContextManager[str | None]]) -> bool:
        """Give *stage* what is *carried* of the LFS content of a commit; tell whether it lacks nothing of it then.

        That yields the path of the content with a SHA-256, None where there is none.
        """
        ...

    def keeping_lfs(self, stage: Stage, oid: Oid) -> AbstractContextManager[None]:
        """Give *stage* what an earlier try got of the LFS content of a commit; keep what it has if the block fails."""
        ...

    def prepare_lfs(self, stage: Stage, *, fetch: bool) -> None:
        """Set *stage* (or a clone) up for LFS content, or for pointers; a change makes every file be written again."""
        ...

    def switch(self, task: Task) -> None:
        """Check out another commit in a clean clone; raise InTheWay or NestedRepository rather than overwrite."""
        ...

    def declare(self, task: Task) -> None:
        """Write the attributes and settings of the clone; it asks the URL of the source, also for what it lacks."""
        ...

    def save_work(self, name: SourceName, run: str, pin: Oid, standing: Sequence[str]) -> Saved:
        """Save all local work and what going to *pin* would overwrite; the submodules *standing* are as it has them."""
        ...

    def force(self, task: Task, saved: Saved, run: str) -> tuple[str, ...]:
        """Bring the clone, of which *saved* was saved, to the pin; return what was set aside, in words."""
        ...

    def go_back(self, name: SourceName, commit: Oid, run: str) -> tuple[str, ...]:
        """Save local work and bring the clone to *commit*; return what was saved, in words."""
        ...

    def set_aside(self, name: SourceName, run: str) -> str | None:
        """Move a broken clone out of the way; return where to, or None if nothing in it was worth keeping."""

    def withdraw(self, name: SourceName, run: str) -> str | None:
        """Move a clean clone out of the way until the run ends; return where it stays if it holds saved work.

        Raise LocalWork, and leave it where it is, if somebody has begun to work in it by now.
        """

    def discard(self, name: SourceName) -> str | None:
        """Remove a clone that was withdrawn for good; return where something of it is left, and why."""
        ...

    def give_back(self, name: SourceName, kept: str | None) -> None:
        """Move a clone that was withdrawn back to its place."""
        ...

    def remember(self, name: SourceName, pin: Pin, *, new: bool) -> None:
        """Keep, as a hint for the next look, what the clone looks like now; *new* if this run has changed it."""
        ...

    def flush(self) -> None:
        """Bring everything that was written to disk."""
