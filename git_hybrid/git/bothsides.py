"""What both sides of a merge have, under way or made, of files that git merged line by line without a conflict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.core.stages import BASE, LEFT, OURS, THEIRS
from git_hybrid.core.value import Struct, field
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner

_MERGED, _PICKED = "MERGE_HEAD", "CHERRY_PICK_HEAD"


class Sides(Struct, frozen=True):
    """The versions of files by path; ``theirs`` is the name that git has for the other side.

    ``is_made``: the merge is committed; ``later`` are the files that have changed since.
    """

    theirs: str = ""
    is_made: bool = False
    files: Mapping[str, Mapping[int, bytes]] = field(default_factory=dict)
    later: frozenset[str] = frozenset()


def both_sides(runner: Runner, root: Path, paths: Sequence[str]) -> Sides:
    """Return what the sides of the merge under way, or else of the last one in HEAD's history, have of *paths*.

    A file has its content at 1 as it was where they began, at 2 ours, at 3 theirs, and at 0 as it is in the index.
    Branches that had met more than once begin with the first of these places that git tells.

    Raises:
        GitRefused: git does not answer.
    """
    repository = around(runner, root)
    if repository.top is None:
        return Sides()
    ours, theirs, base = _commits(repository)
    if not base:
        return Sides()
    prefix = repository.prefix(root)
    made = theirs not in (_MERGED, _PICKED)
    sides = ("", base, ours, theirs, theirs.removesuffix("^2") if made else "")
    told = repository.blobs(f"{side}:{prefix}{path}" for path in paths for side in sides)
    found: dict[str, Mapping[int, bytes]] = {}
    later = set[str]()
    for at, path in enumerate(paths):
        *blobs, merged = told[5 * at : 5 * at + 5]
        stages = zip((LEFT, BASE, OURS, THEIRS), blobs, strict=True)
        found[path] = {stage: blob for stage, blob in stages if blob is not None}
        if blobs[0] != merged:
            later.add(path)
    files = {path: versions for path, versions in found.items() if LEFT in versions}
    return Sides(theirs, made, files, frozenset(later))


def _commits(repository: Repository) -> tuple[str, str, str]:
    """Return ours, theirs and where they began; the last is empty where nothing was merged."""
    if _told(repository, "rev-parse", "-q", "--verify", _MERGED):
        return "HEAD", _MERGED, _told(repository, "merge-base", "HEAD", _MERGED)
    if _told(repository, "rev-parse", "-q", "--verify", _PICKED):
        return "HEAD", _PICKED, _told(repository, "rev-parse", "-q", "--verify", f"{_PICKED}^")
    merge = _told(repository, "rev-list", "-1", "--min-parents=2", "HEAD")[:12]
    ours, theirs = f"{merge}^1", f"{merge}^2"
    return ours, theirs, _told(repository, "merge-base", ours, theirs) if merge else ""


def _told(repository: Repository, *words: str) -> str:
    done = repository.run(["git", *words])
    return done.stdout.decode().strip() if done.status == 0 else ""
