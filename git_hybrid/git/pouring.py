"""Bring objects from a stage into a clone, and take out of one what an earlier pin alone had needed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import HybridError
from git_hybrid.core.ids import SourceName
from git_hybrid.core.plan import Task
from git_hybrid.core.ports import Stage
from git_hybrid.core.value import Struct, field
from git_hybrid.git import packs
from git_hybrid.git.clones import GitClones
from git_hybrid.git.packs import Came
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner


class Pouring(Struct, frozen=True, kw_only=True):
    """The part of the writer of :mod:`git_hybrid.core.ports` that moves packs and refs."""

    runner: Runner
    disk: Disk
    clones: GitClones
    _came: dict[SourceName, Came] = field(default_factory=dict)

    def pour(self, source: Stage, target: Stage, *, boundaries: bool, cut: bool = False) -> None:
        """Move packs and refs of *source* into *target* (:func:`git_hybrid.git.packs.pour`)."""
        name, giver, taker = source.name, Path(source.git_dir), Path(target.git_dir)
        came = packs.pour(self.runner, self.disk, giver, taker, name=name, boundaries=boundaries, cut=cut)
        if taker == self._git_dir(name):
            self._came[name] = self._came.get(name, Came()) | came

    def make_complete(self, name: SourceName) -> None:
        """Take away the marks of a partial clone, once all history has been poured in."""
        packs.make_complete(self.runner, self.disk, self._git_dir(name), name=name)

    def own_objects(self, name: SourceName) -> str:
        """Copy what the clone borrows (:func:`git_hybrid.git.packs.own_objects`)."""
        return packs.own_objects(self.runner, self.disk, self._git_dir(name), name=name)

    def drop_former(self, task: Task) -> None:
        """Remove what only earlier pins needed (:func:`git_hybrid.git.superseded.drop_former`).

        What cannot be removed now goes with a later move: nothing depends on it.
        """
        came = self._came.pop(task.name, None)
        if task.source.history == "full" or came is None:
            return
        # Imported here: few histories are not full.
        from git_hybrid.git.superseded import drop_former

        with suppress(HybridError, OSError):
            drop_former(self.runner, self.disk, self._git_dir(task.name), task.pin.commit, came, name=task.name)

    def _git_dir(self, name: SourceName) -> Path:
        return self.clones.folder / name / ".git"
