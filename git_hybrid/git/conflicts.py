"""What a merge left in conflict in the index: the versions of both sides, and the one that they began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.git.repository import around
from git_hybrid.git.run import Runner


def conflicts_in(runner: Runner, root: Path, places: Sequence[str]) -> dict[str, Mapping[int, bytes]]:
    """Return what git holds to be in conflict at *places* of the workspace at *root*, by path from there.

    Of each file there is the content by its stage in the index: 1 that of the base, 2 ours, 3 theirs.

    Raises:
        GitRefused: git does not answer.
    """
    repository, found = around(runner, root), dict[str, dict[int, bytes]]()
    if repository.top is None:
        return {}
    told = repository.ask(["git", "ls-files", "--unmerged", "-z", "--", *places], cwd=root)
    for item in told.decode("utf-8", "surrogateescape").split("\0")[:-1]:
        words, _, path = item.partition("\t")
        _, oid, stage = words.split(" ")
        found.setdefault(path, {})[int(stage)] = repository.ask(["git", "cat-file", "blob", oid])
    return dict(found)
