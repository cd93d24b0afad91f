"""Move a clone that goes away with the run out of sight, and back to its place where the run is not recorded."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from git_hybrid.core.ids import SourceName
from git_hybrid.core.planner import removal_blocked
from git_hybrid.git.clones import GitClones
from git_hybrid.git.quarantine import GitQuarantine


def withdraw(
    clones: GitClones, quarantine: GitQuarantine, name: SourceName, set_aside: Callable[[], str | None]
) -> str | None:
    """Move the clone of *name* out of ``sources/``; return where it was *set_aside* to, if it holds saved work.

    Raises:
        LocalWork: there is work in it, and it stands where it was.
        LocalIo, GitFailed: the machine refused, or git does not tell; it stands where it was, or can be given back.
    """
    path = clones.folder / name
    if not (path / ".git").is_dir():
        # Nothing, or an empty folder: what else is no clone keeps its source from being removed.
        with suppress(OSError):
            path.rmdir()
        return None
    from git_hybrid.git.unsaved import holds_saved

    if holds_saved(clones.runner, path / ".git"):
        return set_aside()
    place = quarantine.place_for(name)
    quarantine.disk.rename_path(path, place)
    # Whoever writes by the path of the clone meets it no more: what came since the run looked at it shows here.
    error = removal_blocked(name, clones.inspect_path(place, None), lambda: clones.unsaved_in(place))
    if error is not None:
        give_back(clones, quarantine, name, None)
        raise error
    return None


def give_back(clones: GitClones, quarantine: GitQuarantine, name: SourceName, kept: str | None) -> None:
    """Move the clone of *name* back to its place, from where it was *kept* if it was set aside.

    Raises:
        LocalIo: the file system refused.
    """
    withdrawn = clones.folder.parent / kept if kept else quarantine.place_for(name)
    if withdrawn.is_dir():
        quarantine.disk.rename_path(withdrawn, clones.folder / name)
