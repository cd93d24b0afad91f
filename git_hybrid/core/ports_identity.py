"""What ``check sources`` needs of the outside."""

from __future__ import annotations

from typing import Protocol

from git_hybrid.core.clone_proof import Content, Standing
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source


class Prover(Protocol):
    """Reads clones without trusting anything that stands in them; changes nothing, asks no server."""

    def standing(self, source: Source, pin: Pin) -> Standing:
        """Return what the git folder of the clone says of *pin*."""
        ...

    def damaged_packs(self, source: Source) -> tuple[str, ...]:
        """Return the names of the files of packs in the clone that hold something else than their checksums say."""
        ...

    def damaged_lfs(self, source: Source, standing: Standing) -> tuple[str, ...]:
        """Return the ids of the objects of Git LFS in the clone that the commit names and that hold something else."""
        ...

    def content(self, source: Source, standing: Standing) -> Content:
        """Return what the working tree of the clone holds, every file read."""
        ...
