"""The JSON Schemas of the files and of the ``--json`` documents, made from their shapes.

They are also package data (``git_hybrid/schemas/``), which is what ``git hybrid schema`` prints; a test holds the two
together.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc
from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType
from msgspec.json import schema_components

from git_hybrid.core.files import LOCK, LOG, MANIFEST, MIRRORS, OVERRIDES, STATE
from git_hybrid.core.scanners import FORMATS, PRESETS
from git_hybrid.store.wire import (
    DefaultsShape,
    Name,
    OpenIssuesShape,
    OverrideShape,
    PinShape,
    PolicyShape,
    RecordShape,
    ScannerShape,
    SourceShape,
    StateShape,
)
from git_hybrid.store.wire_airgap import MirrorShape
from git_hybrid.store.wire_documents import (
    AuditLogDocument,
    AuditRotateDocument,
    AuditVerifyDocument,
    BundleDocument,
    CacheDocument,
    CacheVerifyDocument,
    CompletionDocument,
    ConfigDocument,
    ErrorDocument,
    FilesDocument,
    ForeachDocument,
    HelpDocument,
    MirrorListDocument,
    OverrideDocument,
    OverrideListDocument,
    ScanDocument,
    SchemaListDocument,
)
from git_hybrid.store.wire_out import CheckDocument, DiagDocument, ReportDocument, StatusDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class ManifestFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest ``sources.toml``: what people want."""

    schema_version: Literal[1]
    defaults: DefaultsShape | UnsetType = UNSET
    policy: PolicyShape | UnsetType = UNSET
    scanner: list[ScannerShape] | UnsetType = UNSET
    open_issues: list[OpenIssuesShape] | UnsetType = UNSET
    source: dict[Name, SourceShape] | UnsetType = UNSET


class LockFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The lock ``state/sources.lock``: what was decided."""

    lock_version: Literal[1]
    source: dict[Name, PinShape] | UnsetType = UNSET


class StateFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state ``state/sources.json``: what was last installed."""

    schema_version: Literal[1]
    sources: list[StateShape]


class OverridesFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The overrides ``state/sources-overrides.json``: approved exceptions."""

    schema_version: Literal[1]
    overrides: list[OverrideShape]


class MirrorsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The inventory ``state/sources-mirrors.json``."""

    schema_version: Literal[1]
    mirrors: list[MirrorShape]


SHAPES: Mapping[str, tuple[type[Struct], str]] = {
    "manifest": (ManifestFile, MANIFEST),
    "lock": (LockFile, LOCK),
    "state": (StateFile, STATE),
    "overrides": (OverridesFile, OVERRIDES),
    "mirrors": (MirrorsFile, MIRRORS),
    "audit": (RecordShape, f"one line of {LOG}"),
    "status": (StatusDocument, "git hybrid status --json"),
    "report": (
        ReportDocument,
        (
            "git hybrid sync, pin, add, init --import, remove, reset, resume, merge, diff, outdated, sbom, "
            "mirror verify and update --json"
        ),
    ),
    "check": (CheckDocument, "git hybrid check --json"),
    "diag": (DiagDocument, "git hybrid diag --json"),
    "scan": (ScanDocument, "git hybrid scan --json"),
    "bundle": (BundleDocument, "git hybrid bundle create, verify and apply --json"),
    "mirror-list": (MirrorListDocument, "git hybrid mirror list, add and remove --json"),
    "override-list": (OverrideListDocument, "git hybrid override list and restore --json"),
    "override": (OverrideDocument, "git hybrid override show, renew and revoke --json"),
    "audit-log": (AuditLogDocument, "git hybrid audit log --json"),
    "audit-verify": (AuditVerifyDocument, "git hybrid audit verify --json"),
    "audit-rotate": (AuditRotateDocument, "git hybrid audit rotate --json"),
    "cache": (CacheDocument, "git hybrid cache show and prune --json"),
    "cache-verify": (CacheVerifyDocument, "git hybrid cache verify --json"),
    "config": (ConfigDocument, "git hybrid config --json"),
    "foreach": (ForeachDocument, "git hybrid foreach --json"),
    "completion": (CompletionDocument, "git hybrid completion --json"),
    "help": (HelpDocument, "git hybrid help --json"),
    "schema-list": (SchemaListDocument, "git hybrid schema --json without a name"),
    "files": (
        FilesDocument,
        "git hybrid init, demo, dashboard, hooks, install-man --json; audit and override export, sbom --json -o FILE",
    ),
    "error": (ErrorDocument, "any command with --json that comes to nothing as a whole"),
}
"""Every schema by its name: the shape, and what it describes."""

_ONE_REF = [{"required": [kind]} for kind in ("tag", "branch", "version", "commit")]
_ONE_SCANNER = [{"required": ["preset"]}, {"required": ["command"]}]


def _described(found: Mapping[str, Any]) -> dict[str, str]:
    return {"description": cleandoc(found["description"])} if "description" in found else {}


def build(name: str) -> dict[str, Any]:
    """Return the JSON Schema *name* (draft 2020-12)."""
    shape, title = SHAPES[name]
    (root,), components = schema_components([shape], ref_template="#/$defs/{name}")
    # Python takes the indentation of docstrings out from 3.13 on.
    definitions = {name: {**found, **_described(found)} for name, found in components.items()}
    if "SourceShape" in definitions:
        definitions["SourceShape"] = definitions["SourceShape"] | {"oneOf": _ONE_REF}
    if "ScannerShape" in definitions:
        scanner = definitions["ScannerShape"]
        known = {"preset": {"enum": sorted(PRESETS)}, "format": {"enum": list(FORMATS)}}
        definitions["ScannerShape"] = scanner | {"oneOf": _ONE_SCANNER, "properties": scanner["properties"] | known}
    own = definitions.pop(root["$ref"].rpartition("/")[2])
    head = {"$schema": DIALECT, "$id": f"urn:git-hybrid:schema:{name}:1", "title": title}
    return head | {key: value for key, value in own.items() if key != "title"} | {"$defs": definitions}
