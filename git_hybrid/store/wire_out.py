"""The shapes of the ``--json`` documents, for their schemas. Keys may be added later; those here stay."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from git_hybrid.store.wire import Count, CountsShape, FindingShape, ScannerRecordShape


class NamedShape(Struct, frozen=True, kw_only=True):
    """A source that is named and no more."""

    name: str


class UnfinishedShape(Struct, frozen=True, kw_only=True):
    """The run that is at work or was interrupted."""

    run: str
    command: str
    held_by: str | None
    sources: list[NamedShape]


class PinnedShape(Struct, frozen=True, kw_only=True):
    """The pin of a source."""

    commit: str
    ref: str
    tree: str
    override: str | None


class MovedShape(Struct, frozen=True, kw_only=True):
    """How the pin came to its commit."""

    at: str
    by: str
    command_id: str
    from_commit: str | None
    forced: bool


class ScanShownShape(Struct, frozen=True, kw_only=True):
    """The last scan of a source."""

    state: Literal["clean", "findings", "error", "missing"]
    stale: bool
    reason: str
    scanner: str | None
    scanner_version: str | None
    commit_sha: str | None
    scanned_at: str | None
    age_seconds: int | None
    counts: CountsShape | None
    tree: str | None
    rules_digest: str | None
    report_sha256: str | None
    scanners: list[ScannerRecordShape]
    findings: list[FindingShape]
    mend: str | None


class StatusRow(Struct, frozen=True, kw_only=True):
    """One source of status."""

    name: str
    state: str
    reason: str
    needs_attention: bool
    url: str | None
    track: dict[str, str] | None
    groups: list[str]
    pin: PinnedShape | None
    moved: MovedShape | None
    override: dict[str, Any] | None
    accepted: dict[str, Any] | None
    head: str | None
    clean: bool
    changed_files: list[str]
    changed_count: Count
    commit_sha: str | None
    updated_at: str | None
    updated_by: str | None
    served_by: str | None
    mirror: dict[str, Any] | None
    notes: str | None
    scan_status: ScanShownShape


class StatusDocument(Struct, frozen=True, kw_only=True):
    """Every source, worst first."""

    schema_version: Literal[1]
    command: Literal["status"]
    exit_code: int
    scanners_configured: bool
    unfinished_run: UnfinishedShape | None
    sources: list[StatusRow]


class ErrorShape(Struct, frozen=True, kw_only=True):
    """Why a source, or the run, came to nothing."""

    code: str
    exit_code: int
    message: str
    cause: list[str]
    hints: list[str]


class ReportRow(Struct, frozen=True, kw_only=True):
    """What became of one source."""

    name: str
    outcome: str
    from_commit: str | None
    to_commit: str | None
    ref: str | None
    served_by: str | None
    exit_code: int
    error: ErrorShape | None
    notes: list[str]
    range: dict[str, Any] | None
    detail: dict[str, Any] | UnsetType = UNSET


class CommitAsked(Struct, frozen=True, kw_only=True):
    """A commit of the repository that the workspace is in, and how it was called."""

    revision: str
    commit: str


class ReportDocument(Struct, frozen=True, kw_only=True):
    """What a command did."""

    schema_version: Literal[1]
    command: str
    command_id: str | None
    dry_run: bool
    exit_code: int
    notes: list[str]
    pending: list[NamedShape]
    sources: list[ReportRow]
    error: ErrorShape | UnsetType = UNSET
    since: CommitAsked | UnsetType = UNSET
    until: CommitAsked | UnsetType | None = UNSET


class ViolationShape(Struct, frozen=True, kw_only=True):
    """One thing that does not hold."""

    file: str
    entry: str
    what: str
    why: str
    mend: str
    level: Literal["fail", "warn", "note"]


class CheckShape(Struct, frozen=True, kw_only=True):
    """One check and what it found."""

    name: str
    ok: bool
    violations: list[ViolationShape]


class CheckDocument(Struct, frozen=True, kw_only=True):
    """What the checks found."""

    schema_version: Literal[1]
    command: Literal["check"]
    exit_code: int
    checks: list[CheckShape]
    sources: list[Any]


class FoundShape(Struct, frozen=True, kw_only=True):
    """One finding of diag."""

    area: str
    name: str
    level: Literal["ok", "warn", "fail"]
    what: str
    remedy: str


class DiagDocument(Struct, frozen=True, kw_only=True):
    """Everything that was looked at, worst first."""

    schema_version: Literal[1]
    command: Literal["diag"]
    exit_code: int
    findings: list[FoundShape]
    scans: dict[str, Any] | None
    bundle: dict[str, Count] | UnsetType = UNSET
    sources: list[Any]
