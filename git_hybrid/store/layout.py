"""Where everything of a workspace is; their names are in :mod:`git_hybrid.core.files`."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import FolderGone, InvalidFile, NoWorkspace, SymlinkRefused, reported
from git_hybrid.core.files import LOCK, LOG, MANIFEST, MARKER, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.core.value import Struct
from git_hybrid.core.words import typed


class Layout(Struct, frozen=True):
    """The paths of one workspace; ``root`` is absolute and free of symbolic links."""

    root: Path

    @property
    def manifest(self) -> Path:
        """``sources.toml``."""
        return self.root / MANIFEST

    @property
    def attributes(self) -> Path:
        """``.gitattributes``, of which some lines are ours."""
        return self.root / ".gitattributes"

    @property
    def state_folder(self) -> Path:
        """``state/``."""
        return self.root / "state"

    @property
    def sources_folder(self) -> Path:
        """``sources/``."""
        return self.root / "sources"

    @property
    def lock(self) -> Path:
        """``state/sources.lock``, the decision."""
        return self.root / LOCK

    @property
    def state(self) -> Path:
        """``state/sources.json``."""
        return self.root / STATE

    @property
    def mirrors(self) -> Path:
        """``state/sources-mirrors.json``, the inventory of mirrors."""
        return self.root / MIRRORS

    @property
    def audit(self) -> Path:
        """``state/sources-audit.jsonl``."""
        return self.root / LOG

    def has_log(self) -> bool:
        """Tell whether there is an audit log with anything in it."""
        return self.audit.exists() and self.audit.stat().st_size > 0

    @property
    def overrides(self) -> Path:
        """``state/sources-overrides.json``."""
        return self.root / OVERRIDES

    @property
    def marker(self) -> Path:
        """``state/resume.json``: there while a run is unfinished."""
        return self.root / MARKER

    @property
    def journals(self) -> Path:
        """``state/journal/``."""
        return self.state_folder / "journal"

    def journal(self, run: RunId) -> Path:
        """Return the journal of one run."""
        return self.journals / f"{run}.jsonl"

    @property
    def scans(self) -> Path:
        """``state/scans/``."""
        return self.state_folder / "scans"

    def report(self, name: SourceName) -> Path:
        """Return the last scan report of one source."""
        return self.scans / f"{name}.sarif"

    def staged_report(self, run: str, name: SourceName) -> Path:
        """Return where the scan report of an open run waits for the run's decision."""
        return self.journals / run / f"{name}.sarif"

    @property
    def writer_lock(self) -> Path:
        """``sources/.lock``, the mutex."""
        return self.sources_folder / ".lock"

    @property
    def incoming(self) -> Path:
        """``sources/.incoming/``, the quarantine."""
        return self.sources_folder / ".incoming"

    @property
    def set_aside(self) -> Path:
        """``sources/.set-aside/``: broken clones that may hold somebody's work."""
        return self.sources_folder / ".set-aside"

    def clone(self, name: SourceName) -> Path:
        """Return the folder of one source."""
        return self.sources_folder / name

    def owns(self, folder: Path) -> bool:
        """Tell whether *folder*, which is free of symbolic links, is one that nothing but the workspace may fill."""
        own = (self.state_folder, self.sources_folder)
        return folder == self.root or any(folder.is_relative_to(path) for path in own)

    def relative(self, path: Path) -> str:
        """Return *path* as users see it: relative to the root."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)


def current_folder() -> Path:
    """Return the folder that we stand in.

    Raises:
        FolderGone: it is there no more.
    """
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise FolderGone from error


def find_root(start: Path) -> Layout:
    """Return the workspace that *start* is in: the nearest folder upwards that holds ``sources.toml``.

    A ``sources.toml`` below the ``sources/`` of another workspace belongs to somebody else's repository and is passed
    over.

    Raises:
        NoWorkspace: there is none.
    """
    candidates = [folder for folder in (start, *start.parents) if (folder / MANIFEST).exists()]
    for candidate in candidates:
        inside = any(candidate.is_relative_to(outer / "sources") for outer in candidates if outer != candidate)
        if not inside:
            return Layout(candidate)
    raise NoWorkspace(path=str(start))


def refuse_links(layout: Layout, names: tuple[SourceName, ...] = ()) -> None:
    """Refuse to work through symbolic links, which could lead writes out of the workspace; and files for folders.

    So is a folder where the lock of the writers belongs.

    Raises:
        SymlinkRefused: ``state/``, ``sources/``, a file in them or a source's folder is a symbolic link.
        InvalidFile: ``state`` or ``sources`` is no folder, or ``sources/.lock`` is one.
        LocalIo: the disk refuses to tell of one of these folders.
    """
    fixed = (layout.state_folder, layout.sources_folder, layout.lock, layout.state, layout.audit, layout.overrides)
    more = (layout.marker, layout.journals, layout.scans, layout.incoming, layout.writer_lock, layout.set_aside)
    clones = f"{layout.sources_folder}/"
    paths = (*map(str, (*fixed, *more, layout.manifest, layout.mirrors)), *map(clones.__add__, names))
    folders = (layout.state_folder, layout.sources_folder)
    refuse_linked(layout, (*paths, *(f"{folder}/.gitignore" for folder in folders)))
    for folder in folders:
        # That is also what is said of a folder that the disk refuses to tell of.
        if not os.path.isdir(folder):
            with reported(folder, "read"), suppress(FileNotFoundError):
                _refuse_for_folder(layout, folder, os.stat(folder).st_mode)
    if os.path.isdir(layout.writer_lock):
        raise _in_place_of(layout, layout.writer_lock, "is a folder, and a file")


def _refuse_for_folder(layout: Layout, path: Path, mode: int) -> None:
    if not stat.S_ISDIR(mode):
        raise _in_place_of(layout, path, f"is {'a file' if stat.S_ISREG(mode) else 'no folder'}, and a folder")


def _in_place_of(layout: Layout, path: Path, what: str) -> InvalidFile:
    name = layout.relative(path)
    return InvalidFile.at(name, name, f"{what} belongs there", mend=typed("mv", str(path), f"{path}.old"))


def refuse_linked(layout: Layout, paths: Iterable[Path | str]) -> None:
    """Refuse *paths* of which one is a symbolic link.

    Raises:
        SymlinkRefused: one is.
    """
    for path in paths:
        if os.path.islink(path):
            raise SymlinkRefused(path=layout.relative(Path(path)))


def archives(layout: Layout) -> tuple[str, ...]:
    """Return the archived files of the audit log, the oldest first, by their paths from the root.

    Raises:
        SymlinkRefused: one is a symbolic link, to what the audit log has nothing of.
    """
    found = (*layout.state_folder.glob("sources-audit.*.jsonl"),) if layout.state_folder.is_dir() else ()
    refuse_linked(layout, found)
    return in_order(layout.relative(path) for path in found)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return *names* of archives, the oldest first: ``…audit.2026.jsonl``, ``…audit.2026-2.jsonl``, then 2027."""
    return tuple(sorted(names, key=_archive_order))


def _archive_order(name: str) -> tuple[str, int]:
    year, _, number = name.split(".")[1].partition("-")
    return year, int(number) if number.isascii() and number.isdigit() else 1
