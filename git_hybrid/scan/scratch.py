"""The folder in which one scanner works, outside of any workspace; gone with the scan, whatever the scanner did to it.

It stands in a folder for temporary files that is in no git repository: there the scanners that obey ignore files could
find that git ignores everything, and scan nothing, and others would name files by their way from its top.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from git_hybrid.core.errors import BadArgument, LocalIo
from git_hybrid.core.value import Struct
from git_hybrid.temporary import living_folder, remove_dead_folders, temporary_folders

_PREFIX = "hybrid-scan-"


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
            made = Scratch(stack.enter_context(living_folder(_PREFIX, scan_folder())))
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


def remove_dead() -> None:
    """Remove the folders of scans whose program was killed."""
    remove_dead_folders(_PREFIX)
