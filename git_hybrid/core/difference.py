"""What a patch is made of: the two sides of it, and where their objects are."""

from __future__ import annotations

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.value import Struct


class Side(Struct, frozen=True):
    """A tree, and the absolute path of a repository that has all of it."""

    tree: Oid
    git_dir: str


class Difference(Struct, frozen=True):
    """What of a source changes between *old* and *new*; None is what stands in the working tree of its clone.

    ``lfs``: content of Git LFS may stand there in the place of pointers.
    """

    name: SourceName
    old: Side
    new: Side | None
    lfs: bool = False
