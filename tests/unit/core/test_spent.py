from __future__ import annotations

import pytest

from git_hybrid.core.audit import detail_of, extend, tail_of
from git_hybrid.core.override import Approval, Override, Overrides, Trail, event_of, trail_of
from git_hybrid.core.spent import is_spent, key_of, may_be_by, used
from git_hybrid.core.value import replace
from support.values import NOW, RUN, an_override, oid

# Made by ssh-keygen -Y sign.
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAapjliJwEtK6P1m0OH6dHMjwVnXE2bR8MWd37Y4lfLH"
ARMOUR = """-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgBqmOWInAS0ro/WbQ4fp0cyPBWd
cTZtHwxZ3ftjiV8scAAAATZ2l0LWh5YnJpZC1vdmVycmlkZQAAAAAAAAAGc2hhNTEyAAAA
UwAAAAtzc2gtZWQyNTUxOQAAAEDV5+skVKqD7lL6MCPrUkCXgdMdDPPkXErxI92Y8U2I5u
BB4wHNXwvijYJkXCbXljs1Y5l9cF1//u+DnfY/tpMP
-----END SSH SIGNATURE-----
"""
ITEM = an_override(
    approvers=(Approval(id="Bea <bea@example.org>", at=NOW, signature="armour"), Approval(id="Dan", at=NOW)),
    status="revoked",
)


def test_the_key_is_read_from_the_signature_however_it_is_wrapped() -> None:
    assert key_of(ARMOUR) == KEY
    head, *body, tail = ARMOUR.splitlines()
    assert key_of(f"{head}\n{''.join(body)}\n\n{tail}\n\n") == KEY


@pytest.mark.parametrize("body", ["", "trust me", "AAAA", "AAAAA", "U1NIU0lHAAAAAQAAAAQAAAAB"])
def test_what_is_no_signature_has_no_key(body: str) -> None:
    head, *_, tail = ARMOUR.splitlines()
    assert key_of(f"{head}\n{body}\n{tail}\n") == key_of(body) == ""


@pytest.mark.parametrize(
    ("key", "armour", "may"),
    [
        (f"{KEY} bea@example.org", ARMOUR, True),
        (f"{KEY}==", ARMOUR, True),
        (KEY[:-1] + "J", ARMOUR, False),
        ("", ARMOUR, False),
        (KEY, "what says no key", True),
    ],
)
def test_a_signature_is_by_nobody_but_the_key_that_it_says(key: str, armour: str, may: bool) -> None:
    assert may_be_by(key, armour) is may


def test_a_text_is_spent_by_any_signature_of_it() -> None:
    asked: list[tuple[bytes, str, str]] = []

    def verify(text: bytes, key: str, armour: str) -> bool:
        asked.append((text, key, armour))
        return (text, armour) in ((b"first", "armour"), (b"renewal", ARMOUR)) and key in ("K", KEY)

    armours = {"armour", ARMOUR}
    assert [is_spent(text, armours, ["K"], verify) for text in (b"first", b"renewal", b"fresh")] == [True, True, False]
    assert is_spent(b"renewal", armours, [], verify)
    assert not is_spent(b"first", armours, [], verify)
    asked.clear()
    assert not is_spent(b"first", (), ["K"], verify)
    assert asked == []


def used_by(*items: Override, trail: Trail | None = None, closed: bool = False) -> list[str]:
    overrides = Overrides(records={item.id: item for item in items})
    return sorted(used(overrides, trail or Trail(), ITEM.source, "pin", oid(2), closed=closed))


def test_what_was_signed_stands_in_records_of_that_kind_for_that_commit() -> None:
    assert used_by(ITEM) == used_by(ITEM, closed=True) == ["armour"]
    for other in ({"kind": "scan"}, {"to_commit": oid(3)}, {"approvers": ITEM.approvers[1:]}):
        assert used_by(replace(ITEM, **other)) == []
    opened = replace(ITEM, status="active")
    assert used_by(opened) == ["armour"]
    assert used_by(opened, closed=True) == []


def test_what_was_signed_stands_in_the_log_whatever_became_of_the_file() -> None:
    renewed = replace(ITEM, approvers=(*ITEM.approvers, Approval(id="bea@example.org", at=NOW, signature="fresh")))
    bare = replace(ITEM, approvers=ITEM.approvers[1:])
    events = [event_of(ITEM, "override"), event_of(renewed, "override-renewed"), event_of(bare, "override-revoked")]
    events += [event_of(replace(ITEM, id="ovr-2", to_commit=oid(3)), "override")]
    records = extend(tail_of(()), events, at=NOW, operator="o", command_id=RUN, log_id="l")
    for length, closed in ((2, []), (4, ["armour", "fresh"])):
        trail = trail_of(records[:length])
        assert used_by(trail=trail) == ["armour", "fresh"]
        assert used_by(trail=trail, closed=True) == closed
    for shape in ("armour", [None], [{"signature": 3}]):
        odd = {**records[0], "detail": {**detail_of(records[0]), "approvers": shape}}
        assert used_by(trail=trail_of([odd])) == []
