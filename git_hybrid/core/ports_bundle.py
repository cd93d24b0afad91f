"""What making and reading bundles needs of the outside, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.ports import Stage
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
