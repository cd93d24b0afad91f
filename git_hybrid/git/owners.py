"""Find out whether a lock file of git still has an owner.

git creates ``index.lock`` and holds it open while it writes. A killed git leaves it behind; then nothing runs that
could finish, and the lock is stale.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

_RECENT_SECONDS = 600


def is_held(lock: Path, work_tree: Path) -> bool:
    """Tell whether some process still owns the git lock file *lock* of the repository in *work_tree*.

    Owned means: a process has it open, or a git process has its working folder inside *work_tree*. Where processes
    cannot be listed (no ``/proc``), a lock younger than ten minutes counts as owned.
    """
    try:
        status = lock.lstat()
    except FileNotFoundError:
        return False
    if sys.platform != "linux":
        return time.time() - status.st_mtime < _RECENT_SECONDS
    target, tree = str(lock.resolve()), str(work_tree.resolve())
    return any(_owns(pid, target, tree) for pid in _processes())


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _owns(pid: str, target: str, tree: str) -> bool:
    base, is_git = f"/proc/{pid}", False
    try:
        # The kernel cuts a name after 15 bytes, which may be in the middle of a character.
        with open(f"{base}/comm", "rb") as file:
            is_git = file.read().startswith(b"git")
        if is_git:
            folder = os.readlink(f"{base}/cwd")
            if folder == tree or folder.startswith(tree + "/"):
                return True
        return any(os.readlink(f"{base}/fd/{number}") == target for number in os.listdir(f"{base}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        # A git process of another user: nothing can be seen of it, so it may be the owner.
        return is_git
