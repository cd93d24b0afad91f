"""Repositories inside the ``.git`` of a clone: there git keeps those of the submodules that somebody checked out by it.

They stay when a submodule is taken out (``git submodule deinit``), with all that was committed and stashed in it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from git_hybrid.core.errors import GitFailed
from git_hybrid.core.ids import Oid
from git_hybrid.git.clones import GitClones
from git_hybrid.git.standing import walked

# What is in these folders of a repository is no repository, and may be much.
_PARTS = frozenset({"hooks", "info", "lfs", "logs", "objects", "refs"})


def work_in_modules(clones: GitClones, path: Path) -> Iterator[str]:
    """Yield what the repositories inside the ``.git`` of the clone at *path* hold that exists nowhere else.

    Each begins with ``in PATH:``, which is where it is checked out, else where the repository is.

    Raises:
        LocalIo: the machine refused to look.
    """
    from git_hybrid.git.changes import dirty_by_cli
    from git_hybrid.git.glance import OPERATIONS
    from git_hybrid.git.unsaved import UNREAD, find_unsaved

    modules = _repositories(path / ".git")
    trees = {module: tree for module in modules if (tree := _tree_of(clones, module, path)) is not None}
    for module in modules:
        tree = trees.get(module)
        where = os.path.relpath(tree or module, path)
        named = None
        try:
            if tree is not None and (
                dirty_by_cli(clones.runner, tree, [os.fsencode(link) for link, _ in clones.gitlinks(tree)])
                or any((module / mark).exists() for mark in OPERATIONS)
            ):
                yield f"in {where}: changed files"
            named = None if tree is None else _named(clones, tree, {path, *trees.values()})
        except (GitFailed, OSError) as error:
            yield f"in {where}: {UNREAD}: {error.stderr if isinstance(error, GitFailed) else error}"
        yield from (f"in {where}: {what}" for what in find_unsaved(clones.runner, module, named))


def _repositories(git_dir: Path) -> list[Path]:
    """Return the repositories below *git_dir*, also those of submodules in submodules and in linked worktrees."""
    found = set()
    for folder, inner, files in walked(git_dir):
        # Also one that lost its HEAD, or its refs to packed ones.
        if "objects" in inner and ("HEAD" in files or "refs" in inner):
            inner[:] = [name for name in inner if name not in _PARTS]
            found.add(Path(folder))
    return sorted(found - {git_dir})


def _tree_of(clones: GitClones, module: Path, path: Path) -> Path | None:
    """Return the folder below *path* in which the repository *module* is checked out; None if it is in none."""
    # The folder that is told may be gone: git fails without another one.
    told = clones.runner.git(["config", "core.worktree"], git_dir=module, work_tree=module).stdout
    tree = Path(os.path.normpath(module / os.fsdecode(told).rstrip("\n")))
    link = tree / ".git"
    if not told or not tree.is_relative_to(path) or not link.is_file():
        return None
    leads = os.path.join(tree, os.fsdecode(link.read_bytes()).removeprefix("gitdir: ").rstrip("\n"))
    return tree if os.path.realpath(leads) == os.path.realpath(module) else None


def _named(clones: GitClones, tree: Path, trees: set[Path]) -> Oid | None:
    """Return the commit that the repository around the submodule at *tree* names for it."""
    around = next(folder for folder in tree.parents if folder in trees)
    named: Mapping[str, Oid] = dict(clones.gitlinks(around))
    return named.get(str(tree.relative_to(around)))
