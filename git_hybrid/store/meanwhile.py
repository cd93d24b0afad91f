"""What others write into the files of a workspace while a run writes there: git, as in a stash, or an editor.

They ask for no lock. So what a run has read, and what it wrote since, is looked at again just before each change: what
is another file by then has its content from somebody else, and nothing is written over it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from git_hybrid.core.errors import LocalIo, reported

T = TypeVar("T")
Stamp = tuple[int, int, int]
"""The inode of a file, its size in bytes and when it was last written to, in nanoseconds."""
_PASSES = 10


class Changed(Exception):
    """Somebody else has written the file at *path* since it was read."""

    def __init__(self, path: Path) -> None:
        """Name the file."""
        super().__init__(str(path))
        self.path = path


class Watch:
    """What some files were when they were read, and as what this run has left them since."""

    def __init__(self, *paths: Path) -> None:
        """Begin with the files at *paths* as they are: they are read after this."""
        self._stamps = {path: _found(path) for path in paths}

    def require(self) -> None:
        """Raise unless each file is what it was.

        Raises:
            Changed: one is not.
            LocalIo: the file system refused to say.
        """
        for path, stamp in self._stamps.items():
            if _found(path) != stamp:
                raise Changed(path)

    def require_open(self, path: Path, facts: os.stat_result) -> None:
        """Raise unless the file with *facts*, which was opened at *path* to append to it, is what it was there.

        Raises:
            Changed: it is not; where there was none, it is not empty.
        """
        stamp = self._stamps[path]
        if facts.st_size > 0 if stamp is None else _stamp(facts) != stamp:
            raise Changed(path)

    def wrote(self, path: Path, facts: os.stat_result) -> None:
        """Take it that the file at *path*, closed by now, is the one with *facts*, as this run has written it.

        Some servers of shared folders say anew when it was written to as it is closed.

        Raises:
            LocalIo: the file system refused to say.
        """
        stamp, found = _stamp(facts), _found(path)
        self._stamps[path] = found if found is not None and found[:2] == stamp[:2] else stamp

    def removed(self, path: Path) -> None:
        """Take it that the file at *path* is not there, as this run has removed it."""
        self._stamps[path] = None


def _found(path: Path) -> Stamp | None:
    with reported(path, "read"):
        try:
            return _stamp(os.lstat(path))
        except (FileNotFoundError, NotADirectoryError):
            return None


def _stamp(facts: os.stat_result) -> Stamp:
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def undisturbed(work: Callable[[], T]) -> T:
    """Return what *work* returns, which reads files and writes them; it begins anew where one has changed meanwhile.

    Raises:
        LocalIo: one changes each time.
    """
    for left in reversed(range(_PASSES)):
        try:
            return work()
        except Changed as error:
            if not left:
                path, reason = str(error.path), "another program writes it all the time"
                raise LocalIo(path=path, operation="write", reason=reason) from error
    raise AssertionError
