"""The only import of pygit2. libgit2 reads and decides; it never talks to a server and never writes.

It reads no configuration but the repository's own: what a user's global file says must not change what is seen.
Repositories that it cannot open (SHA-256, reftable) are read through the git CLI instead.

The library is imported when it is needed first: that costs more than all the rest of a status where nothing changed.
"""

from __future__ import annotations

from _thread import allocate_lock
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_hybrid.core.errors import ToolTooOld
from git_hybrid.core.tree import TreeEntry
from git_hybrid.git.trees import TooManyTrees, entries_of, links_of

if TYPE_CHECKING:
    from pygit2 import GitError, Oid, Repository

__all__ = [
    "STAGED",
    "UNTRACKED",
    "GitError",
    "Repository",
    "damage",
    "descends",
    "entries_at",
    "fetched",
    "head_entries",
    "holds",
    "links",
    "open_repository",
    "opens",
    "released",
]

MINIMUM = (1, 9, 7)
_FOLDERS = 1_000_000
STAGED = 1 << 1
"""What a status says of a path that is the same on disk as in the index, and another one in HEAD."""
UNTRACKED = 1 << 7
"""The same of one that is on disk alone."""
_LAZY = ("GitError", "Repository")
_NO_CERTIFICATES = "/dev/null"
_importing = allocate_lock()


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(name)
    return getattr(_library(), name)


@cache
def _library() -> Any:
    """Import libgit2 and set it up for the process.

    Raises:
        ToolTooOld: it is older than 1.9.7, which has known holes (CVE-2026-53583 to 53587).
    """
    pygit2 = _imported()
    levels = pygit2.enums.ConfigLevel
    found = version()
    if tuple(int(part) for part in found.split(".")[:3]) < MINIMUM:
        raise ToolTooOld(tool="libgit2", found=found, needed=".".join(map(str, MINIMUM)))
    for level in (levels.PROGRAMDATA, levels.SYSTEM, levels.XDG, levels.GLOBAL):
        pygit2.settings.search_path[level] = ""
    pygit2.settings.enable_strict_hash_verification(True)
    return pygit2


def _imported() -> Any:
    """Import pygit2 without the certificates of all authorities, which it lets OpenSSL read when it is imported.

    No server is spoken to here. Reading them takes 10 ms and 2 MiB, and OpenSSL waits for a lock for ever that it has
    itself left locked, where it got no memory for one of them.
    """
    tls: Any = import_module("ssl")
    with _importing:
        paths = tls.get_default_verify_paths
        tls.get_default_verify_paths = lambda: paths()._replace(cafile=None, capath=_NO_CERTIFICATES)
        try:
            return import_module("pygit2")
        finally:
            tls.get_default_verify_paths = paths


def version() -> str:
    """Return the version of libgit2, such as ``1.9.7``."""
    return str(_imported().LIBGIT2_VERSION)


def open_repository(git_dir: Path) -> Repository | None:
    """Return the repository at *git_dir*, or None if libgit2 cannot read its format.

    One object serves one thread: call this in the thread that uses it.

    Raises:
        ToolTooOld: libgit2 is older than 1.9.7.
    """
    library = _library()
    try:
        found: Repository = library.Repository(str(git_dir), library.enums.RepositoryOpenFlag.NO_SEARCH)
    except (library.GitError, UnicodeDecodeError):
        return None
    return found


@contextmanager
def released(repository: Repository | None) -> Iterator[Repository | None]:
    """Yield *repository* and let go of it at the end of the block, with the packs that it has mapped.

    pygit2 ties it to helpers that point back at it: else it would live until Python next looks for such knots, and of
    many sources the packs of the last dozen stay in memory.
    """
    try:
        yield repository
    finally:
        if repository is not None:
            repository.free()
            vars(repository).clear()


def damage() -> type[Exception]:
    """Return what libgit2 raises where an object is there and cannot be read: its GitError."""
    found: type[Exception] = _library().GitError
    return found


def holds(repository: Repository, oid: Oid | str) -> bool:
    """Tell whether the object is there. Nothing of it is read: libgit2 refuses old commits that git takes."""
    return oid in repository.odb


def links(repository: Repository, oid: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the tree and the parents of a commit, from its bytes; None if it is missing, damaged, or no commit.

    libgit2 itself does not open a commit whose author has no e-mail, as some old ones have.
    """
    try:
        kind, data = repository.odb.read(oid)
    except (KeyError, ValueError, damage()):
        return None
    return links_of(data) if kind == _library().enums.ObjectType.COMMIT else None


def entries_at(repository: Repository, commit: str, *, most: int) -> Iterator[TreeEntry]:
    """Yield the entries of the tree of *commit* (:func:`git_hybrid.git.trees.entries_of`).

    Raises:
        KeyError, ValueError, GitError: an object is missing, or not what git writes.
        TooManyTrees: it has more folders than *most*.
    """
    found = links(repository, commit)
    if found is None:
        raise KeyError(commit)
    read, header = repository.odb.read, repository.odb.read_header
    yield from entries_of(found[0], read, lambda oid: int(header(oid)[1]), most=most)


def head_entries(repository: Repository) -> list[TreeEntry]:
    """Return the entries of the tree that HEAD names, without sizes; none where it cannot be read."""
    try:
        commit = links(repository, str(repository.head.target))
        if commit is None:
            return []
        return list(entries_of(commit[0], repository.odb.read, lambda _oid: 0, most=_FOLDERS))
    except (KeyError, ValueError, TooManyTrees, damage()):
        return []


def opens(repository: Repository, oid: str) -> bool:
    """Tell whether libgit2 can work with the commit *oid* at all."""
    try:
        repository.get(oid)
    except (ValueError, KeyError):
        return False
    return True


def descends(repository: Repository, new: str, old: str) -> bool | None:
    """Tell whether *old* is in the history of the commit *new*; None if libgit2 cannot read a commit on the way."""
    try:
        return old == new or (holds(repository, old) and repository.descendant_of(new, old))
    except (ValueError, damage()):
        return None


def fetched(repository: Repository, ref: str) -> tuple[str, str] | None:
    """Return what *ref* names and the commit behind it, through tags of tags; None if it names no commit.

    Raises:
        KeyError: an object on the way is missing.
        GitError: one is damaged.
    """
    try:
        first = current = str(repository.lookup_reference(ref).resolve().target)
    except (KeyError, ValueError, _library().GitError):
        return None
    kinds = _library().enums.ObjectType
    kind, data = repository.odb.read(current)
    while kind == kinds.TAG:
        current = data.split(b"\n", 1)[0].removeprefix(b"object ").decode("ascii", "replace")
        kind, data = repository.odb.read(current)
    return (first, current) if kind == kinds.COMMIT else None
