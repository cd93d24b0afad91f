"""Prove from its files that a clone stands at the commit that was just checked out in it, and keep what it looks like.

That is a glance (:mod:`git_hybrid.git.glance`), and more than one: every file that the checkout has written is read and
its id computed, whatever git recorded of it. The others are as they were, by all that the file system tells.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from struct import error

from git_hybrid.core.ids import Oid
from git_hybrid.git import seen
from git_hybrid.git.glance import is_marked, look
from git_hybrid.git.linked import real_folder
from git_hybrid.git.raw import Unsure, opened
from git_hybrid.git.recorded import Doubt, Recorded, blob_at, read_entries
from git_hybrid.git.stale import leftovers
from git_hybrid.git.stamps import FOLDER, Stamps
from git_hybrid.turn import TURN

Entries = dict[bytes, Recorded]
_TICK = "tick"
_SOON = 20
_UNPROVED = (Doubt, Unsure, OSError, ValueError, IndexError, error)


def entries_before(path: str) -> Entries | None:
    """Return what the index has of each file of the clone at *path*; None where only a full look will do afterwards.

    All objects of what stands there must be known to be there, by the mark that a full look has left.
    """
    try:
        return read_entries(f"{path}/.git/index")[0] if is_marked(f"{path}/.git") else None
    except _UNPROVED:
        return None


def prove(path: str, commit: Oid, tree: Oid, before: Entries) -> tuple[bool, Stamps | None]:
    """Return whether the clone at *path* surely stands at *commit*, and what is to be kept of how it looks.

    *before* is what the index had before the checkout. What is returned is kept by :func:`seen.write_base`, once
    all files are on disk; it is None where something is so young that a change could go unnoticed.
    """
    try:
        now = _tick(path)
        with TURN:
            return True, _looked(path, commit, tree, before, now)
    except _UNPROVED:
        return False, None


def _looked(path: str, commit: Oid, tree: Oid, before: Entries, now: int) -> Stamps | None:
    base, taken = seen.base_of(path), seen.Collector()
    after = look(path, commit, tree, taken)
    _read_new(os.fsencode(path), before, after)
    _require_objects(Path(path, ".git"), commit, tree, before, after)
    if leftovers(Path(path, ".git")):
        raise Doubt
    if max(*base.ctimes(), *taken.ctimes(), 0) >= now:
        return None
    seen.write_tree(path, base, taken.stamps(commit, tree))
    return base.stamps(commit, tree)


def _read_new(root: bytes, before: Entries, after: Entries) -> None:
    """Raise Doubt unless each file that was written since *before* is the blob that the index names."""
    for name, recorded in after.items():
        if before.get(name) != recorded:
            path = os.path.join(root, name)
            if blob_at(path, os.lstat(path)) != recorded[1]:
                raise Doubt


def _require_objects(git_dir: Path, commit: Oid, tree: Oid, before: Entries, after: Entries) -> None:
    """Raise Doubt unless the commit and what was not there before is there now."""
    known = {blob for _, blob in before.values()}
    with opened(git_dir) as raw:
        found, parents = raw.links(commit)
        new = {blob.hex() for _, blob in after.values() if blob not in known}
        if found != tree or not all(raw.holds(oid) for oid in (tree, *parents, *new)):
            raise Doubt


def _tick(path: str) -> int:
    """Return the ctime of a file that was written just now below *path*: later than that of all that was there before.

    The file system tells by its own clock that the time has moved on. Where it does not soon, the ctime is no later.

    Raises:
        OSError: the file system refused.
    """
    os.makedirs(f"{path}/{FOLDER}", exist_ok=True)
    with real_folder(f"{path}/{FOLDER}") as there:
        number = os.open(_TICK, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=there)
    try:
        os.utime(number)
        begun = os.fstat(number).st_ctime_ns
        for _ in range(_SOON):
            # The kernel may know a finer clock for what was looked at just now (multigrain timestamps, Linux 6.13).
            os.utime(number)
            now = os.fstat(number).st_ctime_ns
            if now > begun:
                return now
            with TURN.waiting():
                time.sleep(0.001)
        return begun
    finally:
        os.close(number)
