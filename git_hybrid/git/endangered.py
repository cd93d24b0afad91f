"""Find what a checkout would take away from a working tree though no index has it: ignored files, and all else there.

git writes a path whatever stands at it, and whatever stands where one of its folders must be: a file, a link, a folder
with all that is in it, another repository too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.value import Struct, field
from git_hybrid.git.standing import mode_of


class Endangered(Struct, frozen=True):
    """What would be taken away: ``files``, links among them, and the ``repositories`` that hold some of it.

    ``unsaveable`` is what git cannot store: fifos, sockets, devices.
    """

    files: set[bytes] = field(default_factory=set)
    repositories: set[bytes] = field(default_factory=set)
    unsaveable: set[bytes] = field(default_factory=set)


def is_unsaveable(mode: int | None) -> bool:
    """Tell whether git cannot store what has this ``st_mode``; None: nothing is there."""
    return mode is not None and not (stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode))


class Endangering:
    """Looks at the working tree at *root*; *passed* are the folders in which nothing is looked for."""

    def __init__(self, root: bytes, passed: Collection[bytes]) -> None:
        self._root, self._passed = root, passed
        self._modes: dict[bytes, int | None] = {}
        self.found = Endangered()

    def by_writing(self, paths: Iterable[bytes], *, links: Collection[bytes], known: Collection[bytes]) -> None:
        """Find what gives way when *paths* are written, but for files that are *known*.

        In the place of one that is among the *links* to submodules any folder stays.

        Raises:
            LocalIo: the machine refused to look.
        """
        for path in paths:
            place = self._first_in_the_way(path)
            if place is None:
                continue
            if not stat.S_ISDIR(self._mode(place) or 0):
                self._note(place, known)
            elif path not in links:
                for inner in self._below(place):
                    self._note(inner, known)

    def by_removing(self, paths: Iterable[bytes]) -> None:
        """Find which of *paths* are there as files or links: git removes these where its index has them.

        Raises:
            LocalIo: the machine refused to look.
        """
        for path in paths:
            mode = self._mode(path) if self._first_in_the_way(path) == path else None
            if mode is not None and not stat.S_ISDIR(mode) and not is_unsaveable(mode):
                self.found.files.add(path)

    def repository_of(self, path: bytes) -> bytes:
        """Return the outermost folder above *path* that has a ``.git``; *path* itself if none has."""
        parts = path.split(b"/")
        folders = (b"/".join(parts[:count]) for count in range(1, len(parts)))
        return next((folder for folder in folders if self._mode(folder + b"/.git") is not None), path)

    def _note(self, path: bytes, known: Collection[bytes]) -> None:
        if is_unsaveable(self._mode(path)):
            self.found.unsaveable.add(path)
        elif path not in known:
            self.found.files.add(path)

    def _first_in_the_way(self, path: bytes) -> bytes | None:
        """Return *path*, or the first of the folders above it that is none; None if nothing is there."""
        end = path.find(b"/")
        while end != -1:
            folder = path[:end]
            mode = self._mode(folder)
            if mode is None or folder in self._passed:
                return None
            if not stat.S_ISDIR(mode):
                return folder
            end = path.find(b"/", end + 1)
        return None if path in self._passed or self._mode(path) is None else path

    def _mode(self, path: bytes) -> int | None:
        if path not in self._modes:
            self._modes[path] = mode_of(os.path.join(self._root, path))
        return self._modes[path]

    def _below(self, folder: bytes) -> Iterator[bytes]:
        waiting = [folder]
        while waiting:
            here = waiting.pop()
            try:
                names = os.listdir(os.path.join(self._root, here))
            except OSError as error:
                raise LocalIo.of(error, os.fsdecode(os.path.join(self._root, here)), "save") from error
            if b".git" in names:
                self.found.repositories.add(here)
                continue
            for path in (here + b"/" + name for name in names):
                if path in self._passed:
                    continue
                if stat.S_ISDIR(self._mode(path) or 0):
                    waiting.append(path)
                else:
                    yield path
