"""What keeps a folder from being removed, as far as rights tell."""

from __future__ import annotations

import os
import pwd
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo


def find_obstacle(path: Path) -> Path | None:
    """Return what keeps the folder at *path* from being removed by us, as far as rights tell; None if nothing does."""
    left = [os.fspath(path)]
    while left:
        folder = left.pop()
        try:
            with os.scandir(folder) as found:
                entries = [(entry.path, entry.is_dir(follow_symlinks=False)) for entry in found]
        except OSError:
            continue
        if entries and not os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
        folders = [inner for inner, is_folder in entries if is_folder]
        if (closed := next((inner for inner in folders if not os.access(inner, os.R_OK)), None)) is not None:
            return Path(closed)
        left += folders
    return None


def refusal(path: Path, error: OSError) -> LocalIo:
    """Return what tells of *error*, with which the folder at *path* could not be removed, and what is in the way."""
    where = find_obstacle(path) or path
    return LocalIo(path=str(where), operation="remove", reason=reason(error, where))


def reason(error: OSError, where: Path) -> str:
    """Return why *where* could not be removed, and whose it is if it is another user's."""
    words = error.strerror or str(error)
    try:
        owner = where.lstat().st_uid
    except OSError:
        return words
    if owner == os.geteuid():
        return words
    with suppress(KeyError):
        return f"{words} (it belongs to {pwd.getpwuid(owner).pw_name})"
    return f"{words} (it belongs to user {owner})"
