"""The words by which git tells that this machine failed it: they say nothing of a server, nor of what it sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from git_hybrid.core.pattern import pattern

_DISK = ("No space left on device", "Read-only file system", "Disk quota exceeded", "Too many open files")
_ENDED = ("died of signal", "Out of memory", "Cannot allocate", "cannot fork", "create thread", "create async thread")
# What libcurl says behind some of these beginnings, one of which names a URL, is of a connection. Behind the others is
# what a server wrote, or what is in the object that it sent.
_OF_SERVER = pattern(
    r"^(?:fatal|error|warning): (?:RPC failed|[^'\n]*'[a-z]+://|unable to access '':|remote error|git upload-pack"
    r"|redirecting to|object [0-9a-f]{40}|(?:invalid|expected|unexpected|malformed|mismatched) ).*$",
    re.MULTILINE | re.IGNORECASE,
)
# git's own words end with why.
_REFUSED = pattern(
    r"^(?:fatal|error|warning): .*"
    r": (Too many open files(?: in system)?|Input/output error|Stale file handle|File too large)$",
    re.MULTILINE,
)
# It is about its own files: whether a program may be started, or a server lets somebody in, is said in other words.
_CLOSED = pattern(
    r"^(?:fatal|error): (?:.*: )?(?:(?:unable|failed) to|couldn't|could not|cannot) (?:access|open|read)\b.*"
    r": (Permission denied|Operation not permitted)$",
    re.MULTILINE,
)
HELD = "another git process holds it"
"""Why a lock file stops us."""
# A lock file that is not there for long, or that a git which was killed left.
_LOCK = pattern(
    r"(?:nable to create '(?P<lock>[^'\n]+\.lock)'|could not lock config file (?P<config>[^\n]+)): File exists"
)


def disk_trouble(told: str) -> str | None:
    """Return why the disk refuses, by what git *told*; None where it does not say so."""
    return _first(_DISK, _OF_SERVER.sub("", told))


def refusal(told: str) -> str | None:
    """Return why the system let git read or write nothing, by the lines of its own in *told*; None if it did."""
    match = _REFUSED.search(_OF_SERVER.sub("", told))
    return match and match[1]


def closed(told: str) -> str | None:
    """Return why git may not read a file of this machine, by what it *told* where no server was asked; None if it may.

    A server of this machine says the same of its own files.
    """
    match = _CLOSED.search(told)
    return match and match[1]


def held_lock(told: str) -> str | None:
    """Return the lock file that another git has, by what git *told*; None where that is not why it failed."""
    match = _LOCK.search(told)
    return match and (match["lock"] or f"{match['config']}.lock")


def was_ended(told: str, status: int = 0) -> bool:
    """Tell whether, by what git *told*, it or a program of its own was ended by force or could not begin.

    *status* is the exit status of git, negative where a signal ended it.
    """
    return status < 0 or _first(_ENDED, told) is not None


def _first(known: Iterable[str], told: str) -> str | None:
    lowered = told.lower()
    return next((words for words in known if words.lower() in lowered), None)
