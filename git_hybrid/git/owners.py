"""Find out whether a lock file of git still has an owner.

git creates ``index.lock`` and holds it open while it writes. A killed git leaves it behind; then nothing runs that
could finish, and the lock is stale.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_RECENT_SECONDS = 600
_MACHINE = 0xEFFFFFFC
"""The inode of the machine's own namespace of processes (PROC_PID_INIT_INO in Linux' proc_ns.h)."""

_LOCKS = ("index.lock", "HEAD.lock", "refs/hybrid/pin.lock")
"""What a checkout of ours needs: git finds a held HEAD.lock when it has written the files."""


def lock_held_in(git_dir: Path, work_tree: Path) -> str:
    """Return which lock of the repository some process owns that a checkout needs; nothing where all are free."""
    return next((name for name in _LOCKS if is_held(git_dir / name, work_tree)), "")


def is_held(lock: Path, work_tree: Path) -> bool:
    """Tell whether some process still owns the git lock file *lock* of the repository in *work_tree*.

    Owned means: a process has it open, or a git process has its working folder inside *work_tree*. Where not all
    processes can be seen, a lock younger than ten minutes counts as owned; where none can (no ``/proc``), each does.
    """
    try:
        status, tree = lock.lstat(), work_tree.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    processes = _processes()
    if processes is None or any(_owns(pid, lock.name, status, tree) for pid in processes):
        return True
    return time.time() - status.st_mtime < _RECENT_SECONDS and not _sees_all(tree)


def _sees_all(tree: os.stat_result) -> bool:
    """Tell whether ``/proc`` has all processes that may work in *tree*: not where those of others are hidden.

    A container sees its own alone. Its own file system, the one of ``/``, is of nobody else; a mount may be shared.
    """
    try:
        with open("/proc/1/comm", "rb"):
            return os.stat("/proc/self/ns/pid").st_ino == _MACHINE or os.stat("/").st_dev == tree.st_dev
    except OSError:
        return False


def _processes() -> list[str] | None:
    try:
        names = os.listdir("/proc")
    except FileNotFoundError:
        return None
    return [name for name in names if name.isdigit() and int(name) != os.getpid()]


def _owns(pid: str, name: str, status: os.stat_result, tree: os.stat_result) -> bool:
    # Files and folders are compared, not paths: a mount may give one of them several.
    base, is_git = f"/proc/{pid}", False
    try:
        # The kernel cuts a name after 15 bytes, which may be in the middle of a character.
        with open(f"{base}/comm", "rb") as file:
            is_git = file.read().startswith(b"git")
        if is_git and _is_inside(f"{base}/cwd", tree):
            return True
        return any(_is_open(f"{base}/fd/{number}", name, status) for number in os.listdir(f"{base}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return False
    except PermissionError:
        # A git process of another user: nothing can be seen of it, so it may be the owner.
        return is_git


def _is_inside(folder: str, tree: os.stat_result) -> bool:
    now, before = os.stat(folder), None
    while before is None or not os.path.samestat(now, before):
        if os.path.samestat(now, tree):
            return True
        folder += "/.."
        now, before = os.stat(folder), now
    return False


def _is_open(link: str, name: str, status: os.stat_result) -> bool:
    # The name comes first: a file on a server that is gone would be waited for.
    return os.path.basename(os.readlink(link)) == name and os.path.samestat(os.stat(link), status)
