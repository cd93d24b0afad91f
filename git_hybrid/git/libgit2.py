"""The only import of pygit2. libgit2 reads and decides; it never talks to a server and never writes.

It reads no configuration but the repository's own: what a user's global file says must not change what is seen.
Repositories that it cannot open (SHA-256, reftable) are read through the git CLI instead.

The library is imported when it is needed first: that costs more than all the rest of a status where nothing changed.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_hybrid.core.errors import ToolTooOld

if TYPE_CHECKING:
    from pygit2 import Commit, GitError, Repository
    from pygit2.enums import FileMode

__all__ = ["Commit", "FileMode", "GitError", "Repository", "open_repository"]

MINIMUM = (1, 9, 7)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    library = _library()
    return library.enums.FileMode if name == "FileMode" else getattr(library, name)


@cache
def _library() -> Any:
    """Import libgit2 and set it up for the process.

    Raises:
        ToolTooOld: it is older than 1.9.7, which has known holes (CVE-2026-53583 to 53587).
    """
    pygit2 = import_module("pygit2")
    levels = pygit2.enums.ConfigLevel
    found = version()
    if tuple(int(part) for part in found.split(".")[:3]) < MINIMUM:
        raise ToolTooOld(tool="libgit2", found=found, needed=".".join(map(str, MINIMUM)))
    for level in (levels.PROGRAMDATA, levels.SYSTEM, levels.XDG, levels.GLOBAL):
        pygit2.settings.search_path[level] = ""
    pygit2.settings.enable_strict_hash_verification(True)
    return pygit2


def version() -> str:
    """Return the version of libgit2, such as ``1.9.7``."""
    return str(import_module("pygit2").LIBGIT2_VERSION)


def open_repository(git_dir: Path) -> Repository | None:
    """Return the repository at *git_dir*, or None if libgit2 cannot read its format.

    One object serves one thread: call this in the thread that uses it.

    Raises:
        ToolTooOld: libgit2 is older than 1.9.7.
    """
    library = _library()
    try:
        found: Repository = library.Repository(str(git_dir), library.enums.RepositoryOpenFlag.NO_SEARCH)
    except library.GitError:
        return None
    return found
