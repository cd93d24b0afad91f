"""The files of a workspace as values. A file that is not there says nothing, which is no error."""

from __future__ import annotations

from git_hybrid.core.lock import Lock
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.override import Overrides, Trail, trail_of
from git_hybrid.core.state import State
from git_hybrid.store import chain, lockfile, mirrorfile, overridefile, statefile
from git_hybrid.store.layout import Layout, archives
from git_hybrid.store.parsing import read_bytes


def lock(layout: Layout) -> Lock:
    """Return the lock.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    data = read_bytes(layout.lock, lockfile.SHOWN)
    return Lock() if data is None else lockfile.decode_lock(data)


def state(layout: Layout) -> State:
    """Return state.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    data = read_bytes(layout.state, statefile.SHOWN)
    return State() if data is None else statefile.decode_state(data)


def overrides(layout: Layout) -> Overrides:
    """Return the overrides.

    Raises:
        InvalidFile, NewerSchema, LocalIo: they cannot be read.
    """
    data = read_bytes(layout.overrides, overridefile.SHOWN)
    return Overrides() if data is None else overridefile.decode_overrides(data)


def mirrors(layout: Layout) -> Inventory:
    """Return the inventory of mirrors.

    Raises:
        InvalidFile, NewerSchema, LocalIo: it cannot be read.
    """
    data = read_bytes(layout.mirrors, mirrorfile.SHOWN)
    return Inventory() if data is None else mirrorfile.decode_mirrors(data)


def trail(layout: Layout) -> Trail:
    """Return what the audit log and its archives say of overrides; a log that names none is not taken apart.

    Raises:
        InvalidFile, LocalIo: the log cannot be read.
    """
    files = [layout.root / name for name in archives(layout)]
    data = b"".join(read_bytes(path, chain.SHOWN) or b"" for path in (*files, layout.audit))
    return trail_of(chain.parse_log(data).records) if b'"override' in data else Trail()
