"""A folder whose repository has no working tree in it: those of a bare repository stand elsewhere, often below it."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.errors import NoWorkspace
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.words import as_typed, some, typed
from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner

_IS_BARE = ("git", "rev-parse", "--is-bare-repository")
_TREE = "worktree "


def refuse_bare(runner: Runner, start: Path) -> None:
    """Refuse to look for a workspace in *start*, or to begin one there, where git has no working tree.

    Raises:
        NoWorkspace: it names the working trees that there are; the hint leads to one, if may be with a workspace.
    """
    repository = around(runner, start)
    if repository.top is None or repository.run(_IS_BARE).stdout.strip() != b"true":
        return
    listed = repository.run(["git", "worktree", "list", "--porcelain"]).stdout.split(b"\n\n")
    trees = [Path(os.fsdecode(item.split(b"\n")[0]).removeprefix(_TREE)) for item in listed if not _is_bare(item)]
    trees = sorted((tree for tree in trees if tree.is_dir()), key=lambda tree: not (tree / MANIFEST).exists())
    below = f"{repository.top} is a bare repository, without a working tree of its own"
    hint, begin = "", "git worktree list"
    if trees:
        below += f"; it has {some([os.path.relpath(tree, start) for tree in trees])}"
        hint = typed("git", "hybrid", "-C", os.path.relpath(trees[0]), "status") + as_typed()
    raise NoWorkspace(path=str(start), below=below, hint=hint, begin=begin)


def _is_bare(item: bytes) -> bool:
    return not item.strip() or b"bare" in item.split(b"\n")[1:]
