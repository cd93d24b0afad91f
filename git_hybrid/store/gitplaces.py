"""Where git keeps what is of a folder, found without git: what no command may write over."""

from __future__ import annotations

import os
from pathlib import Path

_NAMES = "gitdir:"
_LONGEST = 1 << 16
"""More than a path has, in bytes."""


def git_places(root: Path) -> tuple[Path, ...]:
    """Return the nearest ``.git`` from *root* upwards, what it leads to, and each ``.gitattributes`` on the way there.

    A linked worktree and a submodule have a file there that names a folder, which may name one that it shares.
    """
    top = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), None)
    if top is None:
        return ()
    found = [top / ".git"]
    attributes = [folder / ".gitattributes" for folder in root.parents if folder.is_relative_to(top)]
    named = _told(top / ".git")
    if named.startswith(_NAMES):
        found.append(top / named.removeprefix(_NAMES).strip())
    if shared := _told(found[-1] / "commondir"):
        found.append(found[-1] / shared)
    return (*found, *attributes)


def _told(path: Path) -> str:
    """Return what stands in the file at *path*; nothing where there is none."""
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            return os.fsdecode(file.read(_LONGEST)).strip()
    except OSError:
        return ""
