"""What git and ssh say where no connection by ssh came about: keys of hosts, and this machine's own programs. Pure."""

from __future__ import annotations

import re

from git_hybrid.core.errors import BadArgument, HostKeyFailure, HybridError, ToolTooOld
from git_hybrid.core.pattern import pattern

_WORDS = ("host key verification failed", "remote host identification has changed")
# As it stands in known_hosts: "host", or "[host]:port".
_HOST = pattern(r"host key (?:is known )?for (?P<host>\S+) (?:has changed|was revoked|and you have)", re.IGNORECASE)
_FILE = pattern(r"^Offending \S+ key in (?P<file>/.+):\d+\s*$", re.MULTILINE)
# A shell on a server says it of other programs than the shell; git_hybrid.git.unspoken leaves of a command its name, or
# nothing where it begins with a variable ("SSHPASS=SECRET sshpass -e ssh").
_MISSING = pattern(
    r"^(?P<program>[^\s:]+): (?:line )?\d+: (?P=program): (?:command )?not found$"
    r"|^\*\*\*: (?:line )?\d+: (?P<behind>[^\s:]+): (?:command )?not found$"
    r"|^(?:fatal|error): cannot run (?P<path>.+): No such file or directory\nfatal: unable to fork$",
    re.MULTILINE,
)
_FAILED = ("could not read from remote repository", "unable to fork")
_SIMPLE = pattern(r"^fatal: ssh variant '(?P<variant>\w+)' does not support", re.MULTILINE)


def of_program(stderr: str, text: str) -> HybridError | None:
    """Return what it means that the program for ssh is missing, or not told apart; *text* is *stderr* in lower case."""
    if (simple := _SIMPLE.search(stderr)) is not None:
        reason = "by the name of your ssh command git cannot tell how it takes a port"
        hint = "where it takes what ssh takes, and GIT_SSH_VARIANT does not say otherwise: "
        hint += "git config --global ssh.variant ssh"
        return BadArgument(what="ssh variant", value=simple["variant"], reason=reason, hint=hint)
    missing = _MISSING.search(stderr) if any(words in text for words in _FAILED) else None
    tool = "" if missing is None else missing["program"] or missing["behind"] or missing["path"]
    return ToolTooOld(tool=tool, found="nothing", needed="") if tool else None


def unaccepted(stderr: str, text: str, *, url: str, message: str) -> HostKeyFailure | None:
    """Return the failure that it is where ssh did not accept a key; *text* is *stderr* in lower case."""
    if not any(words in text for words in _WORDS):
        return None
    host, file = _HOST.search(stderr), _FILE.search(stderr)
    return HostKeyFailure(
        url=url, message=message, host=host["host"] if host else "", file=file["file"] if file else ""
    )
