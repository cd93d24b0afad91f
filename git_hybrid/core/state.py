"""State: what was installed last (``state/sources.json``), as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import Oid, SourceName, Url
from git_hybrid.core.manifest import Track
from git_hybrid.core.value import Struct, field, force_setattr
from git_hybrid.core.values import format_time

ScanState = Literal["clean", "findings", "error", "missing"]
Severity = Literal["high", "medium", "low"]


class ScannerRecord(Struct, frozen=True, kw_only=True):
    """What one scanner said of one commit.

    ``config_digest`` is of its entry in the manifest, and of what it saw besides the files of the commit,
    ``rules_digest`` of that entry, its version, program and rule files;
    ``reason`` says why the result is an error.
    """

    name: str
    state: ScanState
    version: str
    config_digest: str
    rules_digest: str
    scanned_at: datetime
    reason: str = ""


class FindingRef(Struct, frozen=True, kw_only=True):
    """A finding by name: what an override accepts, and what people look up in the report."""

    id: str
    level: Severity
    scanner: str
    rule: str
    path: str


class ScanStatus(Struct, frozen=True, kw_only=True):
    """How one commit was scanned last; ``counts`` holds findings by severity (high, medium, low).

    ``scanner`` is the one whose result stands; ``scanners`` has them all. ``findings`` names the worst of what was
    found, at most a hundred. ``report_sha256`` is of the report in ``state/scans/``.
    """

    state: ScanState = "missing"
    scanner: str | None = None
    scanner_version: str | None = None
    commit: Oid | None = None
    scanned_at: datetime | None = None
    counts: Mapping[str, int] | None = None
    tree: Oid | None = None
    rules_digest: str | None = None
    report_sha256: str | None = None
    scanners: tuple[ScannerRecord, ...] = ()
    findings: tuple[FindingRef, ...] = ()


def plain_scan(scan: ScanStatus) -> dict[str, Json]:
    """Return *scan* as plain values, every key of it."""
    return {
        "state": scan.state,
        "scanner": scan.scanner,
        "scanner_version": scan.scanner_version,
        "commit_sha": scan.commit,
        "scanned_at": None if scan.scanned_at is None else format_time(scan.scanned_at),
        "counts": None if scan.counts is None else dict(scan.counts),
        "tree": scan.tree,
        "rules_digest": scan.rules_digest,
        "report_sha256": scan.report_sha256,
        "scanners": [plain_record(record) for record in scan.scanners],
        "findings": [
            {"id": item.id, "level": item.level, "scanner": item.scanner, "rule": item.rule, "path": item.path}
            for item in scan.findings
        ],
    }


def plain_record(record: ScannerRecord) -> dict[str, Json]:
    """Return *record* as plain values, every key of it."""
    return {
        "name": record.name,
        "version": record.version,
        "config_digest": record.config_digest,
        "rules_digest": record.rules_digest,
        "state": record.state,
        "scanned_at": format_time(record.scanned_at),
        "reason": record.reason,
    }


class SourceState(Struct, frozen=True, kw_only=True):
    """What was installed for one source, when, by whom, from where.

    ``audit_hash`` is the hash of the audit record that made the entry what it is; ``served_by`` is the URL that the
    commit was fetched from, or None where it needed no network. ``lacking`` names the keys that each entry is written
    with and that the file did not have.
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
    lacking: tuple[str, ...] = ()


def is_older(entry: SourceState) -> bool:
    """Tell whether *entry* has no more than version 0 of the file knew, but for a scan and the record of that."""
    has_no_run = entry.command_id is None and entry.served_by is None
    return has_no_run and (entry.audit_hash is None or entry.scan.state != "missing")


class State(Struct, frozen=True, kw_only=True):
    """The whole file; sources in order of their names."""

    sources: Mapping[SourceName, SourceState] = field(default_factory=dict)
    _unclean: Mapping[Oid, Sequence[SourceState]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Group the entries with findings once: each source asks for those of its commit."""
        grouped: dict[Oid, list[SourceState]] = {}
        for entry in self.sources.values():
            if entry.scan.commit is not None and entry.scan.state in ("findings", "error"):
                grouped.setdefault(entry.scan.commit, []).append(entry)
        force_setattr(self, "_unclean", grouped)

    def unclean(self, commit: Oid) -> Sequence[SourceState]:
        """Return the entries, of whatever source, whose scan is of *commit* and not clean."""
        return self._unclean.get(commit, ())


class ScanTrail(Struct, frozen=True, kw_only=True):
    """What the audit log tells of scans that state does not.

    ``unproved`` names the sources whose recorded scan no record bears out; ``told`` has the newest scan of the pinned
    commit that is in the log, for each source of which state does not tell it: missing, if there is none.
    """

    unproved: frozenset[str] = frozenset()
    told: Mapping[str, ScanStatus] = field(default_factory=dict)


def with_sources(
    state: State, *, put: Mapping[SourceName, SourceState], drop: frozenset[SourceName] = frozenset()
) -> State:
    """Return *state* with the entries of *put* replaced and those of *drop* taken out."""
    sources = {name: entry for name, entry in state.sources.items() if name not in drop}
    sources.update(put)
    return State(sources=dict(sorted(sources.items())))
