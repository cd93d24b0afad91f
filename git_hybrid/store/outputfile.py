"""What a command writes where a user says: a file, a device, a pipe, but nothing of the workspace's own.

Only what is absent or a regular file is replaced by a rename; a device or a FIFO is what others write to as well, and
takes what it gets. A symbolic link stands for what it names.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import BadArgument, reported
from git_hybrid.core.pattern import pattern
from git_hybrid.store.content import open_regular
from git_hybrid.store.durable import TEMPORARY, sync_folder
from git_hybrid.store.layout import Layout

_LEFT = pattern(r"\.[0-9a-f]{16}\.tmp")
_LINKS = 40
"""So many symbolic links one after the other are a loop, as for the kernel."""
_NAMED = "gitdir:"
_LONGEST = 1 << 16
"""More than a path in a file of git has, in bytes."""


def refuse_own(layout: Layout, path: Path, *, option: str, shown: str) -> None:
    """Refuse *path*, which *option* gave as *shown*, where the workspace or its repository keeps its own files.

    Raises:
        BadArgument: it is the manifest, a ``.gitattributes`` that counts here, or something in ``state/``, ``sources/``
            or ``.git/``, wherever that is; or it is a folder, or in one that is not there.
    """
    real = Path(os.path.realpath(path))
    own = (layout.manifest, layout.attributes, layout.state_folder, layout.sources_folder, *_git_places(layout.root))
    if any(real.is_relative_to(os.path.realpath(place)) for place in own):
        what = layout.relative(real)
        reason = f"{what} belongs to the workspace: name another file, outside of state/, sources/ and .git/"
        raise BadArgument(what=option, value=shown, reason=reason)
    if real.is_dir():
        raise BadArgument(what=option, value=shown, reason="is a folder: name a file in it")
    if not real.parent.exists():
        raise BadArgument(what=option, value=shown, reason=f"there is no folder {real.parent}")


def refuse_read(path: Path, *read: Path | None, option: str, shown: str) -> None:
    """Refuse *path*, which *option* gave as *shown*, where it is a file that the same command has *read*.

    Raises:
        BadArgument: it is one of them, by whatever name: what is written would be in place of it.
    """
    with suppress(OSError):
        target = os.stat(path)
        # What is no regular file, as a terminal or a pipe, takes what is written and keeps nothing.
        for place in filter(None, read) if stat.S_ISREG(target.st_mode) else ():
            with suppress(OSError):
                if os.path.samestat(target, os.stat(place)):
                    raise BadArgument(what=option, value=shown, reason=f"is the same file as {place}, which is read")


def _git_places(root: Path) -> tuple[Path, ...]:
    """Return the nearest ``.git`` from *root* upwards, what it leads to, and each ``.gitattributes`` on the way there.

    A linked worktree and a submodule have a file there that names a folder, which may name one that it shares.
    """
    top = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), None)
    if top is None:
        return ()
    found = [top / ".git"]
    attributes = [folder / ".gitattributes" for folder in root.parents if folder.is_relative_to(top)]
    named = _text_of(top / ".git")
    if named.startswith(_NAMED):
        found.append(top / named.removeprefix(_NAMED).strip())
    if shared := _text_of(found[-1] / "commondir"):
        found.append(found[-1] / shared)
    return (*found, *attributes)


def _text_of(path: Path) -> str:
    """Return what stands in the file at *path*; nothing where there is none."""
    try:
        if not path.is_file():
            return ""
        with open(path, "rb") as file:
            return os.fsdecode(file.read(_LONGEST)).strip()
    except OSError:
        return ""


def is_stdout(path: Path) -> bool:
    """Tell whether what is written to *path* goes where standard output goes."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(1))
    except OSError:
        return False


def write_output(path: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write *data* to *path* as :func:`output_file` does.

    Raises:
        LocalIo: the file system refused.
    """
    with output_file(path, mode=mode) as file:
        file.write(data)


@contextmanager
def output_file(path: Path, *, mode: int | None = None) -> Iterator[IO[bytes]]:
    """Yield what is written to *path*: at once or not at all where that is a file, else straight away.

    What replaces a file has its mode, or *mode* from its first moment at *path* on. Until then it stands beside it as
    ``<name>.<16 hex digits>.tmp``; what a killed writer left so, the next one removes.

    Raises:
        LocalIo: the file system refused; each file that was there is as it was.
    """
    with reported(path, "write"):
        straight = _straight(path)
        if straight is not None:
            with os.fdopen(straight, "wb") as file:
                yield file
            return
        target = Path(os.path.realpath(path))
        if mode is None and target.is_file():
            mode = target.stat().st_mode & 0o777
        temporary, descriptor = _begun(target, 0o666 if mode is None else mode)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if mode is not None and mode != stat.S_IMODE(os.fstat(descriptor).st_mode):
                    os.fchmod(descriptor, mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
                # Before the lock goes: another writer takes what is locked by nobody for a dead one's.
                os.rename(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(target.parent)
        _remove_left(target)


def _begun(target: Path, mode: int) -> tuple[Path, int]:
    """Make a file beside *target* and lock it; return where it is, and a descriptor of it.

    Before it is locked another writer can take it for a dead one's: then it is made once more.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    while True:
        # A name that nobody has or expects: the folder may be one where others write.
        temporary = target.with_name(f"{target.name}.{os.urandom(8).hex()}{TEMPORARY}")
        descriptor = os.open(temporary, flags, mode)
        with suppress(FileNotFoundError):
            # Where there are no locks nobody removes anything.
            if _locked(descriptor, without=True) and os.path.samestat(os.lstat(temporary), os.fstat(descriptor)):
                return temporary, descriptor
        os.close(descriptor)
        temporary.unlink(missing_ok=True)


def _locked(descriptor: int, *, without: bool = False) -> bool:
    """Tell whether *descriptor* is locked now: while somebody writes what it is open to, nobody else can do that.

    *without* is told where the file system has no locks.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without
    return True


def _remove_left(target: Path) -> None:
    """Remove what this user's killed writers of *target* left beside it; what is not to be had stays."""
    with suppress(OSError):
        for name in os.listdir(target.parent):
            if not name.startswith(f"{target.name}.") or not _LEFT.fullmatch(name[len(target.name) :]):
                continue
            with suppress(OSError), open_regular(target.with_name(name)) as file:
                if os.fstat(file.fileno()).st_uid == os.geteuid() and _locked(file.fileno()):
                    target.with_name(name).unlink()


def _straight(path: Path) -> int | None:
    """Return a descriptor of what *path* names where that cannot be replaced; None for a file, or where nothing is."""
    own = _own_descriptor(path)
    if own is not None:
        # What a shell opened to append to is appended to.
        return os.dup(own)
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return None
    return os.open(path, os.O_WRONLY | os.O_CLOEXEC)


def _own_descriptor(path: Path) -> int | None:
    """Return the descriptor of this process that *path* stands for, as ``/dev/stdout`` does for 1."""
    for _ in range(_LINKS):
        if path.name.isdecimal() and os.path.realpath(path.parent) == f"/proc/{os.getpid()}/fd":
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None
