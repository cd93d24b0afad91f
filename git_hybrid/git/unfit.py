"""What keeps git, libgit2 and git-lfs from a clone: they would write elsewhere, or cannot read it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from git_hybrid.core.plan import Broken, Foreign
from git_hybrid.core.tree import show_path
from git_hybrid.git.kept import is_sound
from git_hybrid.git.plainfiles import read_plain

_FILES = (
    *("config", "config.worktree", "index", "packed-refs", "shallow", "commondir", "info/exclude", "logs/HEAD"),
    *("objects/info/alternates", "ORIG_HEAD", "FETCH_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"),
)
_WRITTEN = ("config", "config.worktree", "index", "packed-refs", "shallow", "refs", "logs", "logs/HEAD", "lfs")
# git-lfs keeps content in folders by the digits of their ids, and what it works with beside them.
_DEEP = ("refs", "logs", "lfs")
_DIGITS = b"0123456789abcdef\n"


def elsewhere(git_dir: Path) -> Foreign | None:
    """Return what leads out of the clone: git would write where a link leads, and obey the settings of a commondir."""
    for name in _WRITTEN:
        if (git_dir / name).is_symlink() and (git_dir / name).exists():
            return Foreign(f"a clone whose .git/{name} is a symbolic link")
    for top in _DEEP:
        for folder, inner, _ in os.walk(git_dir / top):
            if any(os.path.islink(f"{folder}/{name}") for name in inner):
                return Foreign(f"a clone with a symbolic link to a folder in its .git/{top}")
    if (git_dir / "commondir").is_file():
        return Foreign("a working tree of another repository (its .git has a commondir)")
    return None


def unfit(git_dir: Path) -> Broken | None:
    """Return why neither git nor libgit2 is to look at the clone; None if they are."""
    if not (git_dir / "HEAD").is_file() or not (git_dir / "objects").is_dir():
        return Broken("its .git lacks HEAD or objects")
    # libgit2 takes a folder for an empty file, and git would wait for what comes out of a pipe.
    for name in _read(git_dir):
        if (git_dir / name).exists() and not (git_dir / name).is_file():
            return Broken(f"its .git/{show_path(os.fsencode(name))} is no file")
    # libgit2 takes what is behind a NUL for nothing: git refuses it.
    if b"\0" in (read_plain(git_dir / "config") or b""):
        return Broken("its .git/config is damaged: it has bytes that are no text")
    if not is_sound(read_plain(git_dir / "packed-refs") or b""):
        return Broken("its .git/packed-refs is damaged")
    if (read_plain(git_dir / "shallow") or b"").strip(_DIGITS):
        return Broken("its .git/shallow is damaged")
    return None


def _read(git_dir: Path) -> Iterator[str]:
    """Yield what git reads as files, by its path in *git_dir*."""
    yield from _FILES
    for folder, _, files in os.walk(git_dir / "refs"):
        yield from (os.path.relpath(f"{folder}/{name}", git_dir) for name in files)
    # libgit2 takes a folder of packs that cannot be read for an empty one.
    packs = git_dir / "objects/pack"
    for name in os.listdir(packs) if packs.is_dir() else ():
        if name.endswith(".idx"):
            yield f"objects/pack/{name}"
