"""The folder in which one scanner works, outside of any workspace; gone with the scan, whatever the scanner did to it.

It stands in the system's folder for temporary files: inside a workspace the scanners that obey ignore files would find
that git ignores everything there, and scan nothing.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.value import Struct

_PREFIX = "hybrid-scan-"
_ALIVE = ".alive"


class Scratch(Struct, frozen=True):
    """The folder of one scan."""

    root: Path

    @property
    def tree(self) -> Path:
        """The files to scan."""
        return self.root / "tree"

    @property
    def work(self) -> Path:
        """The empty folder that the scanner is started in."""
        return self.root / "work"

    @property
    def home(self) -> Path:
        """HOME of the scanner, empty."""
        return self.root / "home"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the scanner."""
        return self.root / "tmp"

    @property
    def report(self) -> Path:
        """Where the report is expected."""
        return self.root / "out/report.json"

    @property
    def output(self) -> Path:
        """What the scanner prints to standard output."""
        return self.root / "out/printed"

    @property
    def errors(self) -> Path:
        """What it prints to standard error."""
        return self.root / "out/errors"


@contextmanager
def scratch() -> Iterator[Scratch]:
    """Make the folder of one scan, and remove it in the end.

    Raises:
        LocalIo: there is no room for it.
    """
    try:
        with _held() as root:
            made = Scratch(root)
            for folder in (made.tree, made.work, made.home, made.temporary, made.report.parent):
                folder.mkdir()
            yield made
    except OSError as error:
        raise LocalIo.of(error, str(error.filename or tempfile.gettempdir()), "use") from error


@contextmanager
def _held() -> Iterator[Path]:
    """Make a folder, and hold the lock that tells others of it that its program is alive."""
    while True:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as name:
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


def remove_dead() -> None:
    """Remove the folders of scans whose program was killed: nobody holds their lock any more."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
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
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as doomed:
        path.rename(Path(doomed) / path.name)
