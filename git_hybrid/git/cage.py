"""What bounds a program that is not git's, and what ends whatever it leaves behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from git_hybrid.core.value import Struct
from git_hybrid.git.environment import on_path

QUICK = 0.02
_MOMENT = 0.001
_SWEEPS = 20
_GRACE = 3.0


class Cage(Struct, frozen=True, kw_only=True):
    """What bounds a program that is not git's.

    ``folder`` is the only one that it should write to: it holds its HOME and TMPDIR, and whatever is still alive at the
    end and has that folder in its environment is killed. ``file_bytes`` bounds each file that it writes,
    ``memory_bytes`` the data of each process.
    """

    folder: Path
    deadline: timedelta
    file_bytes: int
    memory_bytes: int


def limits(cage: Cage) -> list[str]:
    """Return the command that sets the limits; where there is none, time and the size of the report still bound it."""
    found = on_path("prlimit", os.environ) if sys.platform == "linux" else None
    if not found:
        return []
    import resource

    from git_hybrid.git.memory import least

    # Nobody may raise a limit that this program has itself.
    size = least(cage.file_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    data = least(cage.memory_bytes, resource.getrlimit(resource.RLIMIT_DATA)[1])
    return [found, "--core=0", f"--fsize={size}", f"--data={data}", "--"]


def has_ended(pid: int, poll: Callable[[], int | None]) -> bool:
    """Tell whether the child has ended, and leave it to be waited for where the system can; *poll* does not."""
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    # macOS, before Python 3.13: the number of its group is free a moment before the group is killed.
    return poll() is not None


def end_strays(mark: bytes) -> None:
    """Kill what left its process group: every process of ours that has *mark* in its environment or works below it."""
    for _ in range(_SWEEPS):
        strays = [pid for pid in _own_processes() if _bears(pid, mark)]
        if not strays:
            return
        for pid in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(QUICK)


def _own_processes() -> list[int]:
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()] if proc.is_dir() else []


def _bears(pid: int, mark: bytes) -> bool:
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes() or os.readlink(b"/proc/%d/cwd" % pid).startswith(mark)
    except OSError:
        return False


class Child(Protocol):
    """A process that leads a group of its own, as subprocess.Popen has it."""

    @property
    def pid(self) -> int:
        """Its number, and that of its group."""
        ...

    def poll(self) -> int | None:
        """Return its exit status, None while it lives."""
        ...

    def wait(self) -> int:
        """Wait for its end."""
        ...


def end_group(child: Child, hurried: Callable[[], bool]) -> None:
    """End the child and everything that it started: TERM, a moment of grace, KILL for whoever ignored it."""
    try:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGTERM)
        end, nap = time.monotonic() + _GRACE, _MOMENT
        while child.poll() is None and not hurried() and time.monotonic() < end:
            time.sleep(nap)
            nap = min(nap * 2, QUICK)
    finally:
        # Also when a second signal raises KeyboardInterrupt up there.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def die_with_parent() -> tuple[str, ...]:
    """Return what a command begins with that is killed with us, even by SIGKILL; nothing where that is not known.

    setpriv(1) sets PR_SET_PDEATHSIG, which exec keeps, whatever the program does with what it inherits. To set it from
    Python would need preexec_fn, which is not safe with threads.
    """
    found = on_path("setpriv", os.environ) if sys.platform == "linux" else None
    return (found, "--pdeathsig", "KILL", "--") if found else ()
