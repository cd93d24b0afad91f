"""Check another commit out in a clean clone; what somebody does in it meanwhile stays as it is.

The run has looked at the clone before, but git's checkout takes HEAD from wherever it is, and carries edits along.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from git_hybrid.core.errors import DirtySource, DivergedSource, IndexLocked, reported
from git_hybrid.core.ids import Oid
from git_hybrid.core.plan import PIN_REF, Clone, Task
from git_hybrid.core.planner import source_path, unfinished_work
from git_hybrid.core.tree import name_of
from git_hybrid.core.value import Struct
from git_hybrid.git import proof
from git_hybrid.git.attributes import attributes_of, put_back_attributes, smudging
from git_hybrid.git.clones import GitClones
from git_hybrid.git.eyes import open_eyes
from git_hybrid.git.index import is_blind
from git_hybrid.git.local import in_the_way, must, require_complete
from git_hybrid.git.nested import refuse_folders
from git_hybrid.git.owners import lock_held_in
from git_hybrid.git.plainfiles import moved_from
from git_hybrid.git.quarantine import Disk, uses_lfs
from git_hybrid.git.run import Completed

_CHECKOUT = ("checkout", "--quiet", "--detach", "--no-overwrite-ignore", "--no-recurse-submodules")


class Switching(Struct, frozen=True):
    """Brings the clone of ``task`` to its pin from the commit that the task has before it."""

    disk: Disk
    clones: GitClones
    task: Task

    def go(self, protect: Callable[[], None]) -> proof.Entries | None:
        """Check the pinned commit out; return what the index had before (:func:`git_hybrid.git.proof.entries_before`).

        *protect* sees to it that git stores exact bytes. Under attributes that are not ours git took files for what
        they are not: it looks at each of them again.

        Raises:
            InTheWay, NestedRepository: ignored files, or another repository, stand where the commit has files.
            DirtySource: somebody has edited what the commit has otherwise.
            DivergedSource: somebody has committed in the last moment; HEAD stands there again.
            IndexLocked: another git has begun to work in it.
            LocalIo: the disk is full or refuses.
        """
        name, commit, runner = self.task.name, self.task.pin.commit, self.clones.runner
        asked_for = self.task.source.submodules
        links = {os.fsencode(link) for link, _ in self.clones.gitlinks(self._path)} if asked_for else None
        if lock := lock_held_in(self._git_dir, self._path):
            raise IndexLocked(name=name, path=source_path(name), lock=lock)
        refuse_folders(runner, self._path, name=name, commit=commit, submodules=links)
        former = attributes_of(self._git_dir)
        protect()
        before = proof.entries_before(str(self._path))
        if attributes_of(self._git_dir) != former or (
            before is None and is_blind(self._git_dir, oid_length=len(commit))
        ):
            open_eyes(runner, self.disk, self._git_dir, name=name)
        done = self._checked_out(commit)
        if (refused := in_the_way(name, done)) is not None:
            put_back_attributes(self.disk, self._git_dir, former)
            seen = self.clones.inspect(name, commit)
            # Files that git knows are in the way too where somebody has edited them.
            raise (unfinished_work(name, seen) if isinstance(seen, Clone) else None) or refused
        require_complete(name, done)
        stood = None if self.task.before == commit else moved_from(self._git_dir, commit)
        if stood is not None and self.task.before is not None and stood != self.task.before:
            # By now only the reflog knows that commit.
            require_complete(name, self._check_out(stood))
            raise DivergedSource(name=name, path=source_path(name), head=stood, expected=self.task.before)
        return before

    def edited(self) -> DirtySource | None:
        """Return the error for files that are not the commit's, if the checkout wrote none of them; None if it did.

        Somebody has edited them then, and the clone is brought back to where it stood, with the edits in it.
        """
        name, commit, before = self.task.name, self.task.pin.commit, self.task.before
        seen = self.clones.inspect(name, commit)
        if before is None or not isinstance(seen, Clone) or seen.head != commit or not seen.dirty_count:
            return None
        options = ["-r", "-z", "--name-only", "--no-renames", "--ignore-submodules=none"]
        arguments = ["diff-tree", *options, before, commit, "--"]
        written = must(self.clones.runner, name, self._git_dir, arguments).stdout.split(b"\0")
        if not {name_of(path) for path in written}.isdisjoint(seen.dirty):
            return None
        if self._check_out(before).status == 0:
            must(self.clones.runner, name, self._git_dir, ["update-ref", PIN_REF, before])
        return DirtySource(name=name, path=source_path(name), files=seen.dirty, count=seen.dirty_count)

    @property
    def _path(self) -> Path:
        return self.clones.folder / self.task.name

    @property
    def _git_dir(self) -> Path:
        return self.clones.folder / f"{self.task.name}/.git"

    def _checked_out(self, commit: Oid) -> Completed:
        if not uses_lfs(self._git_dir):
            return self._check_out(commit)
        from git_hybrid.git.lfslook import checked_out

        with reported(self._path, "read"):
            return checked_out(self.disk, self.clones.runner, self._path, commit, lambda: self._check_out(commit))

    def _check_out(self, commit: str) -> Completed:
        git_dir, arguments = self._git_dir, [*_CHECKOUT, f"{commit}^{{commit}}", "--"]
        return self.clones.runner.git(arguments, git_dir=git_dir, work_tree=self._path, environment=smudging(git_dir))
