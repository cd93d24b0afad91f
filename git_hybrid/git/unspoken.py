"""What git and shells say of a command of the user's: the name of its program, and nothing that may be a secret.

git gives a command to a shell as a whole, and so it is the name by which that shell begins what it says:
``sshpass -p SECRET ssh: 1: sshpass: not found``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.pattern import pattern
from git_hybrid.core.redact import HIDDEN, redact_setting
from git_hybrid.git.apart import settings_of_user
from git_hybrid.git.run import Completed, items

if TYPE_CHECKING:
    from git_hybrid.git.run import Runner

_VARIABLES = ("GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS", "SSH_ASKPASS")
_SETTINGS = r"^(core\.(sshcommand|askpass)|credential\.(.*\.)?helper)$"
# A command that nobody here knows, as of a setting that holds for some repositories alone; what begins so with a colon
# is git's or the server's.
_TOLD = pattern(r"^(?P<program>[^\s:]+)\s.*?(?=: (?:-c: )?(?:line )?\d+: )", re.MULTILINE)
_QUOTED = pattern(r"(: line \d+: `).*'$", re.MULTILINE)


def without_commands(runner: Runner, done: Completed) -> Completed:
    """Return *done*, a step that failed, with the programs' names alone of what the user has set for ssh and logins.

    Raises:
        Interrupted: the program was asked to stop.
    """
    commands = [*_configured(runner), *(runner.environ.get(key, "") for key in _VARIABLES)]
    return Completed(done.status, done.stdout, named(done.stderr, commands))


def _configured(runner: Runner) -> list[str]:
    try:
        told = settings_of_user(runner, "--get-regexp", _SETTINGS).stdout
    except (OSError, GitFailed, LocalIo):
        # The step may have failed of the same, as of a disk that is full: that is what is to be told.
        return []
    return [item.partition("\n")[2] for item in items(told)]


def named(stderr: str, commands: Iterable[str]) -> str:
    """Return *stderr* with the first word of each of *commands* in its place."""
    # The longest first: one may be a part of another.
    for command in sorted({text.strip().removeprefix("!").strip() for text in commands}, key=len, reverse=True):
        program = _program(command)
        # bash quotes the line that it does not understand.
        for text in (command, *map(str.strip, command.split("\n"))):
            stderr = stderr.replace(text, program) if len(text.split()) > 1 else stderr
    stderr = _TOLD.sub(lambda found: _program(found["program"]), stderr)
    return _QUOTED.sub(rf"\1{HIDDEN}'", stderr)


def _program(command: str) -> str:
    return redact_setting("core.sshcommand", command)
