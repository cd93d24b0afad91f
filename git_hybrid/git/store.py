"""One store of the object cache: a bare repository of what one upstream URL served.

No git ever runs in it, so that nothing planted there has an effect: packs are linked into repositories of ours and
looked at there. What belongs to the store is what its record names, which is written last.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.core.cache_record import PackFile, StoreRecord, decode_record, encode_record
from git_hybrid.core.ids import InvalidText
from git_hybrid.git.cloning import keep_ref
from git_hybrid.git.kept import kept_ref
from git_hybrid.git.packfiles import Found, describe, half_copied, in_order, look, pack_files, share
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.storelock import StoreLock, Unusable
from git_hybrid.turn import TURN

RECORD, USED = "hybrid.json", "hybrid.used"
HALF_WRITTEN = (f"{RECORD}.tmp", "packed-refs.tmp")
"""What a writer leaves of these who is stopped."""
ASIDE, WORK = ".set-aside", ".work"
OTHERS = "others may write into it"
OF_WORKSPACE = "it is the workspace's own: name a folder of its own for the cache"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def work_folder(root: Path) -> Path:
    """Return the folder below *root* in which stores are prepared, made if it is not there; others may not write there.

    Raises:
        OSError: the file system refused.
    """
    folder = root / WORK
    folder.mkdir(mode=0o700, exist_ok=True)
    if why_unsafe(folder) == OTHERS:
        # Whatever has opened it: what is prepared there is taken for our own.
        folder.chmod(0o700)
    return folder


class Broken(Exception):
    """A store is not what its record says; the text says where."""


def why_unsafe(path: Path) -> str:
    """Return why the folder at *path* must not be trusted: somebody else could write into it; nothing if they cannot.

    Raises:
        OSError: it is not there, or cannot be looked at.
    """
    info = os.lstat(path)
    if not stat.S_ISDIR(info.st_mode):
        return "it is not a folder"
    if info.st_uid != os.geteuid():
        return "it belongs to another user"
    return OTHERS if info.st_mode & _OTHERS_WRITE else ""


class Store:
    """A store: ``path`` is where it is, ``packs`` its packs, ``trees`` the trees that it keeps unpacked.

    ``failures`` counts the times that this run did not reach a server for it.
    """

    def __init__(self, disk: Disk, root: Path, name: str) -> None:
        """Be the store in the folder *name* of the cache at *root*."""
        self.disk, self.root, self.name = disk, root, name
        self.path = root / name
        self.packs, self.trees = self.path / "objects/pack", self.path / "trees"
        self.record, self._used = self.path / RECORD, self.path / USED
        self._known: tuple[bytes, StoreRecord] | None = None
        self._lock = StoreLock(root, name)
        self.failures = 0

    def tree(self, tree: str) -> str:
        """Return where the tree with that id is kept, if it is."""
        return f"{self.trees}/{tree}"

    def edition(self) -> tuple[int, int] | None:
        """Return what tells its record from the one before and the one after; None if it has none.

        Raises:
            OSError: it cannot be looked at.
        """
        try:
            info = os.lstat(self.record)
        except FileNotFoundError:
            return None
        return info.st_ino, info.st_mtime_ns

    def read(self) -> StoreRecord | None:
        """Return its record; None if there is no store.

        Raises:
            Unusable: there is something else, or others may write into it.
            OSError: it cannot be read.
        """
        try:
            unsafe = why_unsafe(self.path)
            data = b"" if unsafe else _read(self.record)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise Unusable("its record is a symbolic link") from error
        try:
            unsafe = unsafe or why_unsafe(self.packs)
            if unsafe:
                raise Unusable(unsafe)
            if self._known is None or self._known[0] != data:
                self._known = data, decode_record(data)
            return self._known[1]
        except FileNotFoundError as error:
            raise Unusable("its packs are gone") from error
        except InvalidText as error:
            raise Unusable(str(error)) from error

    def link(self, record: StoreRecord, git_dir: Path) -> tuple[Found, str]:
        """Link the packs of *record* into the repository at *git_dir*; return the worst that was found, and where.

        Raises:
            OSError: the file system refused.
        """
        source, target = f"{self.packs}", f"{git_dir}/objects/pack"
        worst: tuple[Found, str] = ("same", "")
        for name in in_order(record.files):
            with TURN:
                found = look(f"{source}/{name}", record.files[name])
            if found not in ("same", "touched"):
                return found, name
            worst = worst if found == "same" else (found, name)
            with suppress(FileNotFoundError):
                share(f"{source}/{name}", f"{target}/{name}")
        return worst

    def write(self, record: StoreRecord, *, before: StoreRecord | None = None) -> None:
        """Make *record* what the store has, instead of *before*: its packs must be there.

        Raises:
            LocalIo: the file system refused; the old record stands.
        """
        lines, known = _lines(record), {} if before is None else _lines(before)
        if lines != known:
            # For people who look with git; nothing here reads it.
            write_packed_refs(self.disk, self.path, lines)
        self.disk.write_file(self.record, encode_record(record))

    def take(self, files: Mapping[str, Path], known: Mapping[str, PackFile], object_format: str) -> dict[str, PackFile]:
        """Link *files* into the store, which is made if there is none; return what is to be remembered of them.

        What is there and not *known* was left by somebody who was stopped, and goes.

        Raises:
            OSError, LocalIo: the file system refused.
        """
        if not self.path.is_dir():
            made = work_folder(self.root) / f"{self.name}.new"
            self.disk.remove_tree(made)
            write_skeleton(made, object_format=object_format, bare=True)
            for folder in (made, made / "objects", made / "objects/pack"):
                folder.chmod(0o700)
            self.disk.rename_path(made, self.path)
        self.tidy(known)
        try:
            for name in in_order(files):
                share(f"{files[name]}", f"{self.packs}/{name}")
        except OSError:
            # Half of them take room and serve nobody.
            self.tidy(known)
            raise
        self.disk.sync_folder(self.packs)
        return {name: describe(f"{self.packs}/{name}") for name in files}

    def tidy(self, known: Collection[str]) -> None:
        """Remove the pack files that are not *known*, and what was half written: whoever left them was stopped.

        Raises:
            LocalIo: the file system refused.
        """
        for name in HALF_WRITTEN:
            self.disk.remove_file(self.path / name)
        self.drop([name for name in (*pack_files(self.packs), *half_copied(self.packs)) if name not in known])

    def drop(self, names: list[str]) -> None:
        """Remove pack files that the record names no more; clones keep their own links.

        Raises:
            LocalIo: the file system refused.
        """
        for name in names:
            self.disk.remove_file(self.packs / name)

    def is_unfinished(self) -> bool:
        """Tell whether it was never filled: whoever made it was stopped, or is at work."""
        try:
            return {RECORD, USED}.isdisjoint(os.listdir(self.path))
        except OSError:
            return False

    def drop_unfinished(self) -> bool:
        """Remove it, under its lock, if it was never filled; return whether it was not.

        Raises:
            LocalIo: the file system refused.
        """
        if not self.is_unfinished():
            return False
        self.disk.remove_tree(self.path)
        return True

    def used(self) -> None:
        """Remember that it served just now; that it cannot be remembered is no harm."""
        with suppress(OSError):
            descriptor = os.open(self._used, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.utime(descriptor)
            finally:
                os.close(descriptor)

    def used_at(self) -> datetime:
        """Return when it served last, or was made."""
        for path in (self._used, self.record, self.path):
            with suppress(OSError):
                return datetime.fromtimestamp(os.lstat(path).st_mtime, UTC)
        return datetime.fromtimestamp(0, UTC)

    def set_aside(self) -> Path:
        """Move it to where nobody looks for it, under its lock; return where to.

        Raises:
            LocalIo: the file system refused.
        """
        target = self.root / ASIDE / f"{self.name}-{time.time_ns()}"
        self.disk.make_folder(target.parent)
        self.disk.rename_path(self.path, target)
        return target

    def locked(self, *, patience: float, cancelled: Callable[[], int] = lambda: 0) -> AbstractContextManager[None]:
        """Hold the store's lock for the block (:meth:`git_hybrid.git.storelock.StoreLock.held`)."""
        return self._lock.held(patience=patience, cancelled=cancelled)


def _lines(record: StoreRecord) -> dict[str, str]:
    return {kept_ref(ref): seen.oid for ref, seen in record.refs.items()}


def _read(path: Path) -> bytes:
    with file_at(path) as file:
        return file.read() or b""


def write_packed_refs(disk: Disk | None, git_dir: Path, refs: Mapping[str, str]) -> None:
    """Make *refs* all that ``packed-refs`` names; without *disk* not durably.

    Raises:
        OSError, LocalIo: the file system refused.
    """
    path = f"{git_dir}/packed-refs"
    # By bytes, as git looks for them: of names that are no UTF-8 the order of characters is another.
    lines = sorted((os.fsencode(ref), oid.encode("ascii")) for ref, oid in refs.items())
    data = b"# pack-refs with: sorted \n" + b"".join(b"%s %s\n" % (oid, ref) for ref, oid in lines)
    if disk is not None:
        disk.write_file(Path(path), data)
    elif refs:
        with open(path, "wb") as file:
            file.write(data)
    else:
        with suppress(FileNotFoundError):
            os.unlink(path)


def write_refs(git_dir: Path, refs: Mapping[str, str]) -> None:
    """Make *refs* what the repository at *git_dir*, which nobody else knows yet, has: as a fetch leaves them.

    Raises:
        OSError: the file system refused.
    """
    write_packed_refs(None, git_dir, {})
    for ref, oid in refs.items():
        keep_ref(git_dir, ref, oid)
