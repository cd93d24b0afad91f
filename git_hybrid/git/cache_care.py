"""Take care of stores: check every byte of one, pack one anew, look at all of them.

git never runs in a store itself: its packs are linked into a repository of ours, and that is looked at.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from git_hybrid.core.cache_record import PACK_LIMIT, StoreLook, StoreRecord, is_set_aside, is_store
from git_hybrid.core.errors import GitFailed, reported
from git_hybrid.core.ids import parse_oid
from git_hybrid.core.value import replace
from git_hybrid.git.classify import last_words
from git_hybrid.git.fsck import fsck
from git_hybrid.git.kept import kept_ref
from git_hybrid.git.packfiles import describe, half_copied, pack_files, share
from git_hybrid.git.packs import roll_up
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner
from git_hybrid.git.skeleton import write_skeleton
from git_hybrid.git.store import ASIDE, HALF_WRITTEN, RECORD, USED, WORK, Broken, Store, work_folder, write_packed_refs
from git_hybrid.git.storelock import Busy, Unusable
from git_hybrid.git.treekeeping import kept_trees
from git_hybrid.git.unpacked import Damaged, verify
from git_hybrid.git.unpacked import swept as trees_swept

_FILES = {"HEAD", "config", "packed-refs", RECORD, USED, *HALF_WRITTEN}
_FOLDERS = {"objects", "objects/pack", "objects/info", "refs", "refs/heads", "refs/tags", "trees"}
_TREE = re.compile(r"trees/[0-9a-f]{40}")
_BENCH, _NEW = ".bench", ".new"
"""What a store is looked at in, and what is to be one: by these names a killed run leaves them."""


@contextmanager
def _bench(disk: Disk, store: Store, record: StoreRecord) -> Iterator[Path]:
    """Yield a repository of ours with the packs and refs of the store, whose lock must be held.

    Raises:
        Broken: a pack is missing.
        LocalIo: the file system refused.
    """
    git_dir = store.root / WORK / f"{store.name}{_BENCH}"
    try:
        with reported(git_dir, "write"):
            _fill(disk, git_dir, store, record)
        yield git_dir
    finally:
        disk.remove_tree(git_dir)


def _fill(disk: Disk, git_dir: Path, store: Store, record: StoreRecord) -> None:
    work_folder(store.root)
    disk.remove_tree(git_dir)
    write_skeleton(git_dir, object_format=record.object_format, bare=True)
    for name in record.files:
        try:
            share(f"{store.packs}/{name}", f"{git_dir}/objects/pack/{name}")
        except FileNotFoundError as error:
            raise Broken(f"{name} is missing") from error
    write_packed_refs(None, git_dir, {kept_ref(ref): seen.oid for ref, seen in record.refs.items()})


def checked(runner: Runner, store: Store, record: StoreRecord) -> StoreRecord:
    """Return *record* with its files described anew, once git's fsck has read every object of the store.

    Raises:
        Broken: fsck found something, or the files are not those of the record.
        GitFailed: fsck was ended by force.
        OSError, LocalIo: the file system refused.
    """
    _refuse_strange(store)
    with _bench(store.disk, store, record) as git_dir:
        files = {name: describe(f"{git_dir}/objects/pack/{name}") for name in record.files}
        done = fsck(runner, git_dir)
    if done.status != 0:
        raise Broken(f"git fsck: {last_words(done.stderr)}")
    for name, known in record.files.items():
        if (files[name].size, files[name].checksum) != (known.size, known.checksum):
            raise Broken(f"{name} is not the file that was kept")
    return replace(record, files=files)


def _refuse_strange(store: Store) -> None:
    """Raise if something stands in the store that was not put there by us: a hook, alternates, a link, a folder."""
    for folder, folders, names in os.walk(store.path):
        for name in (*folders, *names):
            path = Path(folder) / name
            inner = path.relative_to(store.path).as_posix()
            is_file = inner in _FILES or inner.startswith("objects/pack/pack-") or _TREE.fullmatch(inner) is not None
            kind = os.lstat(path).st_mode
            if not (stat.S_ISREG(kind) if is_file else stat.S_ISDIR(kind) and inner in _FOLDERS):
                raise Broken(f"{inner} does not belong there")


def consolidated(runner: Runner, store: Store, record: StoreRecord) -> StoreRecord:
    """Pack a store anew whose packs are too many, under its lock; clones keep the packs that they have.

    Raises:
        Broken, OSError, LocalIo: the store is as it was.
    """
    if record.packs <= PACK_LIMIT:
        return record
    with _bench(store.disk, store, record) as git_dir:
        try:
            done = roll_up(runner, git_dir)
        except GitFailed as error:
            raise Broken(f"git repack: {error.stderr}") from error
        if done.status != 0:
            raise Broken(f"git repack: {last_words(done.stderr)}")
        folder = git_dir / "objects/pack"
        found = pack_files(folder)
        new = {name: folder / name for name in found if name not in record.files}
        taken = store.take(new, record.files, record.object_format)
    kept = {name: file for name, file in record.files.items() if name in found}
    after = replace(record, files={**kept, **taken})
    store.write(after)
    store.drop([name for name in record.files if name not in found])
    return after


def stores(disk: Disk, root: Path) -> list[Store]:
    """Return the stores of the cache at *root* by name.

    Raises:
        OSError: the folder cannot be read.
    """
    if not root.is_dir():
        return []
    with os.scandir(root) as entries:
        names = [entry.name for entry in entries if is_store(entry.name)]
    return [Store(disk, root, name) for name in sorted(names)]


def _trees(store: Store) -> list[str]:
    with suppress(OSError):
        return kept_trees(store)
    return []


def _size(path: str) -> int:
    with suppress(OSError):
        return os.lstat(path).st_size
    return 0


def seen(store: Store) -> StoreLook:
    """Return what *store* takes and when it served."""
    size = shared = 0
    for name in (*pack_files(store.packs), *half_copied(store.packs)):
        with suppress(OSError):
            info = os.lstat(store.packs / name)
            size += info.st_size
            shared += info.st_size if info.st_nlink > 1 else 0
    trees = sum(map(_size, _trees(store)))
    look = StoreLook(
        folder=store.name, url="", size=size + trees, shared=shared, packs=0, used_at=store.used_at(), trees=trees
    )
    if store.is_unfinished():
        look = replace(look, unfinished=True)
    with suppress(Unusable, OSError):
        record = store.read()
        if record is not None:
            look = replace(look, url=record.url, packs=record.packs, fetched_at=record.fetched_at)
    try:
        with store.locked(patience=0):
            return look
    except Busy:
        return replace(look, busy=True)
    except Unusable:
        # Nobody can lock it here, as on a medium that is read-only.
        return look


def _aside(root: Path) -> list[Path]:
    return (
        sorted(path for path in (root / ASIDE).iterdir() if is_set_aside(path.name)) if (root / ASIDE).is_dir() else []
    )


def seen_aside(root: Path) -> list[StoreLook]:
    """Return what each store takes that was set aside in the cache at *root*.

    Raises:
        OSError: the folder cannot be read.
    """
    return [_seen_aside(path) for path in _aside(root)]


def _seen_aside(path: Path) -> StoreLook:
    size = shared = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                info = os.lstat(f"{folder}/{name}")
                size += info.st_size
                shared += info.st_size if info.st_nlink > 1 else 0
    since = datetime.fromtimestamp(int(path.name.rpartition("-")[2]) / 1e9, UTC)
    return StoreLook(folder=f"{ASIDE}/{path.name}", url="", size=size, shared=shared, packs=0, used_at=since)


def verified(runner: Runner, store: Store) -> str:
    """Check every object of *store*, and set it aside if it is broken; return why, or nothing.

    What a killed run left in it goes, and all of it where nothing was ever kept.

    Raises:
        Busy: somebody works on it.
        Unusable: it cannot be locked, so nothing was checked.
        OSError, LocalIo: the file system refused.
    """
    with store.locked(patience=0):
        if not os.path.lexists(store.path):
            return ""
        try:
            _refuse_strange(store)
            record = store.read()
            if record is not None:
                if record != (after := checked(runner, store, record)):
                    store.write(after)
                for path in kept_trees(store):
                    verify(path, parse_oid(os.path.basename(path)))
                store.tidy(record.files)
                return ""
            if store.drop_unfinished():
                return ""
            why = "it has no record"
        except (Broken, Damaged, Unusable) as error:
            why = str(error)
        store.set_aside()
    return why


def removed(store: Store) -> bool:
    """Remove *store*: out of sight in one step, then its files; return whether it was there still.

    Raises:
        Busy: somebody works on it.
        Unusable: it cannot be locked.
        LocalIo: the file system refused.
    """
    with store.locked(patience=0):
        if not os.path.lexists(store.path):
            return False
        store.disk.remove_tree(store.set_aside())
        return True


def swept(runner: Runner, disk: Disk, root: Path) -> int:
    """Remove what was set aside and what a killed run left, pack anew what has too many packs; return how many went.

    Raises:
        OSError, LocalIo: the file system refused.
    """
    aside = _aside(root)
    for path in aside:
        disk.remove_tree(path)
    trees_swept(root / WORK)
    left = sorted((root / WORK).iterdir()) if (root / WORK).is_dir() else []
    for path in [path for path in left if path.suffix in (_BENCH, _NEW)]:
        with suppress(Unusable), Store(disk, root, path.stem).locked(patience=0):
            disk.remove_tree(path)
    for store in stores(disk, root):
        with suppress(Unusable, Broken), store.locked(patience=0):
            record = store.read()
            store.tidy(() if record is None else record.files)
            if record is not None:
                consolidated(runner, store, record)
    return len(aside)
