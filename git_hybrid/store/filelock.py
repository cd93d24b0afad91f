"""The writer lock ``sources/.lock``: one writer at a time, by flock(2) through the library ``filelock``.

The file is never removed: a removed lock file splits its waiters. Its content says who holds it, for the message of
whoever waits in vain; only the lock itself decides.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from git_hybrid.core.errors import Interrupted, LocalIo, LockBusy, LockUnsupported, reported
from git_hybrid.core.value import Struct, sorted_json
from git_hybrid.core.values import format_time
from git_hybrid.store.content import regular

_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
_UNREADABLE: Final = (OSError, msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError)
_LARGEST = 1 << 16
_NAMELESS = "a process that did not say its name"


class Held(Struct, frozen=True):
    """A lock that is held at ``path``; ``facts`` are those of its file, which no other has while this one is open."""

    path: Path
    facts: os.stat_result

    def is_in_place(self) -> bool:
        """Tell whether that file is still at its path: if not, whoever comes there now gets another lock.

        Raises:
            LocalIo: the machine refused to say.
        """
        try:
            return os.path.samestat(self.facts, os.lstat(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise LocalIo.of(error, self.path, "read") from error


@contextmanager
def writer_lock(
    path: Path, *, timeout: timedelta, command: str, now: datetime, cancelled: Callable[[], int]
) -> Iterator[Held]:
    """Hold the lock at *path* for the block; *cancelled* returns the number of the signal that ended waiting, or 0.

    Raises:
        LockBusy: another writer held it for the whole *timeout*; the holder is named.
        LockUnsupported: the file system has no locks.
        Interrupted: a signal came while waiting.
    """
    release = _taken_at_once(path) or _waited_for(path, timeout=timeout, cancelled=cancelled)
    try:
        with reported(path, "lock"):
            held = Held(path, os.lstat(path))
        holder = {"pid": os.getpid(), "host": os.uname().nodename, "command": command, "since": format_time(now)}
        _write_holder(path, holder)
        try:
            yield held
        finally:
            with suppress(LocalIo):
                if held.is_in_place():
                    _write_holder(path, None)
    finally:
        release()


def longer(timeout: timedelta) -> str:
    """Return what to wait for a lock where *timeout* was too short."""
    return f"{max(60, int(2 * timeout.total_seconds()))}s"


def _taken_at_once(path: Path) -> Callable[[], None] | None:
    """Take the lock if nobody holds it, and return what gives it back; None where there is more to it.

    That is what the library does first, which takes longer to import than a run that has nothing to do takes for all.
    """
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError:
        return None
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(number), os.lstat(path)):
            return partial(os.close, number)
    except OSError:
        pass
    os.close(number)
    return None


def _waited_for(path: Path, *, timeout: timedelta, cancelled: Callable[[], int]) -> Callable[[], None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path, timeout=timeout.total_seconds(), fallback_to_soft=False)
    try:
        lock.acquire(cancel_check=lambda: cancelled() != 0)
    except Timeout as error:
        if cancelled():
            raise Interrupted(signal=cancelled()) from error
        blocked = LockBusy(path=str(path), holder=_read_holder(path), stopped=stopped(path), longer=longer(timeout))
        raise blocked from error
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise LockUnsupported(path=str(path), reason=error.strerror or str(error)) from error
        raise LocalIo.of(error, path, "lock") from error
    return lock.release


def _write_holder(path: Path, holder: dict[str, object] | None) -> None:
    # Information for people, not state: no fsync, and a full disk must not stop the release of the lock.
    try:
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate(0)
            if holder is not None:
                file.write(sorted_json(holder).decode("utf-8"))
    except OSError:
        return


def _told(path: Path) -> Any:
    """Return what the lock file at *path* says of who holds it: people may write there what they like.

    Raises:
        one of _UNREADABLE: nothing of use.
    """
    return msgspec.json.decode(regular(path, _LARGEST))


def _read_holder(path: Path) -> str:
    from git_hybrid.core.redact import redact

    try:
        holder = _told(path)
        return f"pid {holder['pid']} on {holder['host']} since {holder['since']}: {redact(str(holder['command']))}"
    except _UNREADABLE:
        return _NAMELESS


def worker(path: Path, since: datetime) -> str:
    """Return, in words, who holds the writer lock at *path* for a run that began at *since*; nothing if nobody does."""
    try:
        is_its = _told(path)["since"] == format_time(since)
    except _UNREADABLE:
        return ""
    named, held = holder(path) if is_its else ("", False)
    if held and (pid := stopped(path)):
        return f"{named}, stopped: kill -CONT {pid}"
    return named if held else ""


def stopped(path: Path) -> int:
    """Return the id of the process that says at *path* that it holds the lock if a signal has stopped it, or 0."""
    try:
        told = _told(path)
        pid = int(told["pid"])
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            # "1234 (git-hybrid) T ...": the name may have blanks and brackets in it (proc_pid_stat(5)).
            state = file.read().rpartition(")")[2].split()[0]
        return pid if told["host"] == os.uname().nodename and state == "T" else 0
    except (*_UNREADABLE, IndexError):
        return 0


def holder(path: Path) -> tuple[str, bool]:
    """Return who holds the writer lock at *path*, or who died with it, in words, and whether it is held.

    The lock itself is not touched: a reader that tried it for a moment would stand in a writer's way.
    """
    if not path.exists() or path.stat().st_size == 0:
        return (_NAMELESS, True) if _is_held(path) else ("", False)
    named = _read_holder(path)
    held = _is_held(path)
    return named, _is_running(path) if held is None else held


def _is_held(path: Path) -> bool | None:
    """Tell whether anybody holds a flock on *path*, from Linux's list of locks; None where there is no such list."""
    try:
        facts = path.stat()
        with open("/proc/locks", encoding="ascii", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    # "1: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF" (proc_locks(5)); file systems such as btrfs show another
    # device than stat(2), so the inode decides.
    return any("FLOCK" in words and "->" not in words and _inode(words) == facts.st_ino for words in lines)


def _inode(words: list[str]) -> int:
    place = next((word for word in words if word.count(":") == 2), "")
    number = place.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _is_running(path: Path) -> bool:
    try:
        told = _told(path)
        if told["host"] != os.uname().nodename:
            return True
        os.kill(int(told["pid"]), 0)
    except PermissionError:
        return True
    except _UNREADABLE:
        return False
    return True


def probe_locks(folder: Path) -> str:
    """Try file locks in *folder*, on a file made for it; return what is wrong with them, or nothing."""
    from tempfile import mkstemp

    from git_hybrid.store.durable import TEMPORARY

    try:
        descriptor, name = mkstemp(prefix=".probe-", suffix=TEMPORARY, dir=folder)
    except OSError as error:
        return f"no file can be made ({error.strerror or error})"
    try:
        second = os.open(name, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return _refused(second)
        except OSError as error:
            return error.strerror or str(error)
        finally:
            os.close(second)
    finally:
        os.close(descriptor)
        # A writer that begins meanwhile takes it for a dead run's.
        with suppress(FileNotFoundError):
            os.unlink(name)


def _refused(descriptor: int) -> str:
    """Return what is wrong if a lock is given to *descriptor* while another holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ""
    return "two writers get the same lock"
