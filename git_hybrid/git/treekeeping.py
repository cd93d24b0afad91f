"""The trees that a store of the object cache keeps unpacked: the newest few, each in a file named by its id."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import MalformedObjects
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry
from git_hybrid.git.hands import Hands
from git_hybrid.git.packfiles import pack_paths
from git_hybrid.git.packs import mark
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.recorded import Doubt
from git_hybrid.git.store import Store, why_unsafe, work_folder
from git_hybrid.git.storelock import Unusable
from git_hybrid.git.unpacked import WORK as UNFINISHED
from git_hybrid.git.unpacked import Damaged, Keeper, Unpacked, Unproved, are_all_of, read, verify
from git_hybrid.git.unpacking import Torn, Unfit, Unlike
from git_hybrid.turn import TURN

KEPT = 2
"""So many trees of a store are kept: that of the pin, and that of another workspace which is not there yet."""


class LentTree:
    """The kept tree of :mod:`git_hybrid.core.ports_cache`; ``drop`` is told why it is to be kept no more."""

    def __init__(self, found: Unpacked, *, hands: Hands, disk: Disk, drop: Callable[[str], None]) -> None:
        """Lend *found*, which *hands* will write."""
        self._found, self._hands, self._disk, self._drop = found, hands, disk, drop

    @property
    def entries(self) -> Sequence[TreeEntry]:
        """What is in it."""
        return self._found.entries

    def link(self, blob: str) -> bytes:
        """Return the content of a file by the id of its blob."""
        return self._found.link(blob)

    def write(self, stage: Stage, commit: Oid) -> bool:
        """Write it into *stage*; return whether all of it is there, else nothing is.

        Raises:
            MalformedObjects: a pack of *stage* is damaged.
        """
        try:
            packs = {path: os.stat(path).st_size for path in pack_paths(stage.git_dir)}
            if not self._found.is_quicker(sum(packs.values())):
                return False
            self._hands.unpack(self._found.order(stage.path, commit, tuple(packs)))
        except Torn as error:
            raise MalformedObjects(name=stage.name, message=f"{error} is not what it was") from None
        except Unlike as error:
            self._drop(f"{error} in it is not what it was")
        except (Unfit, OSError):
            # git may know better, or has words for it.
            pass
        else:
            with suppress(OSError):
                os.utime(self._found.path)
            with suppress(Doubt, OSError), TURN:
                mark(stage.git_dir)
            return True
        clear(self._disk, Path(stage.path))
        return False


def clear(disk: Disk, stage: Path) -> None:
    """Take away what of a tree was written into *stage*."""
    for path in (stage / ".git/index", stage / ".git/hybrid", *stage.iterdir()):
        if path != stage / ".git":
            disk.remove_tree(path)


class StoreKeeper:
    """The tree keeper of :mod:`git_hybrid.core.ports_cache`; ``tell`` takes what goes wrong, which ends its work.

    Raises:
        Unusable, OSError: nothing can be kept in the store.
    """

    def __init__(self, store: Store, tree: Oid, entries: Sequence[TreeEntry], tell: Callable[[str], None]) -> None:
        """Begin to keep the tree *tree* with its *entries* in *store*."""
        self._store, self._tree, self._entries, self._tell = store, tree, entries, tell
        self._hashes: Sequence[str] = ()
        store.trees.mkdir(mode=0o700, exist_ok=True)
        for folder in (store.trees, work_folder(store.root)):
            if unsafe := why_unsafe(folder):
                raise Unusable(f"{folder}: {unsafe}")
        work = f"{work_folder(store.root) / store.name}.{UNFINISHED}{os.getpid()}-{threading.get_ident()}"
        self._keeper: Keeper | None = Keeper(store.tree(tree), work)

    def take(self, content: bytes) -> None:
        """Take the content of a file, or a part of it."""
        if self._keeper is not None:
            try:
                self._keeper.take(content)
            except OSError as error:
                self._give_up(error)

    @property
    def place(self) -> str:
        """Return the file that the content may be written into, empty if the tree is not kept after all."""
        return "" if self._keeper is None else self._keeper.work

    def restart(self) -> None:
        """Begin again with the first file."""
        if self._keeper is not None:
            try:
                self._keeper.restart()
            except OSError as error:
                self._give_up(error)

    def know(self, hashes: Sequence[str]) -> None:
        """Take the hashes of all files."""
        self._hashes = hashes

    def keep(self) -> None:
        """Keep the tree as the newest, if what is kept proves it; the oldest of too many goes."""
        if self._keeper is not None and are_all_of(self._tree, self._entries):
            try:
                self._keeper.keep(self._entries, self._hashes)
                for path in kept_trees(self._store)[KEPT:]:
                    os.unlink(path)
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        """Take away what was not kept."""
        if self._keeper is not None:
            self._keeper.close()

    def _give_up(self, error: OSError) -> None:
        self.close()
        self._keeper = None
        self._tell(f"a tree was not kept: {error.strerror or error}")


def kept_trees(store: Store) -> list[str]:
    """Return the paths of the trees that *store* keeps, the newest first.

    Raises:
        OSError: they cannot be looked at.
    """
    try:
        with os.scandir(store.trees) as found:
            times = {entry.path: entry.stat(follow_symlinks=False).st_mtime_ns for entry in found}
    except FileNotFoundError:
        return []
    return sorted(times, key=lambda path: (-times[path], path))


def lent(store: Store, pin: Pin, *, hands: Hands, disk: Disk, tell: Callable[[str], None]) -> LentTree | None:
    """Return the pinned tree if *store* keeps it; one that is damaged is told of and removed.

    One that is whole and not what the lock says stays: the lock may be wrong, and the checkout finds out.

    Raises:
        OSError: it cannot be read.
    """
    path = store.tree(pin.tree)

    def drop(why: str) -> None:
        tell(f"a kept tree is damaged and was removed: {why}")
        # One that cannot be removed is found to be damaged again.
        with suppress(OSError):
            os.unlink(path)

    try:
        found = _found(store, pin)
    except FileNotFoundError:
        return None
    except Damaged as error:
        drop(str(error))
        return None
    except Unproved:
        try:
            verify(path, pin.tree)
        except Damaged as error:
            drop(str(error))
        return None
    return LentTree(found, hands=hands, disk=disk, drop=drop)


def _found(store: Store, pin: Pin) -> Unpacked:
    with TURN:
        unsafe = why_unsafe(store.path) or why_unsafe(store.trees)
        if unsafe:
            raise Damaged(unsafe)
        return read(store.tree(pin.tree), pin.tree, pin.content_sha256)
