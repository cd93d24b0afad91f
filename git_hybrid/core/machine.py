"""The words by which git tells that this machine failed it: they say nothing of a server, nor of what it sent. Pure."""

from __future__ import annotations

from collections.abc import Iterable

_DISK = ("No space left on device", "Read-only file system", "Disk quota exceeded", "Too many open files")
_ENDED = ("died of signal", "Out of memory", "Cannot allocate", "cannot fork")


def disk_trouble(told: str) -> str | None:
    """Return why the disk refuses, by what git *told*; None where it does not say so."""
    return _first(_DISK, told)


def was_ended(told: str, status: int = 0) -> bool:
    """Tell whether, by what git *told*, it or a program of its own was ended by force or could not begin.

    *status* is the exit status of git, negative where a signal ended it.
    """
    return status < 0 or _first(_ENDED, told) is not None


def _first(known: Iterable[str], told: str) -> str | None:
    lowered = told.lower()
    return next((words for words in known if words.lower() in lowered), None)
