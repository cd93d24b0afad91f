"""What making and reading bundles needs of the outside, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Quarantine, Stage
from git_hybrid.core.value import Struct


class BundleHead(Struct, frozen=True, kw_only=True):
    """What the head of a git bundle says: its refs, and the commits that must be there already."""

    refs: Mapping[str, Oid]
    prerequisites: tuple[Oid, ...]


class BundleTool(Protocol):
    """Makes git bundles and reads their heads."""

    def write(self, giver: Stage, pin: Pin, *, since: Oid | None) -> str:
        """Write the pinned commit with its history, without that of *since*, and return the file's path."""
        ...

    def head(self, path: str) -> BundleHead:
        """Return what the head of the git bundle at *path* says, or raise BadBundle."""
        ...


class BundleFile(Struct, frozen=True, kw_only=True):
    """A file that has history of a source: a git bundle, or one of this program's that carries such a one.

    ``opened`` is given where to unpack and yields the path of the git bundle. ``is_sure`` is false where what the file
    carries could not be read, which ``opened`` raises then; ``is_plain``: it is a git bundle.
    """

    path: str
    opened: Callable[[Quarantine], AbstractContextManager[str]]
    is_plain: bool = True
    is_sure: bool = True


Bundles = Callable[[str], Sequence[BundleFile]]
"""Returns the files that have history of the source of this name; the one to be asked first stands first."""


def plain_bundle(path: str) -> BundleFile:
    """Return the git bundle at *path*."""
    return BundleFile(path=path, opened=lambda _quarantine: nullcontext(path))
