"""A folder of bundles: git's own by the name of the source, and files of ``bundle create``, however they are called."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.bundles import is_inside
from git_hybrid.core.errors import BadBundle, LocalIo, NewerSchema, reported
from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports_bundle import BundleFile, Bundles, plain_bundle
from git_hybrid.core.value import Struct

if TYPE_CHECKING:
    from git_hybrid.core.ports import Quarantine
    from git_hybrid.store.bundlepart import Part

_ENDING, _TEMPORARY = ".bundle", ".tmp"
_NUMBERS = count()


class _Found(Struct, frozen=True):
    path: Path
    parts: Mapping[str, Part] | None


def bundles_in(folder: Path | str) -> Bundles:
    """Return what finds the bundles of a source in *folder*, which is looked through once, and only if need be.

    A git bundle NAME.bundle stands for the source alone. Else every file that this program has written is asked that
    carries the source, the newest first, and at last those of which that cannot be known.
    """
    from git_hybrid.store.bundlepart import is_bundle_file

    folder = Path(folder)
    carrying = cache(partial(_carrying, folder))

    def found(name: str) -> Sequence[BundleFile]:
        own = folder / f"{name}{_ENDING}"
        with reported(own, "read"):
            is_plain = not is_inside(name) and own.is_file() and not is_bundle_file(own)
        if is_plain:
            return (plain_bundle(str(own)),)
        return tuple(_file(item, name) for item in carrying() if item.parts is None or name in item.parts)

    return found


def _carrying(folder: Path) -> Sequence[_Found]:
    if not folder.is_dir():
        return ()
    with reported(folder, "read"), os.scandir(folder) as entries:
        seen = [(_written(entry), entry.name) for entry in entries if not _is_unfinished(entry.name)]
    files = sorted((-at, folder / name) for at, name in seen if at is not None)
    found = [_Found(path, parts) for _, path in files for parts in _looked_into(path)]
    return sorted(found, key=lambda item: item.parts is None)


def _is_unfinished(name: str) -> bool:
    """Tell whether a file of this name is one that is still written, here or by a program that copies."""
    return name.startswith(".") or name.endswith(_TEMPORARY)


def _written(entry: os.DirEntry[str]) -> int | None:
    """Return when the file *entry* was written, in ns; None where it is no file.

    One that cannot even be looked at stands in nobody's way, but is told of where its name says that it is wanted.
    """
    try:
        return entry.stat().st_mtime_ns if entry.is_file() else None
    except OSError:
        return 0 if entry.name.endswith(_ENDING) else None


def _looked_into(path: Path) -> Iterator[Mapping[str, Part] | None]:
    """Yield what the file at *path* carries, None if that cannot be known; nothing where it is none of this program.

    What it is called counts only where it cannot be read.
    """
    from git_hybrid.store.bundlepart import is_bundle_file, parts_of

    try:
        is_ours = is_bundle_file(path)
    except LocalIo:
        is_ours = path.name.endswith(_ENDING)
    try:
        if is_ours:
            yield parts_of(path)
    except (BadBundle, NewerSchema, LocalIo):
        yield None


def _file(item: _Found, name: str) -> BundleFile:
    opened = partial(_refused, item.path) if item.parts is None else partial(_unpacked, item.parts[name], name)
    return BundleFile(path=str(item.path), opened=opened, is_plain=False, is_sure=item.parts is not None)


def _refused(path: Path, _quarantine: Quarantine) -> AbstractContextManager[str]:
    """Raise again why nobody knows what the file at *path* carries, an error of its own for each source."""
    from git_hybrid.store.bundlepart import parts_of

    parts_of(path)
    raise BadBundle(path=str(path), place="its inventory", reason="changed while it was read")


@contextmanager
def _unpacked(part: Part, name: str, quarantine: Quarantine) -> Iterator[str]:
    from git_hybrid.store.bundlepart import take_part

    # What two sources have alike may be wanted by both at a time.
    stage = quarantine.stage(
        SourceName("inside" if is_inside(name) else name), borrow=False, suffix=f"carried{next(_NUMBERS)}"
    )
    target = Path(stage.path) / "history.bundle"
    try:
        take_part(part, target)
        yield str(target)
    except BadBundle as error:
        if error.path == str(target):
            # The file that people have is the other one.
            error.path, error.place = str(part.path), f"{part.member}: {error.place}"
        raise
    finally:
        quarantine.drop(stage)
