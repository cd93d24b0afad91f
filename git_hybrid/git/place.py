"""Where the repository is that a folder is in, found without git: the hooks need it before they import the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping


def top_of(folder: str, environ: Mapping[str, str]) -> str | None:
    """Return the top of the working tree that *folder*, a real path, is in; None where it is in no repository.

    GIT_DIR and GIT_WORK_TREE count where the folder is in the tree that they name, and no ``.git`` is nearer to it.
    """
    tree, nearest = _named(environ), _nearest(folder)
    if tree is None or not _is_in(folder, tree):
        return nearest
    return tree if nearest is None or _is_in(tree, nearest) else nearest


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
    if is_named := _named(environ) == top:
        found = {"GIT_DIR": os.path.realpath(environ["GIT_DIR"]), "GIT_WORK_TREE": top}
    if index := environ.get("GIT_INDEX_FILE"):
        index = os.path.join(top, index)
        # It is of the repository that GIT_DIR names.
        if is_named or (not environ.get("GIT_DIR") and _is_index_of(top, index)):
            found["GIT_INDEX_FILE"] = index
    return found


def _is_index_of(top: str, index: str) -> bool:
    """Tell whether the file at *index* is one of the working tree at *top*, or of no other; hooks hand on their own."""
    folder = os.path.realpath(os.path.dirname(index))
    if folder == os.path.realpath(git_dir(top, {})):
        return True
    is_here = os.path.isdir(folder) and _nearest(os.path.realpath(os.curdir)) == top
    return is_here and not os.path.lexists(f"{folder}/HEAD")


def _line(path: str) -> str:
    from git_hybrid.git.plainfiles import bytes_at

    # Blanks at its end belong to the path, as to git, which reads no further than a NUL.
    return os.fsdecode(bytes_at(path).rstrip(b"\r\n").partition(b"\0")[0])


def _named(environ: Mapping[str, str]) -> str | None:
    """Return the working tree of the repository that GIT_DIR names; None where another repository is meant.

    It is GIT_WORK_TREE or, to git, where it was started. A hook hands on what git told it, and may go anywhere: unless
    GIT_WORK_TREE is absolute, a ``.git`` in that folder counts more, and one above it where that cannot be the tree.
    """
    if not (told := environ.get("GIT_DIR")):
        return None
    tree, path = environ.get("GIT_WORK_TREE", ""), os.path.realpath(told)
    folder = os.path.realpath(tree or os.curdir)
    if os.path.isabs(tree) or (nearest := _nearest(folder)) is None:
        return folder
    if os.path.realpath(git_dir(nearest, {})) == path:
        return nearest
    is_elsewhere = not os.path.lexists(f"{path}/HEAD") or (not tree and _has_tree(path))
    return None if nearest == folder or is_elsewhere else folder


def _has_tree(path: str) -> bool:
    """Tell whether the repository at *path* is that of a tree with a ``.git``: a submodule, or a linked worktree."""
    return "/.git/" in f"{path}/" or os.path.lexists(f"{path}/gitdir")


def _nearest(folder: str) -> str | None:
    """Return where the nearest ``.git`` stands; on another file system git does not look either."""
    device = _device(folder)
    while not os.path.lexists(f"{folder}/.git"):
        outer = os.path.dirname(folder)
        if outer == folder or _device(outer) != device:
            return None
        folder = outer
    return folder


def _is_in(folder: str, tree: str) -> bool:
    return folder == tree or folder.startswith(tree.rstrip("/") + "/")


def _device(folder: str) -> int:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return 0
