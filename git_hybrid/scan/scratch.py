"""The folder in which one scanner works, outside of any workspace; gone with the scan, whatever the scanner did to it.

It stands in a folder for temporary files that is in no git repository: there the scanners that obey ignore files could
find that git ignores everything, and scan nothing, and others would name files by their way from its top.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import BadArgument, LocalIo
from git_hybrid.core.value import Struct
from git_hybrid.temporary import temporary_folders

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
        BadArgument: each folder for temporary files is in a git repository.
        LocalIo: there is no room for it.
    """
    with ExitStack() as stack:
        try:
            made = Scratch(stack.enter_context(_held()))
            for folder in (made.tree, made.work, made.home, made.temporary, made.report.parent):
                folder.mkdir()
        except OSError as error:
            raise LocalIo.of(error, str(error.filename or tempfile.gettempdir()), "use") from error
        # What fails from here on is no fault of the folder.
        yield made


def scan_folder() -> str:
    """Return the folder for temporary files that scans are run in: the first that is in no git repository.

    Raises:
        BadArgument: each is in one.
        FileNotFoundError: none can be written to.
    """
    folders = temporary_folders()
    above = [_repository(folder) for folder in folders]
    if None in above:
        return folders[above.index(None)]
    reason = f"is in the git repository {above[0]}, where scanners that obey its ignore files may see nothing"
    hint = "a folder that is in no repository: export TMPDIR=DIR"
    raise BadArgument(what="TMPDIR", value=folders[0], reason=reason, hint=hint)


def _repository(folder: str) -> Path | None:
    real = Path(os.path.realpath(folder))
    return next((above for above in (real, *real.parents) if os.path.lexists(above / ".git")), None)


@contextmanager
def _held() -> Iterator[Path]:
    """Make a folder, and hold the lock that tells others of it that its program is alive."""
    while True:
        with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=scan_folder(), ignore_cleanup_errors=True) as name:
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
    for path in (path for folder in temporary_folders() for path in Path(folder).glob(f"{_PREFIX}*")):
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
    with tempfile.TemporaryDirectory(dir=path.parent, ignore_cleanup_errors=True) as doomed:
        path.rename(Path(doomed) / path.name)
