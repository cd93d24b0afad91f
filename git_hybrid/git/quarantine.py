"""Stages: repositories below ``sources/.incoming/<run>/`` that nobody takes for a clone.

Each run's folder holds a locked file, so that what a dead run left can be told from what a living one uses.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from itertools import count
from pathlib import Path
from typing import Protocol

from git_hybrid.core.errors import LocalIo, MirrorGone, WorkspaceGone, reported
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.value import Struct, field
from git_hybrid.git.alive import ALIVE, belonging, taken, told_whose
from git_hybrid.git.complete import is_complete
from git_hybrid.git.plainfiles import bytes_at
from git_hybrid.git.skeleton import borrow_from, can_lend, write_skeleton
from git_hybrid.git.standing import free_place
from git_hybrid.turn import TURN

MOVED = "git hybrid: to the commit"
"""What the reflog says where HEAD is moved without a checkout."""
ATTRIBUTES = "* -filter -text -eol -ident -working-tree-encoding\n"
# Where the manifest says lfs = "fetch": filters run, and the only one that local steps know is that of Git LFS.
ATTRIBUTES_LFS = "* -text -eol -ident -working-tree-encoding\n"
Wanted = Callable[[str, Path], bool]
KEPT = ".lfs"
"""What is there of no run (:mod:`git_hybrid.git.lfskept`)."""
_TRIES = 20
_WITHDRAWN, _TRASH, _HALF = ".withdrawn-", ".trash-", ".half-"


class Disk(Protocol):
    """The durable file operations that the git adapters need (:mod:`git_hybrid.store.durable`)."""

    def write_file(self, path: Path, data: bytes) -> None:
        """Replace a file durably."""
        ...

    def make_folder(self, path: Path) -> None:
        """Create a folder durably."""
        ...

    def rename_path(self, source: Path, target: Path) -> None:
        """Rename durably."""
        ...

    def remove_tree(self, path: Path) -> None:
        """Remove a folder with everything in it."""
        ...

    def remove_file(self, path: Path) -> None:
        """Remove a file durably."""
        ...

    def sync_folder(self, path: Path) -> None:
        """Fsync a folder."""
        ...

    def sync_everything(self) -> None:
        """Bring everything to disk."""
        ...


class GitQuarantine(Struct):
    """The quarantine of one run (:class:`git_hybrid.core.ports.Quarantine`) in *folder*: ``sources/`` or a mirror.

    From when it is claimed until it is closed, *shared* lets whoever shares *folder* write to what is made, if need be.
    """

    disk: Disk
    folder: Path
    run: RunId
    is_mirror: bool = False
    shared: Callable[[Path], AbstractContextManager[object]] = nullcontext
    _sharing: ExitStack = field(default_factory=ExitStack)
    _alive: int | None = None
    _claiming: threading.Lock = field(default_factory=threading.Lock)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def _home(self) -> Path:
        return self.folder / f".incoming/{self.run}"

    def stage(self, name: SourceName, *, borrow: bool, oid_length: int = 40, suffix: str = "") -> Stage:
        """Return a new stage for *name*; with *borrow* it sees the objects of the clone, if the clone is complete.

        Raises:
            LocalIo: the file system refused.
        """
        clone = self.folder / f"{name}/.git"
        borrows = borrow and can_lend(clone, oid_length=oid_length) and is_complete(clone)
        return self._staged(name, suffix, oid_length, lender=clone if borrows else None)

    def beside(self, name: SourceName, *, oid_length: int) -> Stage:
        """Return a new stage that sees the objects of the clone of *name*, also where its history is cut off.

        Raises:
            LocalIo: the file system refused.
        """
        return self._staged(name, "lfs", oid_length, lender=self.folder / f"{name}/.git")

    def _staged(self, name: SourceName, suffix: str, oid_length: int, *, lender: Path | None) -> Stage:
        self.claim()
        # No name has a plus: what a source has beside its stage is the stage of no other one.
        path = self._home / (f"{name}+{suffix}" if suffix else name)
        self.disk.remove_tree(path)
        git_dir = path / ".git"
        with reported(path, "create"), TURN:
            write_skeleton(git_dir, object_format="sha1" if oid_length == 40 else "sha256", attributes=ATTRIBUTES)
            if lender is not None:
                borrow_from(git_dir, lender)
        return Stage(name=name, path=str(path), borrows=lender is not None)

    def drop(self, stage: Stage) -> None:
        """Remove *stage*."""
        self.disk.remove_tree(Path(stage.path))

    def place_for(self, name: SourceName) -> Path:
        """Return where the clone of *name* is put that goes away with this run, if the run is recorded."""
        self.claim()
        return self._home / f"{_WITHDRAWN}{name}"

    def trash(self, path: Path, name: SourceName) -> None:
        """Move *path*, which is of *name*, out of sight in one step, then remove it; what cannot be is left there.

        Raises:
            LocalIo: it cannot be moved, and stands where it was.
        """
        target = self._out_of_sight(path, name)
        with suppress(LocalIo):
            self.disk.remove_tree(target)

    def discard(self, name: SourceName) -> str | None:
        """Remove the clone of *name* that was put where it goes away; return where something is left, and why."""
        place = self.place_for(name)
        try:
            if place.is_dir():
                self.disk.remove_tree(self._out_of_sight(place, name))
        except LocalIo as error:
            return _left(error, self.folder)
        return None

    def _out_of_sight(self, path: Path, name: SourceName) -> Path:
        """Move *path* to a place that nothing else of this run has: sources may have folders of the same name."""
        self.claim()
        target = self._home / f"{_TRASH}{next(self._numbers)}-{name}"
        try:
            self.disk.rename_path(path, target)
        except LocalIo as error:
            raise LocalIo(path=str(path), operation="move away", reason=error.reason) from error
        return target

    def claim(self) -> None:
        """Make the folder of this run, and lock it.

        Raises:
            WorkspaceGone, MirrorGone: it was made, and is no longer where it was: nothing may be written there.
            LocalIo: the file system refused.
        """
        with self._claiming:
            if self._alive is not None and not self._is_home(self._alive):
                raise (
                    MirrorGone(path=str(self.folder)) if self.is_mirror else WorkspaceGone(path=str(self.folder.parent))
                )
            if self._alive is None:
                self._alive = self._made_home()
            if self._alive is None:
                raise LocalIo(path=str(self._home), operation="create", reason="other runs keep removing it")

    def _made_home(self) -> int | None:
        with ExitStack() as sharing:
            sharing.enter_context(self.shared(self.folder))
            with told_whose(self._home.parent), reported(self._home, "create"):
                found = next((alive for _ in range(_TRIES) if (alive := self._locked_home()) is not None), None)
            if found is not None:
                # What others may have to remove is made by git too, and for those who only look.
                self._sharing = sharing.pop_all()
        return found

    def _locked_home(self) -> int | None:
        """Create the folder of this run and lock it; None if another run cleaned it away in between."""
        try:
            self.disk.make_folder(self._home)
            alive = os.open(self._home / ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        except (LocalIo, FileNotFoundError) as error:
            is_gone = isinstance(error.__cause__ or error, FileNotFoundError)
            if is_gone and self._home.parent.parent.is_dir() and os.access(self._home.parent.parent, os.W_OK):
                return None
            raise
        is_ours = False
        try:
            fcntl.flock(alive, fcntl.LOCK_EX)
            is_ours = self._is_home(alive)
        finally:
            if not is_ours:
                os.close(alive)
        return alive if is_ours else None

    def _is_home(self, alive: int) -> bool:
        """Tell whether the open file *alive* is the one in the folder of this run."""
        try:
            return os.path.samestat(os.stat(self._home / ALIVE), os.fstat(alive))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def close(self) -> None:
        """Remove what this run staged, and ``sources/.incoming`` itself when nothing else is in it.

        What cannot be removed stays for the next run to tell: this one has done its work.
        """
        if self._alive is None:
            return
        with suppress(LocalIo):
            self.disk.remove_tree(self._home)
        os.close(self._alive)
        self._alive = None
        self._sharing.close()
        with suppress(OSError):
            self._home.parent.rmdir()

    def clean(self, is_wanted: Wanted) -> list[str]:
        """Remove the stages of runs that live no more and say so.

        A clone that such a run had withdrawn, and that *is_wanted* still by its name and path, goes back to its place,
        or is set aside where something stands there. What cannot be removed is told, and is no obstacle.
        """
        incoming = self.folder / ".incoming"
        try:
            listed = sorted(incoming.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except PermissionError as error:
            # What is to be done may need nothing there.
            return [
                f"an earlier run could not remove all: left at sources/.incoming: {error.strerror}{belonging(incoming)}"
            ]
        found = [path for path in listed if path != self._home and path.name != KEPT]
        back, left = list[str](), list[str]()
        dead = [path for path in found if self._remove_dead(path, is_wanted, back, left)]
        with suppress(OSError):
            incoming.rmdir()
        notes = [f"{words}, which an interrupted run had withdrawn" for words in back]
        notes += [f"removed sources/.incoming/{path.name}, which an interrupted run left" for path in dead]
        return notes + [f"an earlier run could not remove all: {words}" for words in left]

    def _remove_dead(self, path: Path, is_wanted: Wanted, back: list[str], left: list[str]) -> bool:
        """Remove the folder of a run unless the run holds its lock, or nobody may ask."""
        with taken(path) as is_dead:
            return is_dead and self._remove_left(path, is_wanted, back, left)

    def _remove_left(self, path: Path, is_wanted: Wanted, back: list[str], left: list[str]) -> bool:
        self._give_back(path, is_wanted, back)
        try:
            self.disk.remove_tree(path)
        except LocalIo as error:
            left.append(_left(error, self.folder))
            return False
        return True

    def _give_back(self, home: Path, is_wanted: Wanted, back: list[str]) -> None:
        for clone in sorted(home.glob(f"{_WITHDRAWN}*")):
            name = clone.name.removeprefix(_WITHDRAWN)
            if not is_wanted(name, clone):
                # Half removed it must never come back.
                with suppress(LocalIo):
                    self.disk.rename_path(clone, home / f"{_HALF}{name}")
            elif not (self.folder / name).exists():
                self.disk.rename_path(clone, self.folder / name)
                back.append(f"put sources/{name} back")
            else:
                aside = free_place(self.folder / ".set-aside", f"{name}-{home.name}")
                self.disk.make_folder(aside.parent)
                self.disk.rename_path(clone, aside)
                back.append(f"moved the clone of {name} to sources/.set-aside/{aside.name}")


def _left(error: LocalIo, folder: Path) -> str:
    """Return where something is left that could not be removed, and why."""
    return f"left at {os.path.relpath(error.path, folder.parent)}: {error.reason}"


def uses_lfs(git_dir: Path) -> bool:
    """Tell whether the clone was made with ``lfs = "fetch"``: its files are not the blobs but what they point to."""
    try:
        return bytes_at(f"{git_dir}/info/attributes") == ATTRIBUTES_LFS.encode("ascii")
    except OSError:
        return False
