"""What filling a mirror folder needs of the outside, as Protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.value import Struct, field


class Holding(Struct, frozen=True, kw_only=True):
    """What a mirrored repository holds: its branches and tags, its default branch, and the commits of locks.

    ``pins`` are commits that a lock named once; they stay whatever upstream does. ``lfs`` are those of them whose LFS
    content is there. ``listed``: a server of plain files tells the same refs and packs. ``is_filled``: it was made by
    such a run, and not by somebody else.
    """

    refs: Mapping[str, Oid] = field(default_factory=dict)
    head: RefName | None = None
    pins: frozenset[Oid] = frozenset()
    lfs: frozenset[Oid] = frozenset()
    listed: bool = True
    is_filled: bool = True


class Claim(Struct, frozen=True, kw_only=True):
    """What a lock needs of a mirrored repository, so that its pin is proved there.

    ``ref`` has ``commit`` in its history, or is the very object ``tip`` (a tag); ``by_any``: any other branch or tag
    may have the commit just as well. ``log`` is the id of the audit log of that workspace, empty for the one that runs.
    """

    source: SourceName
    ref: RefName
    commit: Oid
    tip: Oid | None = None
    by_any: bool = False
    log: str = ""


class Change(Struct, frozen=True, kw_only=True):
    """What is to become of a mirrored repository: everything fetched into a stage goes in.

    ``gone`` are refs that upstream has no more, ``kept`` those that stay as they are whatever was fetched, ``pin`` is a
    commit to keep for good, ``lfs``: its LFS content came along; ``waived`` are objects that may fail fsck, by an
    override.
    """

    gone: Sequence[str] = ()
    kept: Sequence[str] = ()
    head: RefName | None = None
    pin: Oid | None = None
    lfs: bool = False
    waived: Sequence[Oid] = ()


class MirrorFolder(Protocol):
    """A folder of bare repositories; paths are relative to it, such as ``host/team/tool.git``."""

    def announce(self) -> str:
        """Show in the folder that this run works on it, for other machines that do; return the folder."""
        ...

    def holding(self, path: str) -> Holding | None:
        """Return what the repository at *path* holds, or None if there is none that git can read."""
        ...

    def list_again(self, name: SourceName, path: str) -> bool:
        """Write the lists of packs and refs of the repository at *path*; return whether they told something else."""
        ...

    def is_sound(self, path: str, waived: Sequence[Oid]) -> bool:
        """Tell whether every object of the repository at *path* is what its name says; *waived* ones need not be."""
        ...

    def exclusive(self, path: str) -> AbstractContextManager[Sequence[str]]:
        """Keep other threads from the repository at *path*; yields what a killed git had left and is gone now."""
        ...

    def stage(self, name: SourceName, path: str, *, borrow: bool, oid_length: int) -> Stage:
        """Return a new stage; with *borrow* it sees the objects of the repository at *path*."""
        ...

    def look(self, name: SourceName, path: str) -> Stage:
        """Return the repository at *path* itself, to be read and no more."""
        ...

    def install(self, stage: Stage, path: str, change: Change) -> str | None:
        """Check the stage with fsck, and make what it holds part of the repository at *path*.

        Returns where in the folder the one that stood there was set aside, if it was.
        """
        ...
