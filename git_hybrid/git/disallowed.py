"""What git on this machine refuses whoever is asked: transports, folders of other users, settings, files. Pure."""

from __future__ import annotations

import re

from git_hybrid.core.errors import AccessDenied, BadArgument, GitFailed, HybridError, LocalIo
from git_hybrid.core.machine import disk_trouble, refusal
from git_hybrid.core.pattern import pattern

_FORBIDDEN = pattern(r"^fatal: transport '(?P<name>[^'\n]*)' not allowed$", re.MULTILINE)
_OWNERSHIP = pattern(
    r"detected dubious ownership.*?(?P<mend>git config --global --add safe\.directory [^\n]+)", re.DOTALL
)
# What is behind these words comes of them, and looks like a connection that broke.
_MISSET = pattern(
    r"^fatal: (?:could not open object name list|(?:unsupported|could not set) ssl backend)", re.MULTILINE
)
_WRONG = pattern(
    r"^(?:fatal|error): (?:bad (?:boolean|numeric) config value '[^'\n]*' for|unknown value for config|unable to parse"
    r"|invalid value for|malformed value for|bad config variable) "
    r"(?:'(?P<key>\w[^'\n]*\.[^'\n]+)'|(?P<bare>\w+\.[^\s:;]+))",
    re.MULTILINE,
)
"""How git says which setting has a value that it does not take; it does so before it does anything else."""
_UNSTARTED = pattern(r"cannot fork|(?:fork|unable to create thread).*: resource temporarily unavailable")
_SERVED = ("https", "ssh", "file")
_OWN_WORDS = ("fatal: ", "error: ")


def forbidden(stderr: str) -> HybridError | None:
    """Return what it means that git was led to a transport that it must not use: the user's settings lead there."""
    found = _FORBIDDEN.search(stderr)
    if found is None:
        return None
    if found["name"] in _SERVED:
        reason = (
            "git may not use it: GIT_ALLOW_PROTOCOL does not have it, or a setting protocol.<name>.allow forbids it"
        )
        hint = "unset GIT_ALLOW_PROTOCOL, or look for the setting: git config --show-origin --get-regexp '^protocol[.]'"
        return BadArgument(what="transport", value=found["name"], reason=reason, hint=hint)
    reason = "only https, ssh and file are allowed; a setting url.<base>.insteadOf leads there"
    hint = r"git config --show-origin --get-regexp '^url\..*\.insteadof$'"
    return BadArgument(what="transport", value=found["name"][:80], reason=reason, hint=hint)


def of_another(stderr: str, *, url: str, message: str) -> HybridError | None:
    """Return what it means that a folder of this machine belongs to another user, whom git does not trust."""
    found = _OWNERSHIP.search(stderr) if url.startswith("file://") else None
    if found is None:
        return None
    words = message.partition(" / To add an exception")[0]
    return AccessDenied(url=url, message=words, trust=found["mend"])


def misset(stderr: str, text: str, *, status: int, message: str, command: str) -> HybridError | None:
    """Return what it means that git can do nothing by a setting of the user's; *text* is *stderr* in lower case."""
    if (found := _WRONG.search(stderr)) is not None:
        return GitFailed(command=command, status=status, stderr=message, setting=found["key"] or found["bare"])
    return GitFailed(command=command, status=status, stderr=message) if _MISSET.search(text) else None


def of_system(stderr: str, text: str, *, command: str) -> LocalIo | None:
    """Return what it means that the system refused *command* a file; *text* has what is not the server's in lower case.

    By ssh the shell of a server writes there as well, whose disk is not ours; git-lfs names nobody at its beginnings.
    """
    lines = text.split("\n")
    told = lines if command == "git lfs" else [line for line in lines if line.startswith(_OWN_WORDS)]
    reason = disk_trouble("\n".join(told)) or refusal(stderr)
    return None if reason is None else LocalIo(path="sources/.incoming", operation="write to", reason=reason)


def unstarted(ours: str, *, url: str, status: int, message: str, command: str) -> GitFailed | None:
    """Return what it means that this machine lets git start no more processes; by ssh a server says so as well."""
    is_so = not url.startswith("ssh://") and _UNSTARTED.search(ours) is not None
    return GitFailed(command=command, status=status, stderr=message) if is_so else None
