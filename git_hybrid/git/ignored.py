"""What git ignores of a workspace: the clones, as it should, and files that are to be committed, as it should not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from git_hybrid.git.repository import Repository
from git_hybrid.git.run import items


def ignored(repository: Repository, root: Path, paths: Collection[str]) -> frozenset[str]:
    """Return which of *paths*, from *root*, git would ignore if it had none of them; all where it does not answer."""
    if repository.top is None or not paths:
        return frozenset()
    # Of what is in the index already git says by itself that it is not ignored.
    argv = ["git", "check-ignore", "--no-index", "-z", "--stdin"]
    asked = "".join(f"{path}\0" for path in paths)
    done = repository.run(argv, cwd=root, stdin=asked.encode("utf-8", "surrogateescape"))
    return frozenset(paths if done.status > 1 else items(done.stdout)).intersection(paths)


def exposed(repository: Repository, root: Path, names: Collection[str]) -> tuple[str, ...]:
    """Return which of the clones *names* a ``git add`` of everything would stage."""
    if repository.top is None:
        return ()
    asked = [f"sources/{name}" for name in names]
    hidden = ignored(repository, root, asked)
    return tuple(path for path in asked if path not in hidden)
