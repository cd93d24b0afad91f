"""The shapes of the mirror inventory, of bundles and of receipts (see :mod:`git_hybrid.store.wire`)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from git_hybrid.store.wire import Address, Count, Hash, Name, ObjectId, Text, Time


class HeldShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a mirror holds of one source."""

    commit: ObjectId
    checked_at: Time
    ok: bool


class MirrorShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One entry of ``state/sources-mirrors.json``."""

    name: Name
    base_url: Address
    kind: Literal["mirror", "bundle"]
    owner: Text
    added_at: Time
    added_by: Text
    verified_at: Time | None
    sources: dict[Name, HeldShape]
    audit_hash: Hash | UnsetType = UNSET


class ClaimShape(Struct, frozen=True, kw_only=True):
    """What a lock needs of a repository of a mirror folder, in ``mirror.json``."""

    log: Text
    source: Text
    ref: Text
    commit: Text
    tip: Text | None
    by_any: bool


class StandingShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One submodule of a source of a receipt; ``place`` is the SHA-256 of its path."""

    place: Hash
    url: Text
    commit: Text


class HadShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of a receipt."""

    name: Text
    url: Text
    tip: Text
    commit: Text
    submodules: list[StandingShape] | UnsetType = UNSET
    lfs: list[Hash] | UnsetType = UNSET


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


class InsideShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One submodule in a bundle file."""

    url: Text
    commit: Text


class BundleShape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``inventory.json`` of a bundle file."""

    format: Text
    schema_version: int
    since: Hash | None
    members: list[MemberShape]
    sources: list[CarriedShape]
    submodules: list[InsideShape] | UnsetType = UNSET
