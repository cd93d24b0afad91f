"""Approvals that were used: what was signed for one override opens no other, whatever becomes of its signature. Pure.

A signature can be written in many ways, some kinds can be altered and stay good, and who signs a text twice makes two.
So what is spent is the text, wherever a signature of it stands in a record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from git_hybrid.core.ids import Oid
from git_hybrid.core.override import Kind, Override
from git_hybrid.core.pattern import pattern

_ARMOUR = pattern(r"\s*-----BEGIN SSH SIGNATURE-----([A-Za-z0-9+/=\s]*)-----END SSH SIGNATURE-----\s*")
_KEY_KIND = pattern(r"[a-z0-9@.-]+")
_MAGIC, _VERSION = b"SSHSIG", 4


def rivals(records: Iterable[Override], kind: Kind, commit: Oid | str) -> list[Override]:
    """Return the *records* of which the approvals may have been for the same text: of that kind, for that commit."""
    return [item for item in records if item.kind == kind and item.to_commit == commit]


def is_spent(
    text: bytes, records: Iterable[Override], keys: Collection[str], verify: Callable[[bytes, str, str], bool]
) -> bool:
    """Tell whether one of *records* has a signature of *text*, of any of its approvals, also those before a renewal.

    It may be by one of *keys*, which are those of policy, or by the key that it says itself: policy may name another
    one by now.
    """
    armours = {item.signature for record in records for item in record.approvers if item.signature}
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


def _string(data: bytes) -> bytes:
    """Return the string that *data* begins with, as SSH writes one: its length in four bytes, then itself."""
    return data[4 : 4 + int.from_bytes(data[:4], "big")]
