"""See at a glance that a clone stands untouched at its pin, without libgit2 and without a process.

A glance answers only where there is no doubt at all: HEAD is the pinned commit, the index is that of the pinned tree,
every file has the size, times (ctime too, which nobody can set), inode and mode that git recorded when it wrote it,
nothing else is there, no setting or lock is there that this tool does not write, and the packs are those that were
there when every object of the pinned commit was. A file that was written in the
moment in which the index was (gitformat-index(5), "racy git") is read and hashed. Whatever else is seen is for the full
look to judge; all that a glance says is which files were edited, where everything else is as it was.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from struct import error

from git_hybrid.core.ids import Oid
from git_hybrid.core.plan import SHOWN_FILES, Clone
from git_hybrid.core.tree import name_of
from git_hybrid.git import seen, stamps
from git_hybrid.git.plainfiles import bytes_at
from git_hybrid.git.quarantine import ATTRIBUTES
from git_hybrid.git.recorded import MODES, Doubt, Recorded, Stale, blob_at, is_as_recorded, read_entries
from git_hybrid.git.stamps import Look

_OID = 40
MARK = "hybrid-packs"
"""The file of a clone's git folder that holds its packs as they were when all objects of the pin were there."""

_PLAIN_CORE = frozenset({"repositoryformatversion = 0", "filemode = true", "bare = false", "logallrefupdates = true"})
OPERATIONS = {
    "MERGE_HEAD": "merge",
    "rebase-merge": "rebase",
    "rebase-apply": "rebase or am",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}
"""What somebody began in a clone and did not end, by what a clone's git folder then has."""
_IN_THE_WAY = frozenset(
    {
        *OPERATIONS,
        *("index.lock", "HEAD.lock", "config.lock", "shallow", "commondir", "config.worktree", "modules", "lfs"),
    }
)
_REFRESHED = frozenset({b".git", b".git/index"})


def glance(path: str, commit: Oid, tree: Oid, told: Look | None = None, url: str | None = None) -> Clone | None:
    """Return the clone at *path* if it surely stands at *commit*, whose tree is *tree*, and which files were edited.

    None where there is any doubt, also whether *url* is its origin, if one is given. *told* is what somebody saw of it
    a moment ago.
    """
    if len(commit) != _OID:
        return None
    found = told or stamps.look(path)
    is_known = found is not None and url in (None, found[4])
    touched = seen.touched(path, commit, tree, found) if is_known else None
    try:
        # Whoever runs git status lets git write the index anew, with nothing else in it.
        files = frozenset() if touched is None else touched - _REFRESHED
        if found is None or touched is None or any(name.startswith(b".git/") for name in files):
            return _looked_at(path, commit, tree, url)
        if touched and not seen.holds_only_our_names(path):
            return _looked_at(path, commit, tree, url)
        edited = _edited(os.fsencode(path), files, _index(f"{path}/.git/index", tree)[0]) if touched else []
        return Clone(
            head=commit,
            dirty=tuple(map(name_of, edited[:SHOWN_FILES])),
            dirty_count=len(edited),
            has_pin=True,
            complete=not found[3],
            installed=commit,
            origin=url,
            sure=True,
            settled=not touched,
        )
    except (Doubt, OSError, ValueError, IndexError, error):
        return None


def is_marked(git_dir: str) -> bool:
    """Tell whether the packs at *git_dir* are those that were there when all objects of its pin were."""
    try:
        return bytes_at(f"{git_dir}/{MARK}") == packs_of(git_dir)
    except (Doubt, OSError):
        return False


def stands(path: str, head: Oid) -> bool:
    """Tell whether the clone at *path* surely stands at *head* still, where it was proved to stand once.

    Neither HEAD nor what is staged was changed, and nothing was begun. Files are not looked at.
    """
    root, index = os.fsencode(path) + b"/", f"{path}/.git/index"
    try:
        known = stamps.read(f"{path}/{stamps.BASE}")
        if known.commit != head or os.path.islink(path) or not stamps.is_as_known(known, root, b".git/HEAD"):
            return False
        if not _IN_THE_WAY.isdisjoint(os.listdir(f"{path}/.git")):
            return False
        return stamps.is_as_known(known, root, b".git/index") or bool(_index(index, Oid(known.tree)))
    except (Doubt, OSError, ValueError, IndexError, error):
        return False


def _looked_at(path: str, commit: Oid, tree: Oid, url: str | None) -> Clone:
    look(path, commit, tree, url=url)
    return Clone(head=commit, has_pin=True, installed=commit, origin=url, sure=True)


def look(
    path: str, commit: Oid, tree: Oid, taken: seen.Collector | None = None, *, url: str | None = None
) -> dict[bytes, Recorded]:
    """Return what the index has of each file of the clone at *path*, which surely stands untouched at *commit*.

    *taken* gets the stat data of the working tree. Its origin is *url*, if one is given.

    Raises:
        Doubt, OSError, ValueError, IndexError, struct.error: a glance is not enough.
    """
    git_dir = f"{path}/.git"
    if stat.S_ISLNK(os.lstat(path).st_mode) or not stat.S_ISDIR(os.lstat(git_dir).st_mode):
        raise Doubt
    with os.scandir(git_dir) as listed:
        entries = list(listed)
    names = {entry.name for entry in entries}
    if (
        any(entry.is_symlink() for entry in entries)
        or names & _IN_THE_WAY
        or bytes_at(f"{git_dir}/HEAD") != f"{commit}\n".encode()
    ):
        raise Doubt
    if "packed-refs" in names:
        from git_hybrid.git.kept import is_sound

        if not is_sound(bytes_at(f"{git_dir}/packed-refs")):
            raise Doubt
    if bytes_at(f"{git_dir}/refs/hybrid/pin", links=False) != f"{commit}\n".encode():
        raise Doubt
    if bytes_at(f"{git_dir}/info/attributes", links=False) != ATTRIBUTES.encode():
        raise Doubt
    if not _is_plain(bytes_at(f"{git_dir}/config"), url):
        raise Doubt
    if {"exclude", "grafts", "sparse-checkout"} & set(os.listdir(f"{git_dir}/info")):
        raise Doubt
    if bytes_at(f"{git_dir}/{MARK}") != packs_of(git_dir):
        raise Doubt
    indexed = _index(f"{git_dir}/index", tree)
    _compare(path, indexed, taken)
    return indexed[0]


def _is_plain(config: bytes, url: str | None) -> bool:
    """Tell whether the clone's settings are those that this tool writes, letter by letter; *url* is its origin."""
    section = ""
    # What is not of this encoding, which git does not ask for, is not ours.
    for line in config.decode("utf-8", "replace").removesuffix("\n").split("\n"):
        text = line.strip()
        if text.startswith("["):
            section = text
        elif section == "[core]":
            if text not in _PLAIN_CORE:
                return False
        elif section != '[remote "origin"]' or not _is_of_origin(text, url):
            return False
    return True


def _is_of_origin(line: str, url: str | None) -> bool:
    key, _, value = line.partition(" = ")
    return key == "fetch" or (key == "url" and url in (None, value))


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


def _index(path: str, tree: Oid) -> tuple[dict[bytes, Recorded], int]:
    """Return what the index records by path, and when it was written, if it is that of *tree*; else raise Doubt."""
    entries, written, found = read_entries(path)
    if found != tree:
        raise Doubt
    return entries, written


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
            raise Stale
        if found.st_mtime_ns >= written and blob_at(os.path.join(root, name), found) != recorded[1]:
            raise Doubt
        left -= 1
    if left:
        raise Doubt


def _edited(root: bytes, touched: frozenset[bytes], entries: Mapping[bytes, Recorded]) -> list[bytes]:
    """Return which of the paths *touched* are files that are not what the index has of them.

    Raises:
        Doubt: there is more to it: something came, went, or became something else.
    """
    edited = []
    for name in sorted(touched):
        path = os.path.join(root, name)
        found = os.lstat(path)
        if name not in entries:
            if not stat.S_ISDIR(found.st_mode) or {*os.listdir(path)} != _names_in(name, entries):
                raise Doubt
            continue
        (*_, mode, _, _, _), blob = entries[name]
        kind, executable = MODES.get(mode, (0, None))
        if stat.S_IFMT(found.st_mode) != kind:
            raise Doubt
        same_mode = executable is None or found.st_mode & stat.S_IXUSR == executable
        if not same_mode or blob_at(path, found) != blob:
            edited.append(name)
    return edited


def _names_in(folder: bytes, entries: Iterable[bytes]) -> set[bytes]:
    """Return what stands in *folder* where nothing but *entries* does; in the root ``.git`` too."""
    prefix = folder + b"/" if folder else b""
    names = {name[len(prefix) :].split(b"/", 1)[0] for name in entries if name.startswith(prefix)}
    return names if folder else names | {b".git"}


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
