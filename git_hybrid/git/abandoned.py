"""Clones that git took up as links where a commit has no workspace: one was moved away, or is on another branch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from git_hybrid.core.files import LOCK, MANIFEST
from git_hybrid.git.repository import CLONE, Repository

ROOTS = (MANIFEST, LOCK)
"""The files of which a workspace has one."""
_SOURCES, _RUN, _OURS = "sources", ".lock", ".git/hybrid"


def abandoned(repository: Repository, here: Path) -> Mapping[str, tuple[str, ...]]:
    """Return what will be in the commit of clones that no workspace in it has, by their folder; paths from *here*.

    Where all that git has of the folder is of that kind, it is named as a whole. A link is one to a clone where a run's
    lock is committed beside it, or where our folder is in the repository that stands there: submodules have none.

    Raises:
        GitRefused: git does not answer.
    """
    known, found = repository.entries(), dict[str, list[str]]()
    for path, (mode, _) in known.items():
        folder = os.path.dirname(path)
        if mode != CLONE or os.path.basename(folder) != _SOURCES:
            continue
        if any(f"{folder.removesuffix(_SOURCES)}{name}" in known for name in ROOTS):
            continue
        if f"{folder}/{_RUN}" in known or os.path.lexists(f"{repository.top}/{path}/{_OURS}"):
            found.setdefault(folder, []).append(path)
    told: dict[str, tuple[str, ...]] = {}
    for folder, links in found.items():
        lock = f"{folder}/{_RUN}"
        strays = [*links, *((lock,) if lock in known else ())]
        is_all = len(strays) == sum(path.startswith(f"{folder}/") for path in known)
        told[_from(repository, here, folder)] = tuple(
            _from(repository, here, path) for path in ((folder,) if is_all else strays)
        )
    return told


def _from(repository: Repository, here: Path, path: str) -> str:
    return os.path.relpath(f"/{path}", f"/{repository.prefix(here)}")
