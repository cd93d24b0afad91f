from __future__ import annotations

import pytest

from git_hybrid.core.override import Approval, Override
from git_hybrid.core.spent import is_spent, key_of, rivals
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_source, oid

# Made by ssh-keygen -Y sign.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAapjliJwEtK6P1m0OH6dHMjwVnXE2bR8MWd37Y4lfLH"
ARMOUR = """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBqmOWInAS0ro/WbQ4fp0cyPBWd
cTZtHwxZ3ftjiV8scAAAATZ2l0LWh5YnJpZC1vdmVycmlkZQAAAAAAAAAGc2hhNTEyAAAA
UwAAAAtzc2gtZWQyNTUxOQAAAEDV5+skVKqD7lL6MCPrUkCXgdMdDPPkXErxI92Y8U2I5u
BB4wHNXwvijYJkXCbXljs1Y5l9cF1//u+DnfY/tpMP
-----END SSH SIGNATURE-----
"""
ITEM = Override(
    id="ovr-1",
    kind="pin",
    source=a_source().name,
    request_id="CHG-1",
    reason="why",
    from_commit=oid(1),
    to_commit=oid(2),
    requested_by=OPERATOR,
    approvers=(Approval(id="Bea <bea@example.org>", at=NOW, signature="armour"), Approval(id="Dan", at=NOW)),
    created_at=NOW,
    expires_at=NOW,
    status="revoked",
    command_id=RUN,
)


def test_the_key_is_read_from_the_signature_however_it_is_wrapped() -> None:
    assert key_of(ARMOUR) == KEY
    head, *body, tail = ARMOUR.splitlines()
    assert key_of(f"{head}\n{''.join(body)}\n\n{tail}\n\n") == KEY


@pytest.mark.parametrize("body", ["", "trust me", "AAAA", "AAAAA", "U1NIU0lHAAAAAQAAAAQAAAAB"])
def test_what_is_no_signature_has_no_key(body: str) -> None:
    head, *_, tail = ARMOUR.splitlines()
    assert key_of(f"{head}\n{body}\n{tail}\n") == key_of(body) == ""


def test_a_text_is_spent_by_any_signature_of_it_that_a_record_has() -> None:
    asked: list[tuple[bytes, str, str]] = []

    def verify(text: bytes, key: str, armour: str) -> bool:
        asked.append((text, key, armour))
        return (text, armour) in ((b"first", "armour"), (b"renewal", ARMOUR)) and key in ("K", KEY)

    renewed = replace(ITEM, approvers=(*ITEM.approvers, Approval(id="bea@example.org", at=NOW, signature=ARMOUR)))
    assert [is_spent(text, [renewed], ["K"], verify) for text in (b"first", b"renewal", b"fresh")] == [
        True,
        True,
        False,
    ]
    assert is_spent(b"renewal", [renewed], [], verify)
    assert not is_spent(b"first", [renewed], [], verify)
    asked.clear()
    assert not is_spent(b"first", [replace(ITEM, approvers=ITEM.approvers[1:])], ["K"], verify)
    assert asked == []


def test_what_was_approved_for_another_commit_cannot_be_the_same_text() -> None:
    scan = replace(ITEM, id="ovr-2", kind="scan")
    assert rivals([ITEM, scan], "pin", oid(2)) == [ITEM]
    assert rivals([ITEM, scan], "scan", oid(2)) == [scan]
    assert rivals([ITEM, scan], "pin", oid(3)) == []
