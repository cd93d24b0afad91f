"""See at a glance that a clone stands untouched at its pin, without libgit2 and without a process.

A glance answers only where there is no doubt at all: HEAD is the pinned commit, the index is that of the pinned tree,
every file has the size, times (ctime too, which nobody can set), inode and mode that git recorded when it wrote it,
nothing else is there, no setting or lock is there that this tool does not write, and the packs are those that were
there when every object of the pinned commit was. A file that was written in the
moment in which the index was (gitformat-index(5), "racy git") is read and hashed. Whatever else is seen is for the full
look to judge; a glance never says that something is wrong.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from struct import Struct, error

from git_hybrid.core.ids import Oid
from git_hybrid.core.plan import Clone
from git_hybrid.git import seen
from git_hybrid.git.quarantine import ATTRIBUTES

_ENTRY = Struct(">10I20sH")
_STAGES_AND_FLAGS = 0xF000
_LENGTH = 0x0FFF
_OID = 40
MARK = "hybrid-packs"
"""The file of a clone's git folder that holds its packs as they were when all objects of the pin were there."""

_PLAIN_CORE = frozenset({"repositoryformatversion = 0", "filemode = true", "bare = false", "logallrefupdates = true"})
_IN_THE_WAY = frozenset(
    {
        *("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply"),
        *("index.lock", "HEAD.lock", "config.lock", "shallow", "commondir", "config.worktree", "modules", "lfs"),
    }
)
_MODES = {0o100644: (stat.S_IFREG, 0), 0o100755: (stat.S_IFREG, stat.S_IXUSR), 0o120000: (stat.S_IFLNK, None)}
_REFRESHED = frozenset({b".git", b".git/index"})


class Doubt(Exception):
    """A glance is not enough."""


def glance(path: str, commit: Oid, tree: Oid) -> Clone | None:
    """Return the clone at *path* if it surely stands untouched at *commit*, whose tree is *tree*; else None."""
    if len(commit) != _OID:
        return None
    touched = seen.touched(path, commit, tree)
    try:
        if touched is None or touched - _REFRESHED:
            return _looked_at(path, commit, tree)
        if touched:
            # Whoever runs git status lets git write the index anew, with nothing else in it.
            _index(f"{path}/.git/index", tree)
            if not seen.holds_only_our_names(path):
                return _looked_at(path, commit, tree)
        return Clone(head=commit, has_pin=True, installed=commit, sure=True, settled=not touched)
    except (Doubt, OSError, ValueError, IndexError, error):
        return None


def is_marked(git_dir: str) -> bool:
    """Tell whether the packs at *git_dir* are those that were there when all objects of its pin were."""
    try:
        return _read(f"{git_dir}/{MARK}") == packs_of(git_dir)
    except (Doubt, OSError):
        return False


def settle(path: str, commit: Oid, tree: Oid) -> None:
    """Look at the clone at *path* and keep what was seen, so that the next look need only see that it is the same.

    Raises:
        Doubt, OSError, ValueError, IndexError, struct.error: a glance is not enough; nothing is kept.
    """
    base, taken = seen.prepare(path), seen.Collector()
    look(path, commit, tree, taken)
    seen.keep(path, base, taken.stamps(commit, tree))


def _looked_at(path: str, commit: Oid, tree: Oid) -> Clone:
    look(path, commit, tree)
    return Clone(head=commit, has_pin=True, installed=commit, sure=True)


def look(path: str, commit: Oid, tree: Oid, taken: seen.Collector | None = None) -> dict[bytes, Recorded]:
    """Return what the index has of each file of the clone at *path*, which surely stands untouched at *commit*.

    *taken* gets the stat data of the working tree.

    Raises:
        Doubt, OSError, ValueError, IndexError, struct.error: a glance is not enough.
    """
    git_dir = f"{path}/.git"
    if stat.S_ISLNK(os.lstat(path).st_mode) or not stat.S_ISDIR(os.lstat(git_dir).st_mode):
        raise Doubt
    names = set(os.listdir(git_dir))
    if names & _IN_THE_WAY or _read(f"{git_dir}/HEAD") != f"{commit}\n".encode():
        raise Doubt
    if _read(f"{git_dir}/refs/hybrid/pin") != f"{commit}\n".encode():
        raise Doubt
    if _read(f"{git_dir}/info/attributes") != ATTRIBUTES.encode() or not _is_plain(_read(f"{git_dir}/config")):
        raise Doubt
    if {"exclude", "grafts", "sparse-checkout"} & set(os.listdir(f"{git_dir}/info")):
        raise Doubt
    if _read(f"{git_dir}/{MARK}") != packs_of(git_dir):
        raise Doubt
    entries = _index(f"{git_dir}/index", tree)
    _compare(path, entries, taken)
    return entries[0]


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _is_plain(config: bytes) -> bool:
    """Tell whether the clone's settings are those that this tool writes, letter by letter."""
    section = ""
    for line in config.decode("utf-8").splitlines():
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[core]":
            if text not in _PLAIN_CORE:
                return False
        elif section != '[remote "origin"]' or text.split(" = ")[0] not in ("url", "fetch"):
            return False
    return True


def packs_of(git_dir: str) -> bytes:
    """Return what tells one set of packs from another: name, size, time and inode of each file, a line each.

    Raises:
        Doubt: objects are borrowed, or missing by design.
        OSError: the folder cannot be read.
    """
    if os.path.exists(f"{git_dir}/objects/info/alternates"):
        raise Doubt
    lines = []
    with os.scandir(f"{git_dir}/objects/pack") as found:
        for entry in found:
            if entry.name.endswith(".promisor"):
                raise Doubt
            seen = entry.stat(follow_symlinks=False)
            # A pack that the object cache has too gets another ctime whenever somebody links it.
            changed = seen.st_ctime_ns if seen.st_nlink == 1 else "shared"
            lines.append(f"{entry.name} {seen.st_size} {seen.st_mtime_ns} {changed} {seen.st_ino}\n")
    return "".join(sorted(lines)).encode()


Recorded = tuple[tuple[int, ...], bytes]
"""What the index has of a path: ten numbers of stat data (ctime, mtime, dev, ino, mode, uid, gid, size), the blob."""


def _index(path: str, tree: Oid) -> tuple[dict[bytes, Recorded], int]:
    """Return what the index records by path, and when it was written, if it is that of *tree*; else raise Doubt."""
    entries, written, found = read_entries(path)
    if found != tree:
        raise Doubt
    return entries, written


def read_entries(path: str) -> tuple[dict[bytes, Recorded], int, str]:
    """Return what the index records by path, the time in nanoseconds at which it was written, and the tree it is of.

    Raises:
        Doubt: the index hides a file from git, or is of another kind than this tool makes.
        OSError, ValueError, IndexError, struct.error: it cannot be read.
    """
    with open(path, "rb", buffering=0) as file:
        written = os.fstat(file.fileno()).st_mtime_ns
        data = file.read()
    if data[:8] != b"DIRC\0\0\0\2":
        raise Doubt
    entries: dict[bytes, Recorded] = {}
    at, unpack, size = 12, _ENTRY.unpack_from, _ENTRY.size
    for _ in range(int.from_bytes(data[8:12])):
        *numbers, blob, flags = unpack(data, at)
        length = flags & _LENGTH
        if flags & _STAGES_AND_FLAGS or length == _LENGTH:
            raise Doubt
        entries[data[at + size : at + size + length]] = (tuple(numbers), blob)
        at += (size + length + 8) & ~7
    return entries, written, _tree_of(data, at)


def _tree_of(data: bytes, at: int) -> str:
    """Return the tree that the index's cache names for its root; other extensions are for the full look."""
    found = ""
    while at + 8 <= len(data) - 20:
        name, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8])
        if name[:1].islower():
            raise Doubt
        if name == b"TREE":
            end = data.index(b"\n", at + 8)
            valid = not data[at + 8 : end].startswith(b"\0-1")
            found = data[end + 1 : end + 21].hex() if valid else ""
        at += 8 + length
    return found


def _compare(path: str, index: tuple[dict[bytes, Recorded], int], taken: seen.Collector | None) -> None:
    """Raise Doubt unless every file is as git recorded it and no other is there."""
    entries, written = index
    left = len(entries)
    root = os.fsencode(path)
    for name, found in _files(root, taken):
        if taken is not None:
            taken.add(name, found)
        recorded = entries.get(name)
        if recorded is None:
            raise Doubt
        if not is_as_recorded(found, recorded[0]):
            raise Doubt
        if found.st_mtime_ns >= written and blob_at(os.path.join(root, name), found) != recorded[1]:
            raise Doubt
        left -= 1
    if left:
        raise Doubt


def is_as_recorded(found: os.stat_result, numbers: tuple[int, ...]) -> bool:
    """Tell whether a file is as the index recorded it in *numbers*."""
    ctime, ctime_ns, mtime, mtime_ns, _, inode, mode, _, _, size = numbers
    kind, executable = _MODES.get(mode, (0, None))
    return (
        found.st_ino & 0xFFFFFFFF == inode
        and found.st_size & 0xFFFFFFFF == size
        and found.st_mtime_ns == mtime * 10**9 + mtime_ns
        and found.st_ctime_ns == ctime * 10**9 + ctime_ns
        and stat.S_IFMT(found.st_mode) == kind
        and (executable is None or found.st_mode & stat.S_IXUSR == executable)
    )


def _files(root: bytes, taken: seen.Collector | None) -> Iterator[tuple[bytes, os.stat_result]]:
    folders = [b""]
    while folders:
        folder = folders.pop()
        if taken is not None and folder:
            taken.add(folder, os.lstat(os.path.join(root, folder)))
        with os.scandir(os.path.join(root, folder)) as found:
            for entry in found:
                if not folder and entry.name == b".git":
                    continue
                name = folder + b"/" + entry.name if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                else:
                    yield name, entry.stat(follow_symlinks=False)


def blob_at(path: bytes, found: os.stat_result) -> bytes:
    """Return the id that the content of the file has as a blob (gitformat, loose objects)."""
    if stat.S_ISLNK(found.st_mode):
        content = os.readlink(path)
    else:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).digest()
