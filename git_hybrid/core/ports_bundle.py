"""What making and reading bundles needs of the outside, as Protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
    """Makes git bundles and reads their heads; and finds content of Git LFS, by its SHA-256."""

    def write(self, giver: Stage, pin: Pin, *, since: Oid | None) -> str:
        """Write the pinned commit with its history, without that of *since*, and return the file's path."""
        ...

    def write_submodule(self, giver: Stage, commit: Oid, *, suffix: str) -> str:
        """Write *commit* with its history, and return the file's path; one source has one of that *suffix*."""
        ...

    def head(self, path: str) -> BundleHead:
        """Return what the head of the git bundle at *path* says, or raise BadBundle."""
        ...

    def content(self, stage: Stage, commit: Oid) -> Mapping[str, Collection[int]]:
        """Return what the pointers of *commit* name: the sizes told of each content, in bytes."""
        ...

    def lend_content(self, giver: Stage, stage: Stage, commit: Oid) -> bool:
        """Give *stage* what *giver* has of the content of *commit*; tell whether nothing else is in the place of such.

        Each object is hashed; the giver stays as it is.
        """
        ...

    def content_at(self, stage: Stage, sha256: str, sizes: Collection[int]) -> str | None:
        """Return where *stage* has the content, if that is what stands there, and of the one size in *sizes*."""
        ...

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        ...


class BundleFile(Struct, frozen=True, kw_only=True):
    """A file that has history of a source: a git bundle, or one of this program's that carries such a one.

    ``opened`` is given where to unpack and yields the path of the git bundle, or of the content of Git LFS that was
    asked for. ``is_sure`` is false where what the file carries could not be read, which ``opened`` raises then;
    ``is_plain``: it is a git bundle.
    """

    path: str
    opened: Callable[[Quarantine], AbstractContextManager[str]]
    is_plain: bool = True
    is_sure: bool = True


Bundles = Callable[[str], Sequence[BundleFile]]
"""Returns the files that have history of the source of this name; the one to be asked first stands first.

What is inside of sources is asked for by its key (:mod:`git_hybrid.core.bundles`).
"""


def plain_bundle(path: str) -> BundleFile:
    """Return the git bundle at *path*."""
    return BundleFile(path=path, opened=lambda _quarantine: nullcontext(path))
