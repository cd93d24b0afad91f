"""Where the repository is that a folder is in, found without git: the hooks need it before they import the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping


def top_of(folder: str, environ: Mapping[str, str]) -> str | None:
    """Return the top of the working tree that *folder*, a real path, is in; None where it is in no repository.

    GIT_DIR and GIT_WORK_TREE count where the folder is in the tree that they name. Nothing is looked at above the
    nearest ``.git``, nor on another file system, where git does not look either.
    """
    if (tree := _named(environ)) is not None and _is_in(folder, tree):
        return tree
    device = _device(folder)
    while not os.path.lexists(f"{folder}/.git"):
        outer = os.path.dirname(folder)
        if outer == folder or _device(outer) != device:
            return None
        folder = outer
    return folder


def git_dir(top: str, environ: Mapping[str, str]) -> str:
    """Return where git keeps what is of the working tree at *top* alone: its HEAD, and what it is in the middle of."""
    if _named(environ) == top:
        return os.path.realpath(environ["GIT_DIR"])
    path = f"{top}/.git"
    try:
        named = _line(path)
    except OSError:
        return path
    return os.path.join(top, named.removeprefix("gitdir: "))


def common_dir(top: str, environ: Mapping[str, str]) -> str:
    """Return where git keeps what all working trees of the repository at *top* share, its settings among them."""
    folder = git_dir(top, environ)
    try:
        return os.path.join(folder, _line(f"{folder}/commondir"))
    except OSError:
        return folder


def of_commit(environ: Mapping[str, str], top: str) -> dict[str, str]:
    """Return the variables that say which repository a commit is made in at *top*, and from which index.

    The index in use is another with ``git commit -a``. What git says relative to where it starts a hook is made
    absolute, since a child may begin in a folder below.
    """
    found: dict[str, str] = {}
    tree = _named(environ)
    if tree == top:
        found = {"GIT_DIR": os.path.realpath(environ["GIT_DIR"]), "GIT_WORK_TREE": top}
    if (index := environ.get("GIT_INDEX_FILE")) and (tree == top or top_of(os.path.realpath(os.curdir), {}) == top):
        found["GIT_INDEX_FILE"] = os.path.join(top, index)
    return found


def _line(path: str) -> str:
    from git_hybrid.git.plainfiles import bytes_at

    # Blanks at its end belong to the path, as to git, which reads no further than a NUL.
    return os.fsdecode(bytes_at(path).rstrip(b"\r\n").partition(b"\0")[0])


def _named(environ: Mapping[str, str]) -> str | None:
    """Return the working tree that the variables name: without GIT_WORK_TREE it is where git was started."""
    return os.path.realpath(environ.get("GIT_WORK_TREE") or os.curdir) if environ.get("GIT_DIR") else None


def _is_in(folder: str, tree: str) -> bool:
    return folder == tree or folder.startswith(tree.rstrip("/") + "/")


def _device(folder: str) -> int:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return 0
