"""What a git that was killed leaves in a clone: lock files, which stop every later git, and half-written packs.

Only names that git makes are looked at, and nothing goes while a process may still use it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.git.glance import MARK
from git_hybrid.git.linked import links_in
from git_hybrid.git.owners import is_held
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.scout import Scout
from git_hybrid.git.stamps import is_untouched

_LOCKED = frozenset(
    f"{name}.lock" for name in ("index", "HEAD", "ORIG_HEAD", "FETCH_HEAD", "config", "packed-refs", "shallow")
)
# Indexes that local work is saved through and clones are looked at anew with, and files that had not been renamed yet.
_PIN = "pin.tmp"
_INDEX, _UNNAMED = "hybrid-index", frozenset({"packed-refs.new", "shallow.tmp", f"{MARK}.tmp"})
_PACKS = ("tmp_pack_", "tmp_idx_", "tmp_rev_", ".tmp-")


def remove_stale(disk: Disk, folder: Path, scout: Scout | None = None) -> list[str]:
    """Remove what dead processes left in the clones below *folder* (``sources/``) and say so.

    Call it under the writer lock: then no git of ours runs in a clone. What a *scout* saw untouched since it was proved
    is not searched: no folder of it got anything new. A clone that the machine refuses is left out: whoever is to do
    something with it is told by the look at it.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    notes = []
    scout = scout if scout is not None and scout.folder == str(folder) and scout.holds() else None
    with os.scandir(folder) as found:
        clones = sorted(entry.name for entry in found if entry.name[0] != "." and entry.is_dir(follow_symlinks=False))
    for name in clones:
        if scout is not None and scout.knows(name) and is_untouched(scout.look(name)):
            continue
        git_dir = folder / name / ".git"
        with suppress(OSError, LocalIo):
            if not git_dir.is_symlink() and git_dir.is_dir():
                notes += sweep(disk, git_dir, git_dir.parent, folder.parent)
    return notes


def sweep(disk: Disk, git_dir: Path, work_tree: Path, root: Path) -> list[str]:
    """Remove what dead processes left in the repository at *git_dir* and say so, by paths from *root*.

    Raises:
        LocalIo: the file system refused.
    """
    notes = []
    for path in leftovers(git_dir):
        if _is_plain(path) and not is_held(path, work_tree):
            disk.remove_file(path)
            notes.append(f"removed {path.relative_to(root)}, which a git that was killed left")
    return notes


def leftovers(git_dir: Path) -> list[Path]:
    """Return what a dead git may have left; four folders are listed, and those below refs/."""
    text = os.fspath(git_dir)
    links = links_in(text)
    found = [name for name in _names(text) if name in _LOCKED or name.startswith(_INDEX) or name in _UNNAMED]
    found += [f"info/{name}" for name in _names(f"{text}/info") if name == "attributes.tmp"]
    found += [f"objects/pack/{name}" for name in _names(f"{text}/objects/pack") if name.startswith(_PACKS)]
    for folder, _, files in os.walk(f"{text}/refs"):
        # No ref may end in .lock (git-check-ref-format(1)), so below refs/ every such file is a lock.
        # What the durable writer had not renamed yet would be a ref.
        left = [name for name in files if name.endswith(".lock") or (name == _PIN and folder.endswith("/refs/hybrid"))]
        found += [os.path.relpath(f"{folder}/{name}", text) for name in left]
    # What a link leads to is no clone of ours.
    return [git_dir / name for name in sorted(found) if not any(name.startswith(f"{link}/") for link in links)]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
