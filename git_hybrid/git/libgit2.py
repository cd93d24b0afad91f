"""The only import of pygit2. libgit2 reads and decides; it never talks to a server and never writes.

It reads no configuration but the repository's own: what a user's global file says must not change what is seen.
Repositories that it cannot open (SHA-256, reftable) are read through the git CLI instead.
"""

from __future__ import annotations

from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel

from git_hybrid.core.errors import ToolTooOld

MINIMUM = (1, 9, 7)
_LEVELS = (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL)

Commit = pygit2.Commit
FileMode = pygit2.enums.FileMode
GitError = pygit2.GitError
Repository = pygit2.Repository


def prepare() -> None:
    """Set libgit2 up for the process.

    Raises:
        ToolTooOld: it is older than 1.9.7, which has known holes (CVE-2026-53583 to 53587).
    """
    found = pygit2.LIBGIT2_VERSION
    if tuple(int(part) for part in found.split(".")[:3]) < MINIMUM:
        raise ToolTooOld(tool="libgit2", found=found, needed=".".join(map(str, MINIMUM)))
    for level in _LEVELS:
        pygit2.settings.search_path[level] = ""
    pygit2.settings.enable_strict_hash_verification(True)


def open_repository(git_dir: Path) -> Repository | None:
    """Return the repository at *git_dir*, or None if libgit2 cannot read its format.

    One object serves one thread: call this in the thread that uses it.
    """
    try:
        return pygit2.Repository(str(git_dir), pygit2.enums.RepositoryOpenFlag.NO_SEARCH)
    except GitError:
        return None
