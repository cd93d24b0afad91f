"""The files of a workspace as values. A file that is not there says nothing, which is no error."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.core.audit import Record
from git_hybrid.core.audit_query import records_of
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


def records(layout: Layout) -> tuple[Record, ...]:
    """Return the whole records of the audit log and its archives, the oldest first.

    Raises:
        LocalIo: the log cannot be read.
    """
    return _records(_texts(layout))


def _texts(layout: Layout) -> dict[str, bytes]:
    names = (*archives(layout), chain.SHOWN)
    return {name: read_bytes(layout.root / name, name) or b"" for name in names}


def _records(texts: Mapping[str, bytes]) -> tuple[Record, ...]:
    return records_of([chain.segment_of(name, text) for name, text in texts.items()])


def trail(layout: Layout) -> Trail:
    """Return what the audit log and its archives say of overrides; a log that names none is not taken apart.

    A record that was edited says nothing: then the override that it told of is no longer borne out.

    Raises:
        LocalIo: the log cannot be read.
    """
    texts = _texts(layout)
    return trail_of(_records(texts)) if any(b'"override' in text for text in texts.values()) else Trail()
