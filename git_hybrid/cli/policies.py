"""What is asked of the manifest in the middle of a run, by whoever must not know where it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import LocalIo

if TYPE_CHECKING:
    from git_hybrid.git.clones import GitClones
    from git_hybrid.store.ledger import FileLedger


class HostPolicy:
    """Asks the manifest whether a host that a server redirects to may be asked; reads it only when that happens."""

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger

    def __call__(self, host: str) -> bool:
        """Tell whether policy allows *host*."""
        hosts = self._ledger.snapshot().manifest.policy.hosts
        return hosts is None or host in hosts


class Wanted:
    """Tells of a clone that a killed run had withdrawn whether it must not be lost; asks only when that happens."""

    def __init__(self, ledger: FileLedger, clones: GitClones) -> None:
        self._ledger = ledger
        self._clones = clones

    def __call__(self, name: str, path: Path) -> bool:
        """Tell whether *name* is a source of the manifest, or the clone at *path* holds work, or cannot be read."""
        if name in self._ledger.snapshot().manifest.sources:
            return True
        try:
            return self._clones.holds_work(path)
        except LocalIo:
            return True
