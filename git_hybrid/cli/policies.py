"""What is asked of the manifest in the middle of a run, by whoever must not know where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_hybrid.store.ledger import FileLedger


class HostPolicy:
    """Asks the manifest whether a host that a server redirects to may be asked; reads it only when that happens."""

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger

    def __call__(self, host: str) -> bool:
        """Tell whether policy allows *host*."""
        hosts = self._ledger.snapshot().manifest.policy.hosts
        return hosts is None or host in hosts


class Sources:
    """Asks the manifest whether a name is a source's; reads it only when that happens."""

    def __init__(self, ledger: FileLedger) -> None:
        self._ledger = ledger

    def __call__(self, name: str) -> bool:
        """Tell whether *name* is a source of the manifest."""
        return name in self._ledger.snapshot().manifest.sources
