"""What a git that was killed leaves in a clone: lock files, which stop every later git, and half-written packs.

Only names that git makes are looked at, and nothing goes while a process may still use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from git_hybrid.git.owners import is_held
from git_hybrid.git.quarantine import Disk

_LOCKED = ("index", "HEAD", "ORIG_HEAD", "FETCH_HEAD", "config", "packed-refs", "shallow")
# The index that local work is saved through, and files that the durable writer had not renamed yet.
_OURS = ("hybrid-index-*", "info/attributes.tmp", "shallow.tmp")
_PACKS = ("tmp_pack_*", "tmp_idx_*", "tmp_rev_*", ".tmp-*")


def remove_stale(disk: Disk, folder: Path) -> list[str]:
    """Remove what dead processes left in the clones below *folder* (``sources/``) and say so.

    Call it under the writer lock: then no git of ours runs in a clone.

    Raises:
        LocalIo: the file system refused.
    """
    if not folder.is_dir():
        return []
    clones = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and not path.is_symlink()]
    notes = []
    for clone in clones:
        git_dir = clone / ".git"
        if git_dir.is_symlink() or not git_dir.is_dir():
            continue
        for path in _leftovers(git_dir):
            if not is_held(path, clone):
                disk.remove_file(path)
                notes.append(f"removed {path.relative_to(folder.parent)}, which a git that was killed left")
    return notes


def _leftovers(git_dir: Path) -> Iterator[Path]:
    yield from (lock for name in _LOCKED if (lock := git_dir / f"{name}.lock").is_file())
    # No ref may end in .lock (git-check-ref-format(1)), so below refs/ every such file is a lock.
    yield from (path for path in sorted((git_dir / "refs").rglob("*.lock")) if _is_plain(path))
    for pattern in _OURS:
        yield from (path for path in sorted(git_dir.glob(pattern)) if _is_plain(path))
    for pattern in _PACKS:
        yield from (path for path in sorted((git_dir / "objects" / "pack").glob(pattern)) if _is_plain(path))


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
