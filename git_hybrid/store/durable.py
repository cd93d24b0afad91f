"""The one writer of files that must survive a crash.

A whole file is written as ``<file>.tmp`` in the same folder, fsynced, renamed over the old one, and the folder is
fsynced (rename(2), fsync(2)); readers see the old or the new file, never a mix. No path is followed through a symbolic
link at its last part.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import SymlinkRefused, reported
from git_hybrid.turn import TURN

if TYPE_CHECKING:
    from git_hybrid.store.meanwhile import Watch

TEMPORARY = ".tmp"
_NOTHING = 0.0002
"""Where the last fsync took longer than this, in seconds, other threads go on during the next one."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_slow = True
_REMOVALS, _MOMENT = 10, 0.05


def write_file(path: Path, data: bytes, *, shared: bool = False, watch: Watch | None = None) -> None:
    """Replace the file at *path* by *data*, durably.

    It keeps the mode of the file that it replaces. A new one has what the umask leaves, or if it is *shared* what its
    folder has: who may write in that may write in it. *watch* looks at it, and at others, just before.

    Raises:
        LocalIo: the file system refused; the old file is intact.
        SymlinkRefused: *path* is a symbolic link.
        Changed: somebody else has written what *watch* looks at; nothing is written over it.
    """
    with reported(path, "write"):
        mode = _mode_for(path, shared=shared)
    temporary = path.with_name(path.name + TEMPORARY)
    # A folder there is what has to go away.
    with reported(temporary if temporary.is_dir() else path, "write"):
        try:
            facts = _write_and_close(_opened(temporary), data, mode)
            if watch is not None:
                watch.require()
            os.rename(temporary, path)
        except Exception:
            temporary.unlink(missing_ok=True)
            raise
        if watch is not None:
            watch.wrote(path, facts)
        sync_folder(path.parent)


def _opened(temporary: Path) -> int:
    with suppress(FileExistsError):
        return os.open(temporary, _NEW, 0o666)
    # It was left by a killed writer, or is a pipe, which would hold us up for ever: nothing is written into it.
    temporary.unlink()
    return os.open(temporary, _NEW, 0o666)


def _mode_for(path: Path, *, shared: bool) -> int | None:
    """Return which mode is to be set on what is written to *path*; None for what the umask leaves."""
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return path.parent.stat().st_mode & 0o666 if shared else None
    if stat.S_ISLNK(found):
        raise SymlinkRefused(path=str(path))
    return stat.S_IMODE(found)


def append_file(path: Path, data: bytes, *, new: bool = True, shared: bool = False, watch: Watch | None = None) -> None:
    """Append *data* to the file at *path* in one write and fsync it; a new file's folder is fsynced too.

    A new file has the mode that :func:`write_file` gives it. *watch* looks at the file once it is open.

    Raises:
        LocalIo: the file system refused, or the file is not there and must not be *new*; what was there before is
            intact, though a part of *data* may follow it.
        Changed: it is not the file that *watch* has seen; nothing is appended.
    """
    with reported(path, "append to"):
        created = new and not path.exists()
        flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if new else 0)
        expected = None if watch is None else partial(watch.require_open, path)
        mode = path.parent.stat().st_mode & 0o666 if created and shared else None
        facts = _write_and_close(os.open(path, flags, 0o666), data, mode, expected)
        if watch is not None:
            watch.wrote(path, facts)
        if created:
            sync_folder(path.parent)


def drop_torn_line(path: Path) -> None:
    """Cut off what stands behind the last newline of the file at *path*: a line that was never written whole.

    Not for the audit log, of which nothing is ever cut.

    Raises:
        LocalIo: the file system refused.
    """
    with reported(path, "mend"):
        if is_torn(path):
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)


def is_torn(path: Path) -> bool:
    """Tell whether the file at *path* ends in the middle of a line; one that is empty, or not there, does not.

    Raises:
        LocalIo: it cannot be read.
    """
    with reported(path, "read"), suppress(FileNotFoundError), open(path, "rb", buffering=0) as file:
        return file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
    return False


def protect_file(path: Path) -> None:
    """Let nobody write to the file at *path* any more.

    Raises:
        LocalIo: the file system refused.
    """
    with reported(path, "write-protect"):
        path.chmod(0o444)


def _write_and_close(
    descriptor: int, data: bytes, mode: int | None, expected: Callable[[os.stat_result], None] | None = None
) -> os.stat_result:
    try:
        if expected is not None:
            expected(os.fstat(descriptor))
        if mode is not None and mode != stat.S_IMODE(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        _synced(descriptor)
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _synced(descriptor: int) -> None:
    global _slow  # noqa: PLW0603
    begun = time.monotonic()
    with TURN.waiting(back=False) if _slow else nullcontext():
        os.fsync(descriptor)
    _slow = time.monotonic() - begun > _NOTHING


def remove_file(path: Path) -> None:
    """Remove the file at *path*, durably; a file that is not there is no error.

    Raises:
        LocalIo: the file system refused.
    """
    with reported(path, "remove"), suppress(FileNotFoundError):
        path.unlink()
        sync_folder(path.parent)


def make_folder(path: Path, *, shared: bool = False) -> None:
    """Create the folder at *path* with its parents, durably; one that is there is no error.

    If it is *shared*, a new one has the rights of the folder that it is in.

    Raises:
        LocalIo: the file system refused, or a file stands there.
    """
    with reported(path, "create"):
        if not path.is_dir():
            new = [folder for folder in (path, *path.parents) if not folder.exists()]
            path.mkdir(parents=True, exist_ok=True)
            if shared and path in new:
                path.chmod(stat.S_IMODE(path.parent.stat().st_mode))
            for folder in new:
                sync_folder(folder.parent)


def rename_path(source: Path, target: Path) -> None:
    """Rename *source* to *target* (which must not exist), durably on both sides; a copy does where no folder can be.

    Raises:
        LocalIo: the file system refused; nothing moved.
    """
    with reported(target, "rename to"):
        try:
            os.rename(source, target)
        except OSError as error:
            from git_hybrid.store.carrying import carry  # imported here: it hardly ever fails

            carry(source, target, error)
        for changed in dict.fromkeys((target.parent, source.parent)):
            sync_folder(changed)


def remove_tree(path: Path) -> None:
    """Remove the folder at *path* with everything in it.

    A process that was told to end may still write there: what changes meanwhile is removed once more.

    Raises:
        LocalIo: the file system refused; a part may be gone. It names what is in the way, where that can be told.
    """
    try:
        _remove_for_good(path)
    except OSError as error:
        from git_hybrid.store.obstacles import refusal  # imported here: it hardly ever fails

        raise refusal(path, error) from error


def _remove_for_good(path: Path) -> None:
    for left in reversed(range(_REMOVALS)):
        try:
            _remove(path)
            return
        except OSError as error:
            if not left or error.errno not in (errno.ENOTEMPTY, errno.ENOENT, errno.ENOTDIR):
                raise
        time.sleep(_MOMENT)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # Not shutil.rmtree: to import shutil takes longer than to remove what a run has staged.
        _empty(path)
        path.rmdir()
    elif os.path.lexists(path):
        path.unlink()


def _empty(path: Path) -> None:
    """Remove what is in the folder at *path*; one folder is open at a time, however deep they stand in each other."""
    handle = os.open(path, _FOLDER)
    above: list[tuple[str, os.stat_result, list[str]]] = []
    try:
        left = _without_files(handle)
        while left or above:
            if left:
                name = left.pop()
                inner = os.open(name, _FOLDER, dir_fd=handle)
                above.append((name, os.fstat(handle), left))
                os.close(handle)
                handle = inner
                left = _without_files(handle)
                continue
            name, there, left = above.pop()
            outer = os.open("..", _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = outer
            if not os.path.samestat(there, os.fstat(handle)):
                raise OSError(errno.ENOENT, "was moved while it was removed")
            os.rmdir(name, dir_fd=handle)
    finally:
        os.close(handle)


def _without_files(handle: int) -> list[str]:
    """Remove the files in the folder that *handle* is, and return the names of the folders in it."""
    with os.scandir(handle) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_folder in entries:
        if not is_folder:
            os.unlink(name, dir_fd=handle)
    return [name for name, is_folder in entries if is_folder]


def sync_folder(path: Path) -> None:
    """Fsync the folder at *path*, so that names created or renamed in it last.

    A file system that cannot do that to a folder, as one shared with a virtual machine, answers EINVAL (fsync(2)).
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _synced(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def sync_everything() -> None:
    """Ask the kernel to write everything to disk: git fsyncs no file of a working tree."""
    os.sync()
