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


def _like(pattern: str, examples: list[str] | None = None) -> Meta:
    """Return what a schema alone says of a text: what is wrong with one is told by who reads it, in better words."""
    return Meta(extra_json_schema={"pattern": pattern}, examples=examples)


Duration = Annotated[Text, _like("^[0-9]+(ms|s|m|h|d|w)$", examples=["30s", "7d"])]
Time = Annotated[Text, _like("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,6})?Z$")]
ObjectId = Annotated[Text, _like("^([0-9a-f]{40}|[0-9a-f]{64})$")]
Name = Annotated[Text, _like("^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Group = Annotated[Text, _like("^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Host = Annotated[Text, _like(r"^([a-z0-9-]+([.][a-z0-9-]+)*|\[[0-9a-f:]+\])$")]
Address = Annotated[Text, _like("^(https|ssh|file)://")]
FullRef = Annotated[Text, _like("^refs/(heads/|tags/|hybrid/unreachable$)")]
Variable = Annotated[Text, _like("^[A-Za-z_][A-Za-z0-9_]*$")]
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

    hosts: list[Host] | UnsetType = UNSET
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

    name: Name
    preset: Text | UnsetType = UNSET
    command: Annotated[list[Text], Meta(min_length=1)] | UnsetType = UNSET
    args: list[Text] | UnsetType = UNSET
    format: Text | UnsetType = UNSET
    ok_codes: list[Status] | UnsetType = UNSET
    finding_codes: list[Status] | UnsetType = UNSET
    timeout: Duration = "10m"
    env: list[Variable] = []


class OpenIssuesShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[[open_issues]]``."""

    spec: Text
    remediations: Text
    assessments: list[Text] | Text = []


class SourceShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[source.NAME]`` of the manifest."""

    url: Address
    tag: Text | UnsetType = UNSET
    branch: Text | UnsetType = UNSET
    version: Text | UnsetType = UNSET
    commit: ObjectId | UnsetType = UNSET
    groups: list[Group] = []
    history: History | UnsetType = UNSET
    submodules: bool = False
    lfs: Literal["pointer", "fetch"] = "pointer"


class PinShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """``[source.NAME]`` of the lock."""

    url: Address
    ref: FullRef
    commit: ObjectId
    tree: ObjectId
    tag_object: ObjectId | UnsetType = UNSET
    reachable_from: FullRef
    root_commits: list[ObjectId] | UnsetType = UNSET
    content_sha256: Annotated[Text, _like("^[0-9a-f]{64}$")]
    commit_time: datetime
    first_seen: datetime
    config_digest: Annotated[Text, _like("^sha256:[0-9a-f]{64}$")]
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
    scanned_at: Time
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
    commit_sha: ObjectId | None = None
    scanned_at: Time | None = None
    counts: CountsShape | None = None
    tree: ObjectId | UnsetType = UNSET
    rules_digest: Digest | UnsetType = UNSET
    report_sha256: Hash | UnsetType = UNSET
    scanners: list[ScannerRecordShape] | UnsetType = UNSET
    findings: list[FindingShape] | UnsetType = UNSET


class StateShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of ``state/sources.json``."""

    name: Name
    repo_url: Address
    branch: Text | UnsetType = UNSET
    tag: Text | UnsetType = UNSET
    version: Text | UnsetType = UNSET
    commit: ObjectId | UnsetType = UNSET
    commit_sha: ObjectId
    updated_at: Time
    updated_by: Text
    command_id: Ulid | UnsetType = UNSET
    served_by: Text | UnsetType = UNSET
    scan_status: ScanShape = ScanShape(state="missing")
    audit_hash: Hash | UnsetType = UNSET
    notes: str | UnsetType = UNSET


class ApprovalShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of ``approvers`` of an override."""

    id: Text
    at: Time
    signature: Signature | UnsetType = UNSET


class OverrideShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of ``state/sources-overrides.json``."""

    id: Annotated[str, Meta(pattern="^ovr-[0-7][0-9A-HJKMNP-TV-Z]{25}$")]
    kind: Literal["pin", "scan"]
    source: Name
    request_id: Text
    reason: Text
    from_commit: ObjectId | None
    to_commit: ObjectId
    requested_by: Text
    approvers: Annotated[list[ApprovalShape], Meta(min_length=1)]
    incident: Text | UnsetType = UNSET
    created_at: Time
    expires_at: Time
    status: Literal["active", "revoked", "superseded"]
    closed_at: Time | UnsetType = UNSET
    closed_by: Text | UnsetType = UNSET
    command_id: Ulid
    lifts: list[Text] = []
    findings: list[Text] = []
    waived: list[ObjectId] = []
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
    log_id: str | UnsetType = UNSET
