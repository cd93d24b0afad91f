"""Tell a clone that lacks something from a machine that does not let it be read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from git_hybrid.core.ids import Oid
from git_hybrid.git.complete import is_partial
from git_hybrid.git.libgit2 import FileMode, GitError, Repository, holds, links

_NUMBERS = (
    *(errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM),
)
_TROUBLE = tuple(os.strerror(number) for number in _NUMBERS)
# git knows it without having it: an entry that is only intended to be added names it.
_EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def trouble(words: str) -> str | None:
    """Return the words of the system in *words* that tell of trouble with the machine, not with a repository."""
    return next((text for text in _TROUBLE if text.lower() in words.lower()), None)


def lack(repository: Repository, git_dir: Path, head: Oid) -> str | None:
    """Return what is missing of the commit *head* itself, as far as that shows without reading objects."""
    commit = links(repository, head)
    if commit is None:
        return "its HEAD is no commit"
    tree, parents = commit
    if not holds(repository, tree):
        return "the files of the commit that HEAD names are missing"
    if not repository.is_shallow and not all(holds(repository, parent) for parent in parents):
        return "history of the commit that HEAD names is missing"
    # A partial clone may lack what is not checked out, by design.
    if is_partial(git_dir):
        return None
    _open_index(repository, git_dir)
    for entry in repository.index:
        if entry.mode != FileMode.COMMIT and str(entry.id) != _EMPTY_BLOB and not holds(repository, entry.id):
            return "objects of files that are checked out are missing"
    return None


def _open_index(repository: Repository, git_dir: Path) -> None:
    try:
        _ = repository.index
    except GitError:
        # libgit2 says "no longer exists" of a torn index and of one that the system did not let it open alike.
        (git_dir / "index").read_bytes()
