"""What a merge left in conflict in the index: the versions of both sides, and the one that they began with."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitRefused
from git_hybrid.core.stages import BASE, FIRST, LEFT, OTHER, OURS
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner, items
from git_hybrid.git.staged import Staged

_MARKERS = re.compile(rb"^<{7,} ", re.MULTILINE)


def conflicts_in(runner: Runner, root: Path, places: Sequence[str]) -> dict[str, Mapping[int, bytes]]:
    """Return what git holds to be in conflict at *places* of the workspace at *root*, by path from there.

    Of each file there is the content by its stage in the index (:mod:`git_hybrid.core.stages`). Where git had to make
    the base of two, and these are in conflict, they stand at BASE and OTHER, and what both began with at FIRST.

    Raises:
        GitRefused: git does not answer.
    """
    repository, found = around(runner, root), dict[str, dict[int, bytes]]()
    if repository.top is None:
        return {}
    told = repository.ask(["git", "ls-files", "--unmerged", "-z", "--", *places], cwd=root)
    for item in items(told):
        words, _, path = item.partition("\t")
        _, oid, stage = words.split(" ")
        found.setdefault(path, {})[int(stage)] = repository.ask(["git", "cat-file", "blob", oid])
    for path in _without_markers(repository, root, found):
        if OURS in found[path]:
            found[path][LEFT] = found[path][OURS]
    made = [path for path, versions in found.items() if _MARKERS.search(versions.get(BASE, b""))]
    commits = _bases(repository) if made else {}
    for path in made:
        for number, commit in commits.items():
            if (text := _content(repository, root, commit, path)) is not None:
                found[path][number] = text
    return dict(found)


def kept_in(runner: Runner, root: Path, paths: Collection[str]) -> frozenset[str]:
    """Return those of *paths* whose conflict git has kept when they were added, and that have not changed since.

    Raises:
        GitRefused: git does not answer.
    """
    repository = around(runner, root)
    if repository.top is None or not paths:
        return frozenset()
    kept = repository.ask(["git", "ls-files", "--resolve-undo", "-z", "--", *paths], cwd=root)
    known = {item.partition("\t")[2] for item in items(kept)}.intersection(paths)
    # git would start the filter that it is told of to compare what is on the disk.
    return frozenset(known.difference(Staged(repository, root).unstaged(known)))


def _without_markers(repository: Repository, root: Path, paths: Collection[str]) -> list[str]:
    """Return those of *paths* in which git puts no markers, since attributes say that they are no text."""
    if not paths:
        return []
    told = repository.ask(["git", "check-attr", "-z", "merge", "--", *paths], cwd=root)
    words = told.decode("utf-8", "surrogateescape").split("\0")
    return [path for path, value in zip(words[::3], words[2::3], strict=False) if value in ("unset", "binary")]


def _bases(repository: Repository) -> dict[int, str]:
    """Return the two bases of a merge under way by the stage that they get, and the one base of these."""
    commits = _merge_bases(repository, "HEAD", "MERGE_HEAD")
    if len(commits) != 2:
        return {}
    first = _merge_bases(repository, *commits)
    return dict(zip((BASE, OTHER, FIRST), (*commits, *first) if len(first) == 1 else commits, strict=False))


def _merge_bases(repository: Repository, one: str, other: str) -> list[str]:
    try:
        return repository.ask(["git", "merge-base", "--all", one, other]).decode().split()
    except GitRefused:
        return []


def _content(repository: Repository, root: Path, commit: str, path: str) -> bytes | None:
    told = repository.ask(["git", "ls-tree", "-z", commit, "--", path], cwd=root)
    if not told:
        return None
    oid = told.partition(b"\t")[0].split(b" ")[2]
    return repository.ask(["git", "cat-file", "blob", oid.decode()])
