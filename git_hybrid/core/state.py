"""State: what was installed last (``state/sources.json``), as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from git_hybrid.core.ids import Oid, SourceName, Url
from git_hybrid.core.manifest import Track

ScanState = Literal["clean", "findings", "error", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanStatus:
    """How one commit was scanned last; ``counts`` holds findings by severity (high, medium, low)."""

    state: ScanState = "missing"
    scanner: str | None = None
    scanner_version: str | None = None
    commit: Oid | None = None
    scanned_at: datetime | None = None
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What was installed for one source, when, by whom, from where.

    ``audit_hash`` is the hash of the audit record that made the entry what it is; ``served_by`` is the URL that the
    commit was fetched from, or None where it needed no network.
    """

    name: SourceName
    url: Url
    track: Track
    commit: Oid
    updated_at: datetime
    updated_by: str
    command_id: str | None = None
    served_by: str | None = None
    scan: ScanStatus = ScanStatus()
    audit_hash: str | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The whole file; sources in order of their names."""

    sources: Mapping[SourceName, SourceState] = field(default_factory=dict)


def is_stale(scan: ScanStatus, *, pinned: Oid | None, now: datetime, max_age: timedelta) -> bool:
    """Tell whether the scan says nothing about *pinned* any more: another commit, or older than *max_age*."""
    if scan.state == "missing" or scan.scanned_at is None:
        return False
    return scan.commit != pinned or now - scan.scanned_at > max_age


def with_sources(
    state: State, *, put: Mapping[SourceName, SourceState], drop: frozenset[SourceName] = frozenset()
) -> State:
    """Return *state* with the entries of *put* replaced and those of *drop* taken out."""
    sources = {name: entry for name, entry in state.sources.items() if name not in drop}
    sources.update(put)
    return State(sources=dict(sorted(sources.items())))
