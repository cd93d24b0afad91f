"""The file state/sources-mirrors.json: what it looks like, and what is said of one that is not so."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event
from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.mirrors import Held, Inventory, Mirror
from git_hybrid.core.reducer import Decision
from git_hybrid.store import decisions
from git_hybrid.store.mirrorfile import decode_mirrors, encode_mirrors
from support.samples import NAME, NOW, OID

ENTRY = {
    "name": "corp",
    "base_url": "https://mirror.example.org",
    "kind": "mirror",
    "owner": "Infra <infra@example.org>",
    "added_at": "2026-07-16T11:03:04Z",
    "added_by": "me",
    "verified_at": "2026-07-17T11:03:04Z",
    "sources": {"tool": {"commit": OID, "checked_at": "2026-07-17T11:03:04Z", "ok": True}},
    "audit_hash": "b" * 64,
}
MIRROR = Mirror(
    name="corp",
    base_url="https://mirror.example.org",
    kind="mirror",
    owner="Infra <infra@example.org>",
    added_at=NOW,
    added_by="me",
    verified_at=NOW + timedelta(days=1),
    sources={NAME: Held(commit=OID, checked_at=NOW + timedelta(days=1), ok=True)},
    audit_hash="b" * 64,
)


def document(*entries: object) -> bytes:
    return json.dumps({"schema_version": 1, "mirrors": list(entries)}).encode()


def changed(**changes: object) -> dict[str, object]:
    return {**ENTRY, **changes}


def test_a_round_trip_is_sorted_and_stable():
    found = decode_mirrors(document(changed(name="b"), changed(name="a", verified_at=None, sources={})))
    assert list(found.mirrors) == ["a", "b"]
    data = encode_mirrors(found)
    assert data.endswith(b"\n}\n")
    assert encode_mirrors(decode_mirrors(data)) == data
    assert json.loads(data)["mirrors"][0]["verified_at"] is None
    assert decode_mirrors(document(ENTRY)).mirrors["corp"] == MIRROR


@pytest.mark.parametrize("key", [key for key in ENTRY if key != "audit_hash"])
def test_an_entry_that_lacks_a_field_is_kept_and_told(key):
    plain = {name: value for name, value in ENTRY.items() if name != key}
    found = decode_mirrors(document(plain))
    assert not found.mirrors
    assert found.incomplete[0].lacking == (key,)
    assert json.loads(encode_mirrors(found))["mirrors"] == [plain]


def test_an_empty_owner_is_a_lacking_one():
    assert decode_mirrors(document(changed(owner=""))).incomplete[0].lacking == ("owner",)
    assert decode_mirrors(document(changed(owner=None))).incomplete[0].lacking == ("owner",)


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ("text", "mirrors[0]"),
        (changed(name="../x"), "mirrors[0] (../x).name"),
        (changed(base_url="http://x"), "mirrors[0] (corp).base_url"),
        (changed(kind="web"), "mirrors[0] (corp).kind"),
        (changed(added_at="today"), "mirrors[0] (corp).added_at"),
        (changed(verified_at="today"), "mirrors[0] (corp).verified_at"),
        (changed(extra=1), "mirrors[0] (corp).extra"),
        (changed(audit_hash="x"), "mirrors[0] (corp).audit_hash"),
        (changed(sources={"tool": {"commit": "x", "checked_at": "2026-07-17T11:03:04Z", "ok": True}}), "sources.tool"),
        (changed(sources={"tool": {"commit": OID, "checked_at": "x", "ok": True}}), "sources.tool.checked_at"),
        (changed(sources={"tool": {"commit": OID, "checked_at": "x"}}), "sources"),
        (changed(sources={".git": {"commit": OID, "checked_at": "2026-07-17T11:03:04Z", "ok": True}}), "sources..git"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(entry, place):
    with pytest.raises(InvalidFile) as caught:
        decode_mirrors(document(entry))
    assert any(place in problem.place for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "mirrors": {}}',
        b'{"schema_version": 1, "mirrors": [], "more": 1}',
        b'{"schema_version": 1, "mirrors": [], "mirrors": []}',
    ],
)
def test_what_is_no_inventory_is_refused(data):
    with pytest.raises(InvalidFile):
        decode_mirrors(data)


def test_a_name_stands_once():
    with pytest.raises(InvalidFile, match="twice"):
        decode_mirrors(document(ENTRY, ENTRY))


def test_a_newer_version_is_refused():
    with pytest.raises(NewerSchema):
        decode_mirrors(b'{"schema_version": 2, "mirrors": []}')


def test_an_invalid_inventory_stops_every_command(files, cli):
    files.write("state/sources-mirrors.json", "{}")
    before = files.files()
    done = cli("status")
    assert done.code == 2
    assert "state/sources-mirrors.json" in done.err
    assert files.files() == before


def test_the_journal_keeps_what_is_decided_about_mirrors():
    decision = Decision(
        events=[Event(event="mirror-add", detail={"mirror": "corp"})],
        mirrors={"corp": MIRROR},
        dropped_mirrors=frozenset({"old"}),
    )
    line = json.loads(json.dumps(decisions.decision_line(decision)))
    found = decisions.decode_decision(line)
    assert (found.mirrors, found.dropped_mirrors) == ({"corp": MIRROR}, frozenset({"old"}))
    assert encode_mirrors(Inventory(mirrors=dict(found.mirrors))) == encode_mirrors(Inventory(mirrors={"corp": MIRROR}))
