"""The shapes of the mirror inventory, of bundles and of receipts (see :mod:`git_hybrid.store.wire`)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from git_hybrid.store.wire import Count, Hash, Text


class HeldShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mirror holds of one source."""

    commit: Text
    checked_at: Text
    ok: bool


class MirrorShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of ``state/sources-mirrors.json``."""

    name: Text
    base_url: Text
    kind: Literal["mirror", "bundle"]
    owner: Text
    added_at: Text
    added_by: Text
    verified_at: str | None
    sources: dict[str, HeldShape]
    audit_hash: Hash | UnsetType = UNSET


class HadShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of a receipt."""

    name: Text
    url: Text
    tip: Text
    commit: Text


class MemberShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One member of a bundle file."""

    path: Text
    sha256: Hash
    size: Count


class CarriedShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of a bundle file."""

    name: Text
    kind: Literal["full", "thin", "present"]
    prerequisites: list[Text]


class BundleShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``inventory.json`` of a bundle file."""

    format: Text
    schema_version: int
    since: Hash | None
    members: list[MemberShape]
    sources: list[CarriedShape]
