"""The shapes of the ``--json`` documents of the commands that have one of their own (see wire_out)."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from git_hybrid.store.wire import Count, Hash, OverrideShape, RecordShape, ScanShape
from git_hybrid.store.wire_out import ErrorShape, NamedShape, ReportDocument, ReportRow


class _Document(Struct, frozen=True, kw_only=True):
    schema_version: Literal[1]
    exit_code: int
    sources: list[Any]


class ErrorDocument(_Document, frozen=True, kw_only=True):
    """What every command writes when it comes to nothing as a whole."""

    error: ErrorShape


class FindingShown(Struct, frozen=True, kw_only=True):
    """One finding of a scanner; ``new`` with ``--diff`` alone."""

    id: str
    level: Literal["high", "medium", "low"]
    scanner: str
    rule: str
    path: str
    line: int | None
    message: str
    new: bool | UnsetType = UNSET


class BaselineShown(Struct, frozen=True, kw_only=True):
    """The pin that a scan was compared with, and whether that could be scanned."""

    commit: str | None
    scanned: bool


class ScanRow(ReportRow, frozen=True, kw_only=True):
    """What the scanners said of one source; a source that could not be scanned has an ``error`` alone."""

    scan_status: ScanShape | UnsetType = UNSET
    report: str | UnsetType = UNSET
    findings: list[FindingShown] | UnsetType = UNSET
    baseline: BaselineShown | UnsetType | None = UNSET


class ScanDocument(Struct, frozen=True, kw_only=True):
    """What a scan did."""

    schema_version: Literal[1]
    command: Literal["scan"]
    command_id: str | None
    dry_run: bool
    exit_code: int
    notes: list[str]
    pending: list[NamedShape]
    sources: list[ScanRow]
    error: ErrorShape | UnsetType = UNSET


class BundleDocument(ReportDocument, frozen=True, kw_only=True):
    """What became of a bundle file, and of each source in it; null where nothing was written."""

    file: str | None
    sha256: Hash | None
    signed: bool | UnsetType = UNSET
    signed_by: str | UnsetType | None = UNSET
    receipt: str | UnsetType | None = UNSET


class AuditLogDocument(_Document, frozen=True, kw_only=True):
    """Records of the audit log, the newest first."""

    command: Literal["audit log"]
    records: list[RecordShape]


class BreachShown(Struct, frozen=True, kw_only=True):
    """One place where the audit log does not hold."""

    file: str
    line: int | None
    seq: int | None
    id: str
    what: str
    proves: str


class AuditVerifyDocument(_Document, frozen=True, kw_only=True):
    """Whether the audit log is whole."""

    command: Literal["audit verify"]
    ok: bool
    records: Count
    breaches: list[BreachShown]
    archives_missing: list[str]


class AuditRotateDocument(_Document, frozen=True, kw_only=True):
    """The archive that the audit log was closed into."""

    command: Literal["audit rotate"]
    command_id: str
    archive: str


class OverrideShown(OverrideShape, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An override with its state now; ``commits`` with ``show`` alone.

    ``unrecorded`` says what the audit log does not bear out: where it stands, the rest is what the file says alone.
    ``unmet`` says what policy of now misses in one that is in force.
    """

    state: Literal["active", "expiring", "expired", "revoked", "superseded"]
    unrecorded: str | UnsetType = UNSET
    unmet: str | UnsetType = UNSET
    commits: str | UnsetType = UNSET


class OverrideListDocument(_Document, frozen=True, kw_only=True):
    """Overrides, those that need attention first; with ``restore`` those that were written anew."""

    command: Literal["override list", "override restore"]
    command_id: str | UnsetType = UNSET
    overrides: list[OverrideShown]


class OverrideDocument(_Document, frozen=True, kw_only=True):
    """One override, shown or changed."""

    command: Literal["override show", "override renew", "override revoke"]
    command_id: str | UnsetType = UNSET
    override: OverrideShown


class MirrorListDocument(_Document, frozen=True, kw_only=True):
    """The inventory of mirrors after the command; an entry that lacks something is shown as it is."""

    command: Literal["mirror list", "mirror add", "mirror remove"]
    command_id: str | UnsetType = UNSET
    mirrors: list[dict[str, Any]]


class SettingShown(Struct, frozen=True, kw_only=True):
    """One setting in force, and where it comes from."""

    key: str
    value: str
    origin: str


class ConfigDocument(_Document, frozen=True, kw_only=True):
    """The settings in force."""

    command: Literal["config"]
    settings: list[SettingShown]


class RanShown(Struct, frozen=True, kw_only=True):
    """What a command did in one source; ``status`` is null where there is no clone."""

    name: str
    status: int | None
    stdout: str
    stderr: str


class ForeachDocument(_Document, frozen=True, kw_only=True):
    """What a command did in each source."""

    command: Literal["foreach"]
    sources: list[RanShown]


class SchemaNamed(Struct, frozen=True, kw_only=True):
    """One schema by its name, and what it describes."""

    name: str
    describes: str


class SchemaListDocument(_Document, frozen=True, kw_only=True):
    """The schemas that there are."""

    command: Literal["schema"]
    schemas: list[SchemaNamed]


class CompletionDocument(_Document, frozen=True, kw_only=True):
    """What makes a shell complete the command."""

    command: Literal["completion"]
    shell: Literal["bash", "zsh", "fish"]
    script: str


class HelpDocument(_Document, frozen=True, kw_only=True):
    """What is known of a command, a page or an error; ``topic`` is empty for the program as a whole."""

    command: Literal["help"]
    topic: str
    text: str


class FilesDocument(_Document, frozen=True, kw_only=True):
    """The files that a command wrote, added lines to (``extended``) or removed."""

    command: Literal["init", "demo", "dashboard", "hooks", "install-man", "audit export", "override export", "sbom"]
    command_id: str | UnsetType = UNSET
    root: str | UnsetType = UNSET
    created: list[str] | UnsetType = UNSET
    extended: list[str] | UnsetType = UNSET
    file: str | UnsetType = UNSET
    installed: list[str] | UnsetType = UNSET
    unchanged: list[str] | UnsetType = UNSET
    removed: list[str] | UnsetType = UNSET


class CacheStoreShown(Struct, frozen=True, kw_only=True):
    """One store of the object cache; ``url`` is null where it cannot be read, ``shared_bytes`` are in clones too."""

    folder: str
    url: str | None
    size_bytes: int
    shared_bytes: int
    tree_bytes: int
    packs: int
    busy: bool
    used_at: str
    fetched_at: str | None


class CacheDocument(_Document, frozen=True, kw_only=True):
    """The stores of the object cache, or those that went; ``folder`` is null where the cache is off."""

    command: Literal["cache show", "cache prune"]
    folder: str | None
    stores: list[CacheStoreShown]
    dry_run: bool | UnsetType = UNSET


class CacheStoreVerified(Struct, frozen=True, kw_only=True):
    """What git's fsck says of one store."""

    folder: str
    state: Literal["ok", "broken", "in use", "gone"]
    error: ErrorShape | None


class CacheVerifyDocument(_Document, frozen=True, kw_only=True):
    """What became of each store that was read in full."""

    command: Literal["cache verify"]
    folder: str | None
    stores: list[CacheStoreVerified]
