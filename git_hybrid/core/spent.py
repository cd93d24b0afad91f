"""Approvals that were used: what was signed for one override opens no other, whatever becomes of its signature. Pure.

A signature can be written in many ways, some kinds can be altered and stay good, and who signs a text twice makes two.
So what is spent is the text, wherever a signature of it stands in a record, of the file or of the audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.manifest import key_bytes
from git_hybrid.core.override import CLOSINGS, Kind, Overrides, Trail
from git_hybrid.core.pattern import pattern

_ARMOUR = pattern(r"\s*-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]*)-----END SSH SIGNATURE-----\s*")
_KEY_KIND = pattern(r"[a-z0-9@.-]+")
_MAGIC, _VERSION = b"SSHSIG", 4


def used(
    overrides: Overrides, trail: Trail, name: SourceName, kind: Kind, commit: Oid | str, *, closed: bool = False
) -> set[str]:
    """Return the signatures in approvals of that kind, of a source and for a commit: they may be of the same text.

    The audit log has them also where a record is lost, or is there without them. *closed*: of overrides that were
    closed alone.
    """
    records = (item for item in overrides.of(name) if item.kind == kind and item.to_commit == commit)
    kept = {who.signature for item in records if item.status != "active" or not closed for who in item.approvers}
    told = {
        armour
        for identity, armour in trail.signed.get((name, kind, commit), ())
        if not closed or trail.latest[identity]["event"] in CLOSINGS
    }
    return told | {armour for armour in kept if armour}


def is_spent(
    text: bytes, armours: Collection[str], keys: Collection[str], verify: Callable[[bytes, str, str], bool]
) -> bool:
    """Tell whether one of *armours* is a signature of *text*; of an override, also those before a renewal count.

    It may be by one of *keys*, which are those of policy, or by the key that it says itself: policy may name another
    one by now.
    """
    return any(
        verify(text, key, armour) for armour in sorted(armours) for key in sorted({*keys, key_of(armour)} - {""})
    )


def key_of(armour: str) -> str:
    """Return the SSH public key in a signature (PROTOCOL.sshsig of OpenSSH) as policy names one; nothing if none is."""
    from binascii import Error, a2b_base64, b2a_base64  # noqa: PLC0415

    found = _ARMOUR.fullmatch(armour)
    try:
        blob = a2b_base64(found[1]) if found else b""
    except Error:
        return ""
    if not blob.startswith(_MAGIC):
        return ""
    key = _string(blob[len(_MAGIC) + _VERSION :])
    kind = _string(key).decode("ascii", "replace")
    return f"{kind} {b2a_base64(key, newline=False).decode('ascii')}" if _KEY_KIND.fullmatch(kind) else ""


def may_be_by(key: str, armour: str) -> bool:
    """Tell whether a signature may be by the owner of *key*: it says whose it is, and is by nobody else then."""
    said = key_of(armour)
    return not said or key_bytes(said) == key_bytes(key)


def _string(data: bytes) -> bytes:
    """Return the string that *data* begins with, as SSH writes one: its length in four bytes, then itself."""
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
