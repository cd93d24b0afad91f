"""The shapes of the files as they are written, field for field; the JSON Schemas are made from them.

A shape says which keys there are and of which type; the grammar of the texts in them (URLs, names, times) is checked
when a shape becomes a value of :mod:`git_hybrid.core`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Positive = Annotated[int, Meta(ge=1, le=2**53)]
Jobs = Annotated[int, Meta(ge=1, le=256)]
Attempts = Annotated[int, Meta(ge=1, le=100)]
Approvers = Annotated[int, Meta(ge=1, le=100)]
Status = Annotated[int, Meta(ge=0, le=255)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Digest = Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
FindingId = Annotated[str, Meta(pattern="^[0-9a-f]{20}$")]
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Ulid = Annotated[str, Meta(pattern="^[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
TEXT_LIMIT, SIGNATURE_LIMIT = 4096, 16384
Text = Annotated[str, Meta(min_length=1, max_length=TEXT_LIMIT)]
Duration = Annotated[Text, Meta(examples=["30s", "7d"])]
Signature = Annotated[str, Meta(min_length=1, max_length=SIGNATURE_LIMIT)]
History = Literal["full", "shallow", "treeless"]


class RetryShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``retry = {…}``."""

    attempts: Attempts = 5
    initial: Duration = "1s"
    maximum: Duration = "30s"


class DefaultsShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[defaults]``."""

    jobs: Jobs = 8
    history: History = "full"
    retry: RetryShape = RetryShape()
    stall: Duration = "30s"
    deadline: Duration = "30m"


class ApproverShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One of ``[policy] approvers`` that is a table."""

    id: Text
    key: Text


class PolicyShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[policy]``."""

    hosts: list[Text] | UnsetType = UNSET
    scan_max_age: Duration = "7d"
    override_max_age: Duration = "30d"
    override_min_approvers: Approvers = 1
    request_pattern: str = ""
    approvers: Annotated[list[Text | ApproverShape], Meta(extra_json_schema={"minItems": 1})] | UnsetType = UNSET
    mirror_max_staleness: Duration = "7d"
    min_release_age: Duration = "0d"
    scan_block_on: Literal["high", "medium", "low", "none"] = "high"
    max_entries: Positive = 200_000
    max_bytes: Positive = 2**30


class ScannerShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[[scanner]]``."""

    name: Text
    preset: Text | UnsetType = UNSET
    command: Annotated[list[Text], Meta(min_length=1)] | UnsetType = UNSET
    args: list[Text] | UnsetType = UNSET
    format: Text | UnsetType = UNSET
    ok_codes: list[Status] | UnsetType = UNSET
    finding_codes: list[Status] | UnsetType = UNSET
    timeout: Duration = "10m"
    env: list[Text] = []


class OpenIssuesShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[[open_issues]]``."""

    spec: Text
    remediations: Text
    assessments: list[Text] | Text = []


class SourceShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[source.NAME]`` of the manifest."""

    url: Text
    tag: Text | UnsetType = UNSET
    branch: Text | UnsetType = UNSET
    version: Text | UnsetType = UNSET
    commit: Text | UnsetType = UNSET
    groups: list[Text] = []
    history: History | UnsetType = UNSET
    submodules: bool = False
    lfs: Literal["pointer", "fetch"] = "pointer"


class PinShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[source.NAME]`` of the lock."""

    url: Text
    ref: Text
    commit: Text
    tree: Text
    tag_object: Text | UnsetType = UNSET
    reachable_from: Text
    root_commits: list[Text] | UnsetType = UNSET
    content_sha256: Text
    commit_time: datetime
    first_seen: datetime
    config_digest: Text
    override: Text | UnsetType = UNSET


class CountsShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings by severity."""

    high: Count
    medium: Count
    low: Count


class ScannerRecordShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What one scanner said, in ``scan_status.scanners``."""

    name: Text
    state: Literal["clean", "findings", "error"]
    version: str = ""
    config_digest: Digest
    rules_digest: Digest
    scanned_at: Text
    reason: str = ""


class FindingShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A finding by name, in ``scan_status.findings``."""

    id: FindingId
    level: Literal["high", "medium", "low"]
    scanner: str
    rule: str
    path: str


class ScanShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``scan_status`` of a state entry."""

    state: Literal["clean", "findings", "error", "missing"]
    scanner: str | None = None
    scanner_version: str | None = None
    commit_sha: str | None = None
    scanned_at: str | None = None
    counts: CountsShape | None = None
    tree: str | UnsetType = UNSET
    rules_digest: Digest | UnsetType = UNSET
    report_sha256: Hash | UnsetType = UNSET
    scanners: list[ScannerRecordShape] | UnsetType = UNSET
    findings: list[FindingShape] | UnsetType = UNSET


class StateShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of ``state/sources.json``."""

    name: Text
    repo_url: Text
    branch: Text | UnsetType = UNSET
    tag: Text | UnsetType = UNSET
    version: Text | UnsetType = UNSET
    commit: Text | UnsetType = UNSET
    commit_sha: Text
    updated_at: Text
    updated_by: Text
    command_id: Ulid | UnsetType = UNSET
    served_by: Text | UnsetType = UNSET
    scan_status: ScanShape = ScanShape(state="missing")
    audit_hash: Hash | UnsetType = UNSET
    notes: str | UnsetType = UNSET


class ApprovalShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``approvers`` of an override."""

    id: Text
    at: Text
    signature: Signature | UnsetType = UNSET


class OverrideShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``state/sources-overrides.json``."""

    id: Annotated[str, Meta(pattern="^ovr-[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    kind: Literal["pin", "scan"]
    source: Text
    request_id: Text
    reason: Text
    from_commit: Text | None
    to_commit: Text
    requested_by: Text
    approvers: Annotated[list[ApprovalShape], Meta(min_length=1)]
    incident: Text | UnsetType = UNSET
    created_at: Text
    expires_at: Text
    status: Literal["active", "revoked", "superseded"]
    closed_at: Text | UnsetType = UNSET
    closed_by: Text | UnsetType = UNSET
    command_id: Ulid
    lifts: list[Text] = []
    findings: list[Text] = []
    waived: list[Text] = []
    audit_hash: Hash | UnsetType = UNSET


class OldStateShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of version 0 of ``state/sources.json``, a plain list."""

    name: Text
    repo_url: Text
    branch: Text | UnsetType = UNSET
    tag: Text | UnsetType = UNSET
    commit_sha: Text
    updated_at: Text
    updated_by: Text


class TornShape(Struct, frozen=True, kw_only=True):
    """One of ``torn`` of an audit record."""

    len: Count
    sha256: Hash


class RecordShape(Struct, frozen=True, kw_only=True):
    """One line of ``state/sources-audit.jsonl``; keys of later versions are let through, since the hash is over all."""

    v: Positive
    seq: Positive
    at: Text
    operator: str
    command_id: str
    event: Text
    prev: list[Hash]
    hash: Hash
    source: str | UnsetType = UNSET
    before: str | UnsetType = UNSET
    after: str | UnsetType = UNSET
    detail: dict[str, Any] | UnsetType = UNSET
    torn: list[TornShape] | UnsetType = UNSET
