"""What a clone looked like when it was proved: the times, size, inode and mode of everything that a look depends on.

Two files in ``.git/hybrid`` hold it. ``tree`` has the files and folders of the working tree; it is taken before they
are read and compared. ``base`` has the rest: the root, HEAD, settings, index, packs, the folders of refs, and ``tree``
itself. As long as all of that is as it was, nothing was changed: a change of any kind sets the ctime, which nobody can
choose. What was written in the same tick of the clock in which it was looked at is not believed (gitformat-index(5),
"racy git"): the root gets its ctime when the clone is put in its place, after all files have theirs.

Both are hints of this machine. What is not as it was is for a closer look to judge.
"""

from __future__ import annotations

import os
import sys
import time
from array import array

from git_hybrid.core.ids import Oid
from git_hybrid.git import stamps
from git_hybrid.git.stamps import BASE, FOLDER, MAGIC, PACKS, TREE, Look, Stamps, numbers_of
from git_hybrid.turn import TURN

_SETTLED = 2 * 10**9
_TICKS = 100
_TRIES = 4
# Of which file systems, by their number, it is known whether they tell changes apart.
_fine: dict[int, bool] = {}
# CLOCK_REALTIME_COARSE (linux/time.h), which file systems take their times from; elsewhere they use the fine one.
_CLOCK = 5 if sys.platform == "linux" else time.CLOCK_REALTIME
# What this tool makes in .git, and git in a checkout: anything else is for a closer look.
_NAMES = frozenset(b"HEAD ORIG_HEAD config hybrid hybrid-packs index info logs objects refs".split())
_OF_BASE = (
    b"",
    b".git",
    b".git/HEAD",
    b".git/config",
    b".git/index",
    b".git/info",
    b".git/info/attributes",
    b".git/refs/hybrid/pin",
    b".git/objects/info",
    b".git/objects/pack",
)
_PACKED = b".git/packed-refs"


class Collector:
    """Takes the stat data of paths, one after the other."""

    def __init__(self) -> None:
        """Start with none."""
        self.paths: list[bytes] = []
        self._numbers: list[int] = []

    def add(self, path: bytes, found: os.stat_result) -> None:
        """Take what is *found* at *path*."""
        self.paths.append(path)
        self._numbers += numbers_of(path, found)

    def ctimes(self) -> list[int]:
        """Return the ctime of each, in nanoseconds."""
        return self._numbers[4::5]

    def stamps(self, commit: Oid, tree: Oid) -> Stamps:
        """Return what was taken, as that of *commit* with its *tree*."""
        newest = max(self.ctimes(), default=0)
        return Stamps(commit, tree, newest, b"\0".join(self.paths), array("q", self._numbers).tobytes())


def touched(path: str, commit: Oid, tree: Oid, look: Look | None = None) -> frozenset[bytes] | None:
    """Return what was touched since the clone at *path* was proved to stand at *commit*; None if it never was.

    *look* is one that somebody took already (:func:`git_hybrid.git.stamps.look`).
    """
    found = look or stamps.look(path)
    return found[2] if found is not None and found[:2] == (commit, tree) else None


def holds_only_our_names(path: str) -> bool:
    """Tell whether nothing is in ``.git`` but what this tool and git's checkout make there, and none of it a link.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(os.fsencode(path) + b"/.git") as found:
        return all(entry.name in _NAMES and not entry.is_symlink() for entry in found)


def keep_tree(path: str, taken: Stamps) -> None:
    """Keep *taken*, the stat data of the working tree at *path*, before it is put in its place.

    Raises:
        OSError: the file system refused.
    """
    os.makedirs(f"{path}/{FOLDER}", exist_ok=True)
    _write(f"{path}/{TREE}", taken)


def wait_for_later(path: str) -> None:
    """Return when what happens to *path*, where a tree was kept, gets a later ctime than all that was done before.

    The clock of file systems moves in steps of milliseconds, but where the kernel takes a finer one for what was looked
    at since its last change (multigrain timestamps, Linux 6.13).
    """
    try:
        found = os.lstat(f"{path}/{TREE}")
        if found.st_dev not in _fine:
            _fine[found.st_dev] = _tells_apart(f"{path}/{TREE}")
        if _fine[found.st_dev]:
            # What has the newest time that there is, and was looked at, gets a newer one.
            os.utime(path)
            os.lstat(path)
            return
        written = os.lstat(f"{path}/{TREE}").st_ctime_ns
    except OSError:
        return
    for _ in range(_TICKS):
        if time.clock_gettime_ns(_CLOCK) > written:
            return
        with TURN.waiting():
            time.sleep(0.001)


def _tells_apart(path: str) -> bool:
    """Tell whether each change of *path*, which is changed for that, gets a ctime of its own once it was looked at."""
    number = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        times = []
        for _ in range(_TRIES):
            os.utime(number)
            times.append(os.fstat(number).st_ctime_ns)
        # By a clock that moves every few milliseconds, not all of these can differ.
        return times == sorted({*times}) and times[-1] - times[0] < _TRIES * 10**6
    finally:
        os.close(number)


def completed(path: str) -> Stamps:
    """Return the rest for a new clone that has just been put at *path*, where :func:`keep_tree` was called before.

    Raises:
        OSError, ValueError: something was touched since, or it may have been.
    """
    root = os.fsencode(path) + b"/"
    taken = base_of(path)
    _take(taken, root, TREE.encode())
    known = stamps.read(f"{path}/{TREE}")
    moved, *others = taken.ctimes()
    tops = {name.split(b"/", 1)[0] for name in known.paths.split(b"\0") if name}
    # The root was renamed into its place after all else was written, but for the folder .git, which has marks of ours.
    if max(known.newest, *others[1:]) >= moved:
        raise ValueError(path)
    if {*os.listdir(root)} != tops | {b".git"} or not holds_only_our_names(path):
        raise ValueError(path)
    return taken.stamps(Oid(known.commit), Oid(known.tree))


def prepare(path: str) -> Collector:
    """Return the stat data of what is not in the working tree, taken before a closer look at it.

    Raises:
        OSError: something is missing.
        ValueError: something is so young that a change could go unnoticed.
    """
    os.makedirs(f"{path}/{FOLDER}", exist_ok=True)
    taken = base_of(path)
    if max(taken.ctimes()) > time.time_ns() - _SETTLED:
        raise ValueError(path)
    return taken


def keep(path: str, base: Collector, tree: Stamps, url: str) -> None:
    """Keep what a closer look has proved, unless it is so young that a change could have gone unnoticed.

    *base* was taken before the look (:func:`prepare`) and *tree* during it; *url* is the origin.

    Raises:
        OSError: the file system refused.
    """
    if tree.newest > time.time_ns() - _SETTLED:
        return
    write_tree(path, base, tree)
    write_base(path, base.stamps(Oid(tree.commit), Oid(tree.tree)), url)


def write_tree(path: str, base: Collector, tree: Stamps) -> None:
    """Keep *tree*, and add to *base* what tells that it was kept; it counts as soon as *base* is written too.

    Raises:
        OSError: the file system refused.
    """
    _write(f"{path}/{TREE}", tree)
    _take(base, os.fsencode(path) + b"/", TREE.encode())


def write_base(path: str, base: Stamps, url: str) -> None:
    """Keep *base* and the origin, *url*: from now on a look need only see that nothing was touched.

    Raises:
        OSError: the file system refused.
    """
    base.url = url
    _write(f"{path}/{BASE}", base)


def base_of(path: str) -> Collector:
    """Return the stat data of what is not in the working tree: the root first, then ``.git``.

    Raises:
        OSError: something is missing.
    """
    root, taken = os.fsencode(path) + b"/", Collector()
    packs = [PACKS + name for name in sorted(os.listdir(root + b".git/objects/pack"))]
    packed = [_PACKED] if os.path.lexists(root + _PACKED) else []
    for name in (*_OF_BASE, *packed, *_folders(root, b".git/refs"), *packs):
        _take(taken, root, name)
    return taken


def _folders(root: bytes, top: bytes) -> list[bytes]:
    """Return *top* and the folders below it: as long as they are as they were, no ref and no lock is new in them."""
    with os.scandir(root + top) as found:
        inner = sorted(entry.name for entry in found if entry.is_dir(follow_symlinks=False))
    return [top, *(path for name in inner for path in _folders(root, top + b"/" + name))]


def _take(taken: Collector, root: bytes, name: bytes) -> None:
    taken.add(name, os.lstat(root + name))


def _write(path: str, known: Stamps) -> None:
    # Imported here: most looks write nothing.
    from git_hybrid.git.hint import write_hint

    head = f"{MAGIC} {known.commit} {known.tree} {known.newest} {len(known.paths)} {known.url}".rstrip(" ")
    write_hint(path, f"{head}\n".encode("ascii") + known.paths + known.numbers)
