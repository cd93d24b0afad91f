"""A process that looks at the clones while this one still imports, reads and plans.

Almost all of a look is lstat(2), which hands the interpreter's lock over each time: four threads took four times as
long as one, and a process of its own costs a few milliseconds. It is a copy of this one (fork(2)) that only reads; it
is sent where this process has one thread and the machine a second core, and what it says counts as long as nothing was
written to the workspace since. Whoever has nothing else to do looks too, from the other end.
"""

from __future__ import annotations

import marshal
import os
import select
import signal
import sys
from collections.abc import Iterable

from git_hybrid.core.files import MANIFEST
from git_hybrid.git.stamps import Look, look

WORTH_IT = 16
"""From so many clones on a scout saves more than it costs."""
_LENGTH = 4
_PIPE = 1 << 16


class Scout:
    """A process that looks at what was below *folder* when it was sent."""

    def __init__(self, folder: str, watched: tuple[str, ...], names: list[str]) -> None:
        """Send it to the clones *names*; writers leave traces in the folders *watched*."""
        self.folder = folder
        self._watched, self._before = watched, _traces(watched)
        self._names, self._looks = frozenset(names), dict[str, Look | None]()
        self._left = b""
        self._reading, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            _tell(folder, names, writing)
        os.close(writing)

    def holds(self) -> bool:
        """Tell whether nobody has begun or ended a run since, nor put a clone in its place."""
        return self._child > 0 and _traces(self._watched) == self._before

    def knows(self, name: str) -> bool:
        """Tell whether it has looked at *name*, without waiting for it."""
        while name not in self._looks and select.select([self._reading], [], [], 0)[0] and self._hear():
            pass
        return name in self._looks

    def will_look(self, name: str) -> bool:
        """Tell whether *name* is one of the clones that it was sent to."""
        return self._child > 0 and name in self._names

    def look(self, name: str) -> Look | None:
        """Return its look at *name*, waiting for it; None where it saw nothing that counts."""
        while name not in self._looks and self._hear():
            pass
        return self._looks.get(name)

    def _hear(self) -> bool:
        """Take what it says; return whether there may be more."""
        heard = os.read(self._reading, _PIPE) if self._child > 0 else b""
        self._left += heard
        while len(self._left) >= _LENGTH:
            end = _LENGTH + int.from_bytes(self._left[:_LENGTH])
            if len(self._left) < end:
                break
            # Written by this same program, into a pipe that nobody else has.
            name, seen = marshal.loads(self._left[_LENGTH:end])  # noqa: S302
            self._looks[name], self._left = seen, self._left[end:]
        return bool(heard)

    def close(self) -> None:
        """Call it back."""
        if self._child > 0:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
            os.close(self._reading)
            self._child = 0


def workspace_root(folder: str) -> str | None:
    """Return the nearest folder from *folder* upwards that has a manifest; None where there is none."""
    while not os.path.lexists(f"{folder}/{MANIFEST}"):
        if folder in ("/", ""):
            return None
        folder = os.path.dirname(folder)
    return folder


def send(root: str) -> Scout | None:
    """Send a scout to the clones of the workspace at *root*; None where it does not pay."""
    folder = f"{root}/sources"
    try:
        if os.path.islink(folder) or len(os.sched_getaffinity(0)) <= 1:
            return None
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        if len(names) < WORTH_IT or _has_threads():
            return None
        return Scout(folder, (folder, f"{root}/state"), names)
    except (OSError, AttributeError):
        return None


def _has_threads() -> bool:
    # A copy of a process has one thread: with others in it a lock could stay closed for ever.
    threading, workers = sys.modules.get("threading"), sys.modules.get("git_hybrid.threads")
    return (threading is not None and threading.active_count() > 1) or (workers is not None and workers.are_at_work())


def _traces(folders: Iterable[str]) -> list[tuple[int, int]]:
    """Return what changes of *folders* when a writer begins, ends, or puts something into them."""
    found = []
    for folder in folders:
        try:
            seen = os.lstat(folder)
            found.append((seen.st_ino, seen.st_mtime_ns))
        except OSError:
            found.append((0, 0))
    return found


def _tell(folder: str, names: list[str], writing: int) -> None:
    """Look at each of *names*, write what was seen, and end the process, whatever happens."""
    try:
        for name in names:
            told = marshal.dumps((name, _look(f"{folder}/{name}")))
            left = len(told).to_bytes(_LENGTH) + told
            while left:
                left = left[os.write(writing, left) :]
    finally:
        os._exit(0)


def _look(path: str) -> Look | None:
    """Return a look at *path* from within: the process has no other thread that would be somewhere else then."""
    try:
        if os.path.islink(path):
            return None
        os.chdir(path)  # noqa: TID251
    except OSError:
        return None
    return look(path, here=True)
