"""Tell a clone that lacks something from a machine that does not let it be read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from git_hybrid.core.ids import Oid
from git_hybrid.core.tree import GITLINK
from git_hybrid.git.complete import is_partial
from git_hybrid.git.index import IndexEntry
from git_hybrid.git.libgit2 import Repository, holds, links
from git_hybrid.git.plainfiles import expects_more
from git_hybrid.git.repository import EMPTY_BLOBS
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import links_of

_NUMBERS = (
    *(errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ESTALE),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EPERM),
)
_TROUBLE = tuple(os.strerror(number) for number in _NUMBERS)
_NO_COMMIT = "its HEAD is no commit"
_NO_TREE = "the files of the commit that HEAD names are missing"
_NO_HISTORY = "history of the commit that HEAD names is missing"
_NO_FILES = "objects of files that are checked out are missing"


def trouble(words: str) -> str | None:
    """Return the words of the system in *words* that tell of trouble with the machine, not with a repository."""
    return next((text for text in _TROUBLE if text.lower() in words.lower()), None)


def lack(repository: Repository, git_dir: Path, head: Oid, index: Iterable[IndexEntry]) -> str | None:
    """Return what is missing of the commit *head* itself and of *index*, as far as shows without reading objects."""
    commit = links(repository, head)
    if commit is None:
        return _NO_COMMIT
    tree, parents = commit
    if not holds(repository, tree):
        return _NO_TREE
    if not repository.is_shallow and not all(holds(repository, parent) for parent in parents):
        return _NO_HISTORY
    # A partial clone may lack what is not checked out, by design.
    if is_partial(git_dir):
        return None
    # git knows an empty file without having it: an entry that is only intended to be added names it.
    is_whole = all(oid in EMPTY_BLOBS or holds(repository, oid) for oid in _staged(index))
    return None if is_whole else _NO_FILES


def lack_by_git(runner: Runner, git_dir: Path, head: Oid, index: Iterable[IndexEntry]) -> str | None:
    """Return the same of a clone that libgit2 cannot read."""
    commit = links_of(runner.git(["cat-file", "commit", head], git_dir=git_dir).stdout)
    if commit is None:
        return _NO_COMMIT
    tree, parents = commit
    known = [] if (git_dir / "shallow").exists() else parents
    by_design = is_partial(git_dir) or expects_more(git_dir)
    listed = () if by_design else _staged(index)
    asked = "".join(f"{oid}\n" for oid in (tree, *known, *listed)).encode("ascii")
    told = runner.git(["cat-file", "--batch-check"], git_dir=git_dir, stdin=asked).stdout.decode("ascii", "replace")
    missing = {line.removesuffix(" missing") for line in told.split("\n") if line.endswith(" missing")}
    if tree in missing:
        return _NO_TREE
    if not missing.isdisjoint(known):
        return _NO_HISTORY
    if not by_design:
        # What the index holds of folders keeps git from reading their trees.
        walk = ["rev-list", "--objects", "--no-walk", "--missing=print", "--end-of-options", head]
        done = runner.git(walk, git_dir=git_dir)
        missing |= {line[1:] for line in done.stdout.decode("ascii", "replace").split("\n") if line.startswith("?")}
        if done.status != 0:
            return _NO_TREE
    return _NO_FILES if missing.difference(EMPTY_BLOBS) else None


def _staged(index: Iterable[IndexEntry]) -> list[str]:
    return [entry.oid for entry in index if entry.mode != GITLINK]
