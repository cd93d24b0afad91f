"""Change clones: build, place, switch, delete. Saving local work is :mod:`git_hybrid.git.saver`.

No step names a commit by anything but its full id with ``^{commit}`` or through ``reset --hard``: a branch that is
named like the id would win otherwise. What stands there afterwards is proved from the disk: of a new clone each file
that was written, of an old one HEAD and whatever the checkout changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import ForeignFolder, WrongContent
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import PIN_REF, Task
from git_hybrid.core.planner import source_path
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_cache import TreeKeeper
from git_hybrid.core.ports_writer import Saved
from git_hybrid.core.tree import TreeEntry
from git_hybrid.core.value import field
from git_hybrid.git import inner, origin, proof, seen, withdrawing
from git_hybrid.git.attributes import exact_bytes, set_attributes, smudging
from git_hybrid.git.cloning import keep_ref
from git_hybrid.git.local import must
from git_hybrid.git.owners import is_held
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.pouring import Pouring
from git_hybrid.git.quarantine import ATTRIBUTES, GitQuarantine, uses_lfs
from git_hybrid.git.rights import require_rights
from git_hybrid.git.run import Completed
from git_hybrid.git.settling import remember
from git_hybrid.git.stamps import Stamps
from git_hybrid.git.standing import free_place, is_there
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from git_hybrid.git.hands import Hands


class GitWriter(Pouring, frozen=True, kw_only=True):
    """The writer of :mod:`git_hybrid.core.ports`."""

    quarantine: GitQuarantine
    hands: Hands
    _proved: dict[SourceName, Stamps] = field(default_factory=dict)

    def prepare(self, stage: Stage, source: Source, pin: Pin) -> None:
        """Make *stage* the repository that stands at the pinned commit, with HEAD detached and ``origin`` set."""
        with TURN:
            self._prepare(stage, str(source.url), pin.commit)

    def write(self, stage: Stage, pin: Pin, entries: Sequence[TreeEntry], keeper: TreeKeeper | None = None) -> str:
        """Write *entries* as the working tree of *stage* (:meth:`git_hybrid.git.newtree.NewTree.write`)."""
        from git_hybrid.git.newtree import NewTree

        new = NewTree(stage, pin, entries, keeper)
        return new.write(self.hands, self.disk, lambda: self._check_out(stage, pin.commit))

    def write_lfs(self, stage: Stage, pin: Pin) -> None:
        """Check the pinned commit out in *stage*, with the content that LFS has for it.

        Raises:
            GitFailed: git could not check it out.
            LocalIo: the disk is full or refuses.
        """
        self._check_out(stage, pin.commit)
        # First: it tells what is wrong, where git only sees that something is.
        inner.require_content(self.runner, Path(stage.path), name=stage.name)
        inner.verify(self.clones, Path(stage.path), pin.commit, name=stage.name)

    def _prepare(self, stage: Stage, url: str, oid: Oid) -> None:
        git_dir = Path(stage.git_dir)
        origin.declare(git_dir, url)
        # Nobody else knows this repository yet: its refs need neither locks nor a process each.
        keep_ref(git_dir, "HEAD", oid)
        keep_ref(git_dir, PIN_REF, oid)

    def _check_out(self, stage: Stage, oid: Oid) -> None:
        path = Path(stage.path)
        self._do(stage.name, path / ".git", "reset", "--quiet", "--hard", oid, work_tree=path)

    def copy_submodule(self, inside: Stage, stage: Stage, url: str, oid: Oid) -> bool:
        """Copy what a submodule had fetched into *stage* (:func:`git_hybrid.git.inner.copy_submodule`)."""
        return inner.copy_submodule(self.runner, Path(inside.git_dir), Path(stage.git_dir), url, oid)

    def is_standing(self, inside: Stage, url: str, oid: Oid) -> bool:
        """Tell whether a submodule need not be built again (:func:`git_hybrid.git.inner.is_standing`)."""
        return inner.is_standing(self.clones, Path(inside.path), oid, url)

    def build_submodule(self, stage: Stage, url: str, oid: Oid) -> None:
        """Check *oid* out in *stage* with HEAD detached.

        Raises:
            WrongContent: what stands there afterwards is not *oid*.
        """
        self._prepare(stage, url, oid)
        self._check_out(stage, oid)
        inner.verify(self.clones, Path(stage.path), oid, name=stage.name)

    def place_submodule(self, stage: Stage, parent: Stage, path: str) -> None:
        """Move *stage* into the working tree of *parent* (:func:`git_hybrid.git.inner.place_submodule`)."""
        inner.place_submodule(self.disk, Path(stage.path), Path(parent.path), path)

    def clear_submodules(
        self, name: SourceName, wanted: Mapping[str, tuple[Oid, str] | None]
    ) -> tuple[tuple[str, ...], frozenset[str]]:
        """Take the submodules out of the clone (:func:`git_hybrid.git.inner.clear_submodules`)."""
        return inner.clear_submodules(self.disk, self.quarantine, self.clones, name, wanted)

    def lend_lfs(self, clone: Stage, stage: Stage, oid: Oid) -> None:
        """Give *stage* what *clone* has of the content of a commit (:func:`git_hybrid.git.lfsstore.lend`)."""
        from git_hybrid.git.lfsstore import lend

        lend(self.runner, self.disk, clone, stage, oid)

    def pour_lfs(self, stage: Stage, clone: Stage) -> None:
        """Move content of *stage* into *clone* (:func:`git_hybrid.git.lfsstore.pour`)."""
        from git_hybrid.git.lfsstore import pour

        pour(self.disk, stage, clone)

    def take_lfs(self, stage: Stage, oid: Oid, carried: Callable[[str], AbstractContextManager[str | None]]) -> bool:
        """Give *stage* content of a commit that bundles have (:func:`git_hybrid.git.lfsstore.take`)."""
        from git_hybrid.git.lfsstore import take

        return take(self.runner, stage, oid, carried)

    def keeping_lfs(self, stage: Stage, oid: Oid) -> AbstractContextManager[None]:
        """Keep what comes in the block of the content of a commit (:func:`git_hybrid.git.lfskept.keeping`)."""
        from git_hybrid.git.lfskept import keeping

        return keeping(self.runner, self.disk, self.clones.folder, stage, oid)

    def prepare_lfs(self, stage: Stage, *, fetch: bool) -> None:
        """Set the repository up for LFS content or for pointers (:func:`git_hybrid.git.inner.prepare_lfs`)."""
        inner.prepare_lfs(self.runner, self.disk, Path(stage.git_dir), name=stage.name, fetch=fetch)

    def place(self, stage: Stage) -> None:
        """Move *stage* to the source's path; an empty folder there gives way.

        Raises:
            ForeignFolder: something stands there.
            LocalIo: the file system refused.
        """
        target = self.clones.folder / stage.name
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        if is_there(target):
            what, command = "it came while this ran", f"sync {stage.name}"
            raise ForeignFolder(name=stage.name, path=source_path(stage.name), what=what, command=command)
        seen.wait_for_later(stage.path)
        self.disk.rename_path(Path(stage.path), target)
        with suppress(OSError, ValueError), TURN:
            self._proved[stage.name] = seen.completed(str(target))

    def switch(self, task: Task) -> None:
        """Check out the pinned commit in a clean clone (:meth:`git_hybrid.git.switching.Switching.go`).

        Raises:
            LocalWork: something stands in the way, or somebody began to work in it meanwhile; nothing was changed.
            WrongContent: what stands there afterwards is not the commit.
            LocalIo: the disk is full or refuses.
        """
        from git_hybrid.git.switching import Switching

        switching = Switching(self.disk, self.clones, task)
        before = switching.go(partial(self._protect, task.name))
        try:
            self._finish(task, self.clones.folder / task.name, before)
        except WrongContent as error:
            if (edited := switching.edited()) is not None:
                raise edited from error
            raise

    def declare(self, task: Task) -> None:
        """Write attributes, settings and the ref of the pin as they are to be in a clone that stands at its pin."""
        self._protect(task.name)
        git_dir = self.clones.folder / f"{task.name}/.git"
        pin, line = git_dir / PIN_REF, f"{task.pin.commit}\n".encode("ascii")
        if not pin.is_file() or pin.is_symlink():
            self._do(task.name, git_dir, "update-ref", PIN_REF, task.pin.commit)
        elif read_plain(pin) != line:
            # Only this tool writes it, under the writer lock: it needs neither git's lock nor a process.
            self.disk.write_file(pin, line)
        origin.redeclare(self.runner, self.disk, git_dir, str(task.source.url), name=task.name)

    def _protect(self, name: SourceName) -> None:
        require_rights(git_dir := self.clones.folder / f"{name}/.git")
        if (lock := git_dir / "index.lock").exists() and not is_held(lock, git_dir.parent):
            self.disk.remove_file(lock)
        if not uses_lfs(git_dir):
            set_attributes(self.disk, git_dir, ATTRIBUTES)

    def _finish(self, task: Task, path: Path, before: proof.Entries | None = None) -> None:
        inner.require_content(self.runner, path, name=task.name)
        self.declare(task)
        self._proved.pop(task.name, None)
        if before is not None:
            proved, found = proof.prove(str(path), task.pin.commit, task.pin.tree, before)
            if found is not None:
                self._proved[task.name] = found
            if proved:
                return
        inner.verify(self.clones, path, task.pin.commit, name=task.name)

    def save_work(self, name: SourceName, run: str, pin: Oid, standing: Sequence[str]) -> Saved:
        """Save all local work of the clone (:func:`git_hybrid.git.saver.save_work`)."""
        return self._save(name, run, pin, inner.submodules_of(self.clones, self.clones.folder / name), standing)

    def _save(
        self, name: SourceName, run: str, pin: Oid, cleared: Sequence[str] | None, standing: Sequence[str] = ()
    ) -> Saved:
        from git_hybrid.git.readback import written_anew
        from git_hybrid.git.saver import save_work

        path = self.clones.folder / name
        anew = partial(written_anew, self.disk, self.quarantine, path / ".git", name=name)
        with exact_bytes(self.disk, path / ".git"):
            saved = save_work(
                self.runner, path, name=name, run=run, pin=pin, anew=anew, cleared=cleared, standing=standing
            )
        if saved.ref is not None:
            # A git before 2.36 does not know core.fsync: what it saved is to last before its like is taken away.
            self.disk.sync_everything()
        return saved

    def force(self, task: Task, saved: Saved, run: str) -> tuple[str, ...]:
        """Bring the clone to the pin whatever state it is in; ignored files stay. Return what was set aside, in words.

        Raises:
            DirtySource: files are left that no reset may remove, such as another repository.
            LocalIo: the disk is full or refuses.
        """
        notes = self._force(task.name, task.pin.commit, saved, run, ())
        self._finish(task, self.clones.folder / task.name)
        return notes

    def go_back(self, name: SourceName, commit: Oid, run: str) -> tuple[str, ...]:
        """Save local work and bring the clone back to *commit*; return what was saved, in words."""
        saved = self._save(name, run, commit, None)
        return (*saved.notes, *self._force(name, commit, saved, run, None))

    def _force(
        self, name: SourceName, commit: Oid, saved: Saved, run: str, cleared: Sequence[str] | None
    ) -> tuple[str, ...]:
        from git_hybrid.git.forcing import Forcing

        self._protect(name)
        again = partial(self._save, name, run, commit, cleared)
        return Forcing(self.disk, self.clones, name, commit, run, again).go(saved)

    def set_aside(self, name: SourceName, run: str) -> str | None:
        """Move a broken clone to ``sources/.set-aside/``; one that holds nothing but an empty ``.git`` is removed."""
        from git_hybrid.git.unsaved import holds_work

        path = self.clones.folder / name
        if not holds_work(path):
            self.quarantine.trash(path, name)
            return None
        target = free_place(self.clones.folder / ".set-aside", f"{name}-{run}")
        inner.move_aside(self.runner, self.disk, path, target)
        return f"sources/.set-aside/{target.name}"

    def withdraw(self, name: SourceName, run: str) -> str | None:
        """Move the clone of *name* out of sight until the run ends (:func:`git_hybrid.git.withdrawing.withdraw`)."""
        return withdrawing.withdraw(self.clones, self.quarantine, name, partial(self.set_aside, name, run))

    def discard(self, name: SourceName) -> str | None:
        """Remove a clone that was withdrawn (:meth:`git_hybrid.git.quarantine.GitQuarantine.discard`)."""
        return self.quarantine.discard(name)

    def give_back(self, name: SourceName, kept: str | None) -> None:
        """Move a clone that was withdrawn back to its place."""
        withdrawing.give_back(self.clones, self.quarantine, name, kept)

    def remember(self, name: SourceName, pin: Pin, *, new: bool) -> None:
        """Keep hints for the next look (:func:`git_hybrid.git.settling.remember`)."""
        remember(self.runner, str(self.clones.folder / name), pin, self._proved.pop(name, None), new=new)

    def flush(self) -> None:
        """Bring everything that was written to disk: git fsyncs its objects, but no file of a working tree."""
        self.disk.sync_everything()

    def _do(self, name: SourceName, git_dir: Path, *arguments: str, work_tree: Path | None = None) -> Completed:
        return must(self.runner, name, git_dir, arguments, work_tree=work_tree, environment=smudging(git_dir))
