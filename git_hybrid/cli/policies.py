"""What is asked of the manifest in the middle of a run, by whoever must not know where it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.core.errors import GitFailed, HybridError, LocalIo
from git_hybrid.git.quarantine import KEPT
from git_hybrid.git.stale import remove_stale

if TYPE_CHECKING:
    from git_hybrid.core.ids import SourceName
    from git_hybrid.core.manifest import Policy
    from git_hybrid.git.clones import GitClones
    from git_hybrid.git.quarantine import GitQuarantine
    from git_hybrid.store.layout import Layout
    from git_hybrid.store.ledger import FileLedger


def may_be_asked(policy: Callable[[], Policy], host: str) -> bool:
    """Tell whether *policy* allows *host*, to which a server redirects."""
    hosts = policy().hosts
    return hosts is None or host in hosts


def policy_of(ledger: FileLedger) -> Policy:
    """Return what the manifest has under ``[policy]``, read when a server is about to be asked."""
    return ledger.snapshot().manifest.policy


def names_keys(layout: Layout) -> bool:
    """Tell whether policy of a workspace names keys of approvers; of one that cannot be read the error says that."""
    from git_hybrid.core.approval import has_keys
    from git_hybrid.store.manifest import decode_manifest
    from git_hybrid.store.reading import manifest_text

    with suppress(HybridError):
        return has_keys(decode_manifest(manifest_text(layout).encode("utf-8")).policy)
    return False


def cleaned(quarantine: GitQuarantine, ledger: FileLedger, clones: GitClones) -> tuple[str, ...]:
    """Remove what dead runs left below ``sources/``, and return that in words."""
    disk, folder, notes = quarantine.disk, quarantine.folder, list[str]()
    if (folder / ".incoming" / KEPT).is_dir():
        from git_hybrid.git.lfskept import drop_kept

        notes += drop_kept(disk, folder, partial(_pending, ledger))
    notes += quarantine.clean(partial(must_not_be_lost, ledger, clones))
    return (*notes, *remove_stale(disk, folder, clones.scout))


def _pending(ledger: FileLedger) -> frozenset[SourceName]:
    unfinished = ledger.snapshot().unfinished
    return frozenset() if unfinished is None else frozenset(task.name for task in unfinished.tasks)


def must_not_be_lost(ledger: FileLedger, clones: GitClones, name: str, path: Path) -> bool:
    """Tell of a clone that a killed run had withdrawn to *path* whether it is to come back.

    So it is if *name* is a source of the manifest, or if the clone holds work, or cannot be read.
    """
    if name in ledger.snapshot().manifest.sources:
        return True
    try:
        return clones.holds_work(path)
    except (GitFailed, LocalIo):
        return True
