"""What a clone holds that exists nowhere else: commits, tags, stashes and notes of the user, and linked worktrees."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from git_hybrid.core.ids import Oid
from git_hybrid.core.pattern import pattern
from git_hybrid.git.clones import FETCHED, SAVED
from git_hybrid.git.plainfiles import bytes_at
from git_hybrid.git.quarantine import MOVED
from git_hybrid.git.run import Completed, Runner

_Git = Callable[..., Completed]
_FETCHED = ("refs/hybrid/", "refs/remotes/")
_MOVES = pattern(rf"({re.escape(MOVED)}|checkout: moving from \S+ to [0-9a-f]{{40,64}}\^\{{commit\}})")
_AT_ONCE = 200
_SHOWN = 10


def find_unsaved(runner: Runner, git_dir: Path, named: Oid | None = None) -> tuple[str, ...]:
    """Return what of the repository at *git_dir* exists nowhere else, in words that begin as git names it.

    These are refs, and HEAD, whose commits are in no history that was fetched; tags with a text that were not fetched;
    ``commit ID (reflog of REF, REF)``, which nothing else has; and ``worktree PATH``, since it works only where the
    repository is. A name for a commit that was fetched is not among them, and the commit *named* by what a submodule is
    in was.
    """
    # The working tree that a submodule's repository names may be gone: git fails where it is told of no other.
    git = partial(runner.git, git_dir=git_dir, work_tree=git_dir)
    listed = git(["for-each-ref", "--format=%(refname) %(objectname) %(objecttype)"]).stdout
    lines = [line.split(" ") for line in listed.decode("utf-8", "surrogateescape").split("\n")[:-1]]
    texts = {
        oid for ref, oid, kind in lines if kind == "tag" and ref.startswith(_FETCHED) and not ref.startswith(SAVED)
    }
    refs = [(ref, oid, kind) for ref, oid, kind in lines if not ref.startswith(_FETCHED)]
    linked = worktrees(git_dir)
    heads = ["HEAD", *(f"worktrees/{name}/HEAD" for name in linked)]
    left = [ref for ref, oid, kind in refs if kind == "tag" and oid not in texts]
    asked = [*(ref for ref, _, _ in refs if ref not in left), *heads]
    known = [named] if named is not None and git(["cat-file", "-e", f"{named}^{{commit}}"]).status == 0 else []
    if _is_unsaved(git, asked, known):
        left += [ref for ref in asked if _is_unsaved(git, [ref], known)]
    return (*left, *_only_in_reflogs(git), *(f"worktree {path}" for path in linked.values()))


def _is_unsaved(git: _Git, refs: Sequence[str], known: Sequence[Oid]) -> bool:
    """Tell whether one of *refs* has a commit that was not fetched, or none at all."""
    options = ["rev-list", "--max-count=1", "--stdin", "--not", *FETCHED, "--glob=refs/remotes/*", *known, "--"]
    asked = "".join(f"{ref}^{{commit}}\n" for ref in refs)
    done = git(options, stdin=asked.encode("utf-8", "surrogateescape"))
    return done.status != 0 or bool(done.stdout.strip())


def worktrees(git_dir: Path) -> dict[str, str]:
    """Return the paths of the worktrees that are linked to the repository (gitrepository-layout(5)), by git's name."""
    folder = git_dir / "worktrees"
    if not folder.is_dir():
        return {}
    return {name: _place(folder / name) for name in sorted(os.listdir(folder)) if (folder / name).is_dir()}


def _place(folder: Path) -> str:
    try:
        written = os.fsdecode(bytes_at(folder / "gitdir")).rstrip("\n")
    except OSError:
        return str(folder)
    return os.path.normpath(folder / written).removesuffix("/.git")


def _full(name: str) -> str:
    """Return *name*, as git tells it of HEAD or a branch, as a full ref."""
    return name if name == "HEAD" or name.startswith("refs/") else f"refs/heads/{name}"


def _only_in_reflogs(git: _Git) -> list[str]:
    """Return the commits that HEAD or a branch once stood at, and that no ref has, but for those of this tool."""
    logged = git(["log", "-g", "--format=%H %gD%x00%gs", "--branches", "HEAD", "--"]).stdout
    lines = [line.partition("\0") for line in logged.decode("utf-8", "surrogateescape").split("\n")[:-1]]
    logs: dict[str, dict[str, None]] = {}
    for entry, _, _ in lines:
        oid, _, place = entry.partition(" ")
        logs.setdefault(oid, {})[_full(place.partition("@{")[0])] = None
    ours = {entry.partition(" ")[0] for entry, _, words in lines if _MOVES.fullmatch(words)}
    others = [oid for oid in logs if oid not in ours]
    stashed = git(["log", "-g", "--format=%H", "refs/stash", "--"]).stdout.decode("ascii")
    known = [*sorted(ours), *stashed.split()]
    asked = "".join(f"{line}\n" for line in [*others, *(f"^{oid}" for oid in known)]).encode("ascii")
    options = ["rev-list", "--ignore-missing", "--stdin", "--not", "--all", "--"]
    done = git(options, stdin=asked)
    found = {*(done.stdout.decode("ascii").split() if done.status == 0 else others)}
    left = [oid for oid in others if oid in found]
    if 1 < len(left) <= _AT_ONCE:
        # Whoever keeps the last of a line of commits keeps all of it.
        last = git(["merge-base", "--independent", *left]).stdout.decode("ascii").split()
        left = [oid for oid in left if oid in last] or left
    return [f"commit {oid} (reflog of {', '.join(logs[oid])})" for oid in left[:_SHOWN]]


def holds_work(path: Path) -> bool:
    """Tell whether anything is in the clone at *path* but an empty ``.git``."""
    if any(entry.name != ".git" for entry in path.iterdir()):
        return True
    git_dir = path / ".git"
    if any((git_dir / name).exists() for name in ("packed-refs", "worktrees", "modules")):
        return True
    return any(item.is_file() for item in (git_dir / "refs").rglob("*"))
