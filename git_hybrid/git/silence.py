"""See that a git that asks a server by ssh gets something: for that git itself knows no limit, as it does for HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from git_hybrid.core.errors import STALL, NetworkFailure
from git_hybrid.git.limits import Limits
from git_hybrid.git.memory import started_by

LONGER = 10
"""So many times ``stall`` may pass: not every server says while it counts and compresses that it still does."""
_STEP = 1.0
_HTTP = "git-remote-"


class Hearing:
    """Looks at the git *pid* while it runs, which asks ``limits.url``; *tell* is given what a user is to know.

    It is alive as long as it reads or computes, and so do the programs of git that it started: what a server sends to
    keep a connection, git reads; of the ssh between them that says nothing, which talks to the server's ssh alone.
    """

    def __init__(self, pid: int, limits: Limits, tell: Callable[[str, str], None]) -> None:
        """Begin now."""
        self._pid, self._url, self._tell = pid, limits.url, tell
        self._stall = limits.stall.total_seconds()
        self._looked, self._waited, self._is_told = time.monotonic(), 0.0, False
        self._life: tuple[int, ...] = ()

    def check(self) -> None:
        """Look again, once a second.

        Raises:
            NetworkFailure: nothing has come for ten times as long as a transfer may stand still.
        """
        passed = time.monotonic() - self._looked
        if passed < _STEP:
            return
        self._looked += passed
        life, before = _life(self._pid), self._life
        self._life = life
        # While this program was stopped nobody looked.
        self._waited = self._waited + min(passed, 2 * _STEP) if life and life == before else 0.0
        longest = LONGER * self._stall
        if self._waited >= self._stall and not self._is_told:
            self._is_told = True
            self._tell(self._url, f"nothing has come for {self._stall:.0f} s; given up after {longest:.0f} s")
        if self._waited >= longest:
            raise NetworkFailure(url=self._url, message=f"nothing came for {longest:.0f} s", kind=STALL)


def _life(pid: int) -> tuple[int, ...]:
    """Return what the git *pid* and those that it started have read and computed; nothing where that cannot be told.

    Over HTTP it has limits of its own, and one that waits for the disk waits for no server. A kernel that does not tell
    who was started hides those who do the work, also that they talk over HTTP.
    """
    found = list[int]()
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        return ()
    for process in (pid, *started_by(pid)):
        folder = Path(f"/proc/{process}")
        try:
            name, _, rest = (folder / "stat").read_text("utf-8", "replace").partition("(")[2].rpartition(") ")
            fields = rest.split()
            if name.startswith(_HTTP) or (name.startswith("git") and fields[0] == "D"):
                return ()
            if name.startswith("git"):
                read = int((folder / "io").read_text("ascii").split()[1])
                # Ticks of the processor: fields 14 and 15 of proc_pid_stat(5), of which the third is the first here.
                found += (read, int(fields[11]) + int(fields[12]))
        except OSError:
            continue
    return tuple(found)
