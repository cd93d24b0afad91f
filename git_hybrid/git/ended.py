"""A child that did not begin, was ended by force, or had no memory: it says neither yes nor no to what it was asked."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import GitFailed, LocalIo, ToolTooOld
from git_hybrid.core.machine import closed, refusal, was_ended
from git_hybrid.core.pattern import pattern
from git_hybrid.git.classify import last_words
from git_hybrid.git.environment import MINIMUM_GIT

# What it read is told of in other ways: "error in tag <id>: …".
_OWN_WORDS = ("fatal: ", "error: ")
_MOST = 1 << 16
_SETTING = "-c"
# Of several things that are quoted the last is what was refused: "update of ref 'HEAD': … '/x/logs/HEAD': …".
_REFUSED = pattern(
    r"""^(?:error|fatal|warning):\ (?:
        (?:.*[\ (])?(?P<mark>['"])(?P<quoted>.+)(?P=mark)\)?
        |(?:unable\ to\ create\ file|failed\ to\ remove|couldn't\ read)\ (?P<bare>.+)
    ):\ (?P<reason>[^:]+)$""",
    re.MULTILINE | re.VERBOSE,
)


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


def refuse_ended(argv: Sequence[str], said: str | IO[bytes], status: int, *, folder: object = os.curdir) -> None:
    """Raise unless the child *argv*, which ended with *status* and *said* this on stderr, came to its own end.

    It worked in *folder*.

    Raises:
        GitFailed: it was killed, or says that memory or processes are lacking.
        LocalIo: the system let it read or write nothing.
    """
    if not status:
        return
    stderr = said if isinstance(said, str) else os.pread(said.fileno(), _MOST, 0).decode("utf-8", "replace")
    told = "\n".join(line for line in stderr.split("\n") if line.startswith(_OWN_WORDS))
    if was_ended(told, status):
        words = last_words(stderr) or f"was killed by signal {-status}"
        raise GitFailed(command=_named(argv), status=status, stderr=words)
    if (reason := refusal(stderr) or closed(stderr)) is not None:
        path = os.path.join(str(folder), refused_at(stderr, reason)).rstrip("/")
        raise LocalIo(path=path, operation=f"run {_named(argv)} at", reason=reason)


def refused_at(said: str, reason: str) -> str:
    """Return the file that git, which *said* this, was refused with *reason*; nothing where it names none."""
    told = (match for match in _REFUSED.finditer(said) if reason in match["reason"])
    match = next(told, None)
    return "" if match is None else match["quoted"] or match["bare"]


def _named(argv: Sequence[str]) -> str:
    """Return program and command of *argv*, without the settings and places that are for the program itself."""
    words = iter(argv[1:])
    for word in words:
        if word == _SETTING:
            next(words)
        elif not word.startswith("-"):
            return f"{argv[0]} {word}"
    return argv[0]


def refuse_partial(argv: Sequence[str], said: IO[bytes], status: int, *, folder: object) -> None:
    """Raise unless git, started as *argv* in *folder*, told all, which was read as it came; it *said* this on stderr.

    How cat-file ends does not matter: what it tells of an object, its size above all, shows whether that is whole.

    Raises:
        GitFailed: it ended with another *status* than 0.
        LocalIo: as :func:`refuse_ended`.
    """
    refuse_ended(argv, said, status, folder=folder)
    if status and (command := _named(argv)) != "git cat-file":
        words = last_words(os.pread(said.fileno(), _MOST, 0).decode("utf-8", "replace"))
        raise GitFailed(command=command, status=status, stderr=words)
