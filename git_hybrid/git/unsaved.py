"""What a clone holds that exists nowhere else: commits, tags, stashes and notes of the user, and linked worktrees."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from git_hybrid.core.errors import reported
from git_hybrid.core.ids import Oid
from git_hybrid.core.pattern import pattern
from git_hybrid.git.classify import last_words
from git_hybrid.git.clones import FETCHED, SAVED
from git_hybrid.git.plainfiles import bytes_at
from git_hybrid.git.quarantine import MOVED
from git_hybrid.git.run import Completed, Runner
from git_hybrid.git.standing import is_there, walked

_Git = Callable[..., Completed]
_FETCHED = ("refs/hybrid/", "refs/remotes/")
MOVES = pattern(rf"({re.escape(MOVED)}|checkout: moving from \S+ to [0-9a-f]{{40,64}}\^\{{commit\}})")
"""What the reflog says of the moves of this tool."""
_AT_ONCE = 200
_SHOWN = 10
UNREAD = "what git cannot read"
"""How words begin of what may hold work: git does not say."""


class _Unread(Exception):
    """git did not answer, with its words: that says neither that there is work nor that there is none."""


def find_unsaved(runner: Runner, git_dir: Path, named: Oid | None = None) -> tuple[str, ...]:
    """Return what of the repository at *git_dir* exists nowhere else, in words that begin as git names it.

    These are refs, and HEAD, whose commits are in no history that was fetched; tags with a text that were not fetched;
    ``commit ID (reflog of REF, REF)``, which nothing else has; and ``worktree PATH``, since it works only where the
    repository is. A name for a commit that was fetched is not among them, and the commit *named* by what a submodule is
    in was. What :data:`UNREAD` begins may be anything.

    Raises:
        LocalIo, GitFailed: the machine refused to look.
    """
    # The working tree that a submodule's repository names may be gone: git fails where it is told of no other.
    git = partial(runner.git, git_dir=git_dir, work_tree=git_dir)
    # Before git is asked: what is packed meanwhile is listed by it all the same.
    loose, linked = list(loose_refs(git_dir)), worktrees(git_dir)
    found: list[str] = []
    try:
        listed = dict(line.split(" ") for line in _lines(git, ["for-each-ref", "--format=%(refname) %(objectname)"]))
        found += _in_refs(git, listed, linked, named)
        _refuse_unlisted(loose, listed)
        found += _only_in_reflogs(git, git_dir, listed)
    except _Unread as unread:
        found.append(f"{UNREAD}: {unread}")
    return (*found, *(f"worktree {path}" for path in linked.values()))


def _refuse_unlisted(loose: Iterable[str], listed: Container[str]) -> None:
    # git leaves out, with 0, a ref that it cannot open, and all of a folder that it cannot list.
    if unlisted := [ref for ref in loose if ref not in listed and not ref.startswith(_FETCHED)]:
        raise _Unread(", ".join(unlisted[:_SHOWN]))


def _in_refs(git: _Git, listed: Mapping[str, str], linked: Iterable[str], named: Oid | None) -> list[str]:
    """Return which of the *listed* refs, HEAD, and the HEAD of each *linked* worktree have what was not fetched."""
    # To list the refs with their kinds stops at an object that is damaged.
    asked = "".join(f"{oid}\n" for oid in listed.values()).encode("ascii")
    kinds = _lines(git, ["cat-file", "--batch-check=%(objectname) %(objecttype)"], stdin=asked)
    tags = {oid for oid, _, kind in (line.partition(" ") for line in kinds) if kind == "tag"}
    texts = {oid for ref, oid in listed.items() if ref.startswith(_FETCHED) and not ref.startswith(SAVED)}
    refs = {ref: oid for ref, oid in listed.items() if not ref.startswith(_FETCHED)}
    left = [ref for ref, oid in refs.items() if oid in tags and oid not in texts]
    asking = [*(ref for ref in refs if ref not in left), "HEAD", *(f"worktrees/{name}/HEAD" for name in linked)]
    known = [named] if named is not None and git(["cat-file", "-e", f"{named}^{{commit}}"]).status == 0 else []
    if _is_unsaved(git, asking, known):
        left += _unsaved(git, asking, known)
    return left


def loose_refs(git_dir: Path, below: str = "refs") -> Iterator[str]:
    """Yield the names of the files *below* a folder of the repository that git would take for refs, or their logs.

    Raises:
        LocalIo: the machine refused to look.
    """
    # There refs are no files, and this one only looks like one.
    if is_there(git_dir / "reftable"):
        return
    for folder, folders, names in walked(git_dir / below):
        folders[:] = [name for name in folders if not name.startswith(".")]
        place = os.path.relpath(folder, git_dir)
        yield from (f"{place}/{name}" for name in names if not name.startswith(".") and not name.endswith(".lock"))


def holds_saved(runner: Runner, git_dir: Path) -> bool:
    """Tell whether work was saved in the repository at *git_dir*, or may have been: git may not be able to say.

    Raises:
        LocalIo, GitFailed: the machine refused to look.
    """
    loose = any(ref.startswith(SAVED) for ref in loose_refs(git_dir))
    # Not with more of it than the name: that takes the object, which may be damaged.
    done = runner.git(["for-each-ref", "--count=1", "--format=%(refname)", SAVED], git_dir=git_dir)
    return loose or done.status != 0 or bool(done.stdout)


def _lines(git: _Git, arguments: Sequence[str], stdin: bytes | None = None) -> list[str]:
    done = git(arguments, stdin=stdin)
    if done.status != 0:
        raise _Unread(last_words(done.stderr).rpartition(" / ")[2])
    return done.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]


def _unsaved(git: _Git, refs: Sequence[str], known: Sequence[Oid]) -> list[str]:
    """Return those of *refs* that have a commit that was not fetched, or none at all; not by a process for each."""
    try:
        told = _lines(git, ["cat-file", "--batch-check=%(objectname)"], stdin=_commits(refs))
        tips = [None if line.endswith(" missing") else line for line in told]
        given = "".join(f"{tip}\n" for tip in tips if tip is not None).encode("ascii")
        found = {None, *_lines(git, _not_fetched(known), stdin=given)}
        return [ref for ref, tip in zip(refs, tips, strict=True) if tip in found]
    except (_Unread, ValueError):
        # What is damaged keeps git from telling of the others.
        return [ref for ref in refs if _is_unsaved(git, [ref], known)]


def _is_unsaved(git: _Git, refs: Sequence[str], known: Sequence[Oid]) -> bool:
    """Tell whether one of *refs* has a commit that was not fetched, or none at all."""
    done = git(_not_fetched(known, "--max-count=1"), stdin=_commits(refs))
    return done.status != 0 or bool(done.stdout.strip())


def _not_fetched(known: Sequence[Oid], *options: str) -> list[str]:
    return ["rev-list", *options, "--stdin", "--not", *FETCHED, "--glob=refs/remotes/*", *known, "--"]


def _commits(refs: Sequence[str]) -> bytes:
    return "".join(f"{ref}^{{commit}}\n" for ref in refs).encode("utf-8", "surrogateescape")


def worktrees(git_dir: Path) -> dict[str, str]:
    """Return the paths of the worktrees that are linked to the repository (gitrepository-layout(5)), by git's name."""
    folder = git_dir / "worktrees"
    inner = next(walked(folder), ("", [], []))[1]
    return {name: _place(folder / name) for name in sorted(inner)}


def _place(folder: Path) -> str:
    try:
        written = os.fsdecode(bytes_at(folder / "gitdir")).rstrip("\n")
    except OSError:
        return str(folder)
    return os.path.normpath(folder / written).removesuffix("/.git")


def _full(name: str) -> str:
    """Return *name*, as git tells it of HEAD or a branch, as a full ref."""
    return name if name == "HEAD" or name.startswith("refs/") else f"refs/heads/{name}"


def _only_in_reflogs(git: _Git, git_dir: Path, listed: Container[str]) -> list[str]:
    """Return the commits that HEAD or a branch once stood at, and that no ref has, but for those of this tool."""
    logged = _lines(git, ["log", "-g", "--format=%H %gD%x00%gs", "--branches", "HEAD", "--"])
    lines = [line.partition("\0") for line in logged]
    logs: dict[str, dict[str, None]] = {}
    for entry, _, _ in lines:
        oid, _, place = entry.partition(" ")
        logs.setdefault(oid, {})[_full(place.partition("@{")[0])] = None
    told = {ref for refs in logs.values() for ref in refs}
    for log in ("logs/HEAD", *loose_refs(git_dir, "logs/refs/heads")):
        ref = log.removeprefix("logs/")
        # One that git cannot open it leaves out, with 0.
        if ref not in told and (ref == "HEAD" or ref in listed) and _has_entries(git_dir / log):
            raise _Unread(f"the reflog of {ref}")
    ours = {entry.partition(" ")[0] for entry, _, words in lines if MOVES.fullmatch(words)}
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


def _has_entries(log: Path) -> bool:
    with reported(log, "read"):
        return is_there(log) and log.stat().st_size > 0


def holds_work(path: Path) -> bool:
    """Tell whether anything is in the clone at *path* but an empty ``.git``."""
    if any(entry.name != ".git" for entry in path.iterdir()):
        return True
    git_dir = path / ".git"
    if any(is_there(git_dir / name) for name in ("packed-refs", "reftable", "worktrees", "modules")):
        return True
    return any(True for _ in loose_refs(git_dir))
