"""The folders for temporary files: those that are meant for them, never the current one.

Python takes the current folder where no other can be written to: a clone, or a repository of the user's. What a killed
program left there the next one removes.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108
_ALIVE = ".alive"


def temporary_folder() -> str:
    """Return the folder for temporary files.

    Raises:
        FileNotFoundError: none can be written to.
    """
    try:
        folder = gettempdir()
        if folder in _meant() or folder != os.path.abspath(os.curdir):
            return folder
    except FileNotFoundError:
        pass
    raise FileNotFoundError(errno.ENOENT, "no folder for temporary files can be written to", "TMPDIR")


def temporary_folders() -> list[str]:
    """Return the folders for temporary files, beginning with that of :func:`temporary_folder`.

    Raises:
        FileNotFoundError: none can be written to.
    """
    others = [folder for folder in _meant() if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)]
    return list(dict.fromkeys([temporary_folder(), *others]))


def _meant() -> list[str]:
    named = (os.environ.get(variable) for variable in _VARIABLES)
    return [*(os.path.abspath(folder) for folder in named if folder), *_USUAL]


@contextmanager
def living_folder(prefix: str, place: str) -> Iterator[Path]:
    """Make a folder in *place* for the block, and hold the lock that tells others of it that its program is alive."""
    while True:
        with TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as name:
            root = Path(os.path.realpath(name))
            alive = os.open(root / _ALIVE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(alive, fcntl.LOCK_EX)
                if _stands(root / _ALIVE, alive):
                    yield root
                    return
            finally:
                os.close(alive)


def _stands(path: Path, alive: int) -> bool:
    """Tell whether *alive* is the file at *path* still: before it was locked, others could take it for a dead one's."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.lstat(path), os.fstat(alive))
    return False


def remove_dead_folders(prefix: str) -> None:
    """Remove the folders of :func:`living_folder` whose program was killed: nobody holds their lock any more."""
    for path in (path for folder in temporary_folders() for path in Path(folder).glob(f"{prefix}*")):
        with suppress(OSError):
            alive = os.open(path / _ALIVE, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                if os.fstat(alive).st_uid == os.getuid():
                    fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(path)
            finally:
                os.close(alive)


def _remove(path: Path) -> None:
    # TemporaryDirectory also opens folders that were closed to their owner, which rmtree alone does not.
    with TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as doomed:
        path.rename(Path(doomed) / path.name)
