"""Content of Git LFS that came for a clone which did not come about: the next try takes it over.

It is below ``sources/.incoming/``, by the name of the source, for as long as that is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import HybridError, LocalIo, reported
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.git.lfsstore import lend_kept, pour
from git_hybrid.git.mirror_links import refuse_links_to
from git_hybrid.git.quarantine import KEPT, Disk
from git_hybrid.git.run import Runner


@contextmanager
def keeping(runner: Runner, disk: Disk, folder: Path, stage: Stage, oid: Oid) -> Iterator[None]:
    """Give *stage* what is kept of the content of the commit *oid*; keep what it has if the block fails.

    *folder* is that of the clones. Each object is hashed before it counts.

    Raises:
        LocalIo: the file system refused.
        SymlinkRefused: a link stands where it is kept.
    """
    place = refuse_links_to(folder, (".incoming", KEPT, stage.name))
    kept = Stage(name=stage.name, path=str(place))
    if place.is_dir():
        lend_kept(runner, kept, stage, oid)
    try:
        yield
    except HybridError:
        # What went wrong counts, and not that a disk has no place for what came.
        with suppress(LocalIo):
            pour(disk, stage, kept)
        raise
    disk.remove_tree(place)
    _remove_empty(place.parent)


def drop_kept(disk: Disk, folder: Path, pending: Callable[[], Collection[SourceName]]) -> list[str]:
    """Remove what is kept for sources below *folder* that are not *pending* any more; return what could not be.

    Raises:
        OSError: the folder cannot be read.
    """
    place, left = folder / ".incoming" / KEPT, list[str]()
    try:
        if place.is_symlink() or not place.is_dir():
            return []
    except PermissionError:
        # Another user's, who alone may look: that is told with the rest of it.
        return []
    with reported(place, "read"):
        found = sorted(place.iterdir())
    names = pending() if found else ()
    for path in found:
        if path.name not in names:
            try:
                disk.remove_tree(path)
            except LocalIo as error:
                left.append(f"an earlier run could not remove all: {error.path}: {error.reason}")
    _remove_empty(place)
    return left


def _remove_empty(place: Path) -> None:
    for folder in (place, place.parent):
        with suppress(OSError):
            folder.rmdir()
