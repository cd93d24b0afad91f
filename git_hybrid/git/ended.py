"""A child that did not begin, was ended by force, or had no memory: it says neither yes nor no to what it was asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import GitFailed, LocalIo, ToolTooOld
from git_hybrid.core.machine import was_ended
from git_hybrid.git.classify import last_words
from git_hybrid.git.environment import MINIMUM_GIT

# What it read is told of in other ways: "error in tag <id>: …".
_OWN_WORDS = ("fatal: ", "error: ")
_MOST = 1 << 16
_SETTING = "-c"


def unstarted(program: str, cwd: Path | None, error: OSError) -> LocalIo | ToolTooOld:
    """Return the error that tells of *error*, with which *program* could not be started in *cwd*."""
    is_missing = isinstance(error, FileNotFoundError)
    # There was no way into the folder (subprocess.Popen).
    if cwd is not None and error.filename == cwd:
        told = LocalIo(path=str(cwd), operation="enter", reason="no such folder")
        return told if is_missing else LocalIo.of(error, cwd, "enter")
    if is_missing:
        needed = ".".join(map(str, MINIMUM_GIT)) if program == "git" else ""
        return ToolTooOld(tool=program, found="nothing", needed=needed)
    return LocalIo.of(error, program, "start")


def refuse_ended(argv: Sequence[str], said: str | IO[bytes], status: int) -> None:
    """Raise unless the child *argv*, which ended with *status* and *said* this on stderr, came to its own end.

    Raises:
        GitFailed: it was killed, or says that memory or processes are lacking.
    """
    if not status:
        return
    stderr = said if isinstance(said, str) else os.pread(said.fileno(), _MOST, 0).decode("utf-8", "replace")
    told = "\n".join(line for line in stderr.split("\n") if line.startswith(_OWN_WORDS))
    if was_ended(told, status):
        words = last_words(stderr) or f"was killed by signal {-status}"
        raise GitFailed(command=_named(argv), status=status, stderr=words)


def _named(argv: Sequence[str]) -> str:
    """Return program and command of *argv*, without the settings and places that are for the program itself."""
    words = iter(argv[1:])
    for word in words:
        if word == _SETTING:
            next(words)
        elif not word.startswith("-"):
            return f"{argv[0]} {word}"
    return argv[0]


def refuse_partial(argv: Sequence[str], said: IO[bytes], status: int) -> None:
    """Raise unless git, started as *argv*, told all, which was read as it came; it *said* this on stderr.

    How cat-file ends does not matter: what it tells of an object, its size above all, shows whether that is whole.

    Raises:
        GitFailed: it ended with another *status* than 0.
    """
    refuse_ended(argv, said, status)
    if status and (command := _named(argv)) != "git cat-file":
        words = last_words(os.pread(said.fileno(), _MOST, 0).decode("utf-8", "replace"))
        raise GitFailed(command=command, status=status, stderr=words)
