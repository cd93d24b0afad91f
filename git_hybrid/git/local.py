"""Local git commands that must not fail, and what it means when they do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitFailed, HybridError, InTheWay, LocalIo
from git_hybrid.core.ids import SourceName
from git_hybrid.core.machine import HELD, disk_trouble, held_lock, refusal
from git_hybrid.core.pattern import pattern
from git_hybrid.core.planner import source_path
from git_hybrid.git.classify import last_words
from git_hybrid.git.ended import refused_at
from git_hybrid.git.run import Completed, Runner

_RIGHTS = ("Permission denied", "Operation not permitted")
# What these are not let do is in the working tree; elsewhere it may be a program that cannot be started.
_AT_FILES = ("add", "checkout", "clean", "reset")
# Of a file, and of a folder in whose place a file is to be.
_KEPT = ("would be overwritten", "would lose untracked files")
_IN_THE_WAY = pattern(r"^\t(?P<path>.+)$", re.MULTILINE)
_LEFT = pattern(r"^error:\sunable\sto\s", re.MULTILINE)


def must(
    runner: Runner,
    name: SourceName,
    git_dir: Path,
    arguments: Sequence[str],
    *,
    work_tree: Path | None = None,
    stdin: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> Completed:
    """Run git in the repository at *git_dir* and return what came of it.

    Raises:
        LocalIo: the disk is full or refuses, or another git holds a lock.
        GitFailed: git ended with another status than 0.
    """
    done = runner.git(arguments, git_dir=git_dir, work_tree=work_tree, stdin=stdin, environment=environment)
    if done.status != 0:
        raise failure(name, arguments[0], done)
    return done


def failure(name: SourceName, command: str, done: Completed) -> HybridError:
    """Return the error that a failed local git command stands for."""
    words = last_words(done.stderr)
    if (refused := _refused(name, command, done)) is not None:
        return refused
    out = done.stdout.decode("utf-8", "replace")[:500]
    return GitFailed(command=f"git {command}", status=done.status, stderr=words, stdout=out, name=name)


def in_the_way(name: SourceName, done: Completed) -> InTheWay | None:
    """Return what the checkout *done* would not overwrite; None if nothing stood in its way."""
    files = files_in_the_way(done)
    return None if files is None else InTheWay(name=name, path=source_path(name), files=files[:10])


def files_in_the_way(done: Completed) -> tuple[str, ...] | None:
    """Return the files and folders that the checkout *done* would not overwrite; None if that is not why it failed."""
    if done.status == 0 or not any(words in done.stderr for words in _KEPT):
        return None
    return tuple(match["path"] for match in _IN_THE_WAY.finditer(done.stderr))


def require_complete(name: SourceName, done: Completed) -> None:
    """Raise unless the checkout *done* is complete: git ends with 0 also without a file that it may not replace.

    Raises:
        LocalIo: the disk is full or refuses.
        GitFailed: git ended with another status than 0.
    """
    if done.status != 0:
        raise failure(name, "checkout", done)
    if _LEFT.search(done.stderr) and (refused := _refused(name, "checkout", done)) is not None:
        raise refused


def _refused(name: SourceName, command: str, done: Completed) -> LocalIo | None:
    trouble = (
        disk_trouble(done.stderr)
        or refusal(done.stderr)
        or next((text for text in _RIGHTS if command in _AT_FILES and text in done.stderr), None)
    )
    lock = held_lock(done.stderr) if trouble is None else None
    if trouble is None and lock is None:
        return None
    path = lock or refused_at(done.stderr, trouble or "")
    at = path if path.startswith("/") else f"{source_path(name)}/{path}".rstrip("/")
    return LocalIo(path=at, operation=f"run git {command} at", reason=trouble or HELD)
