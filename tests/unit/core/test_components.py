from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from git_hybrid.core.components import Component, component
from git_hybrid.core.errors import NoPin
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source, Tag
from git_hybrid.core.override import Overrides
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from support.samples import NOW
from support.values import a_pin, a_snapshot, a_source, a_state_entry, an_override, oid

SOURCE = a_source()
PIN = a_pin(SOURCE)


def _facts(snapshot: Snapshot, source: Source = SOURCE) -> dict[str, list[str]]:
    found = component(snapshot, source, NOW)
    assert isinstance(found, Component)
    return {name: list(values) for name, values in found.facts.items() if values}


def test_a_tag_is_the_version_and_else_the_commit() -> None:
    tagged = a_source(track=Tag("v1"))
    for source, version in ((tagged, "v1"), (SOURCE, PIN.commit)):
        found = component(a_snapshot(source, pins=[a_pin(source)]), source, NOW)
        assert isinstance(found, Component)
        assert found.version == version


@pytest.mark.parametrize("pins", [[], [a_pin(a_source(track=Tag("v1")))]])
def test_without_a_pin_that_the_manifest_asks_for_it_is_an_error(pins: Sequence[Pin]) -> None:
    source = a_source(track=Tag("v2"))
    assert isinstance(component(a_snapshot(source, pins=pins), source, NOW), NoPin)


@pytest.mark.parametrize(
    ("scan", "told"),
    [
        (ScanStatus(), ["missing"]),
        (ScanStatus(state="clean", commit=PIN.commit, scanned_at=NOW), ["clean"]),
        (ScanStatus(state="findings", commit=PIN.commit, scanned_at=NOW), ["findings"]),
        (ScanStatus(state="clean", commit=PIN.commit, scanned_at=NOW - timedelta(days=30)), ["stale"]),
        (ScanStatus(state="clean", commit=oid(9), scanned_at=NOW), ["missing"]),
    ],
)
def test_a_scan_counts_for_the_pinned_commit_while_it_is_young(scan: ScanStatus, told: list[str]) -> None:
    snapshot = a_snapshot(SOURCE, pins=[PIN], recorded=[a_state_entry(SOURCE, scan=scan)])
    assert _facts(snapshot)["scan"] == told
    assert ("scanned-at" in _facts(snapshot)) == (told != ["missing"])


def test_the_override_that_let_a_pin_in_is_told_also_where_its_record_is_gone() -> None:
    record = an_override()
    snapshot = a_snapshot(SOURCE, pins=[replace(PIN, override=record.id)])
    assert _facts(snapshot)["override"] == [record.id]
    assert "override-expires" not in _facts(snapshot)
    facts = _facts(replace(snapshot, overrides=Overrides(records={record.id: record})))
    assert facts["override-request"] == [record.request_id]
    assert "override" not in _facts(a_snapshot(SOURCE, pins=[PIN]))
    assert facts["override-expires"][0].endswith("Z")


@pytest.mark.parametrize(
    ("changed", "word", "closed"),
    [
        ({"expires_at": NOW + timedelta(days=90)}, "active", None),
        ({"expires_at": NOW + timedelta(days=1)}, "active", None),
        ({"expires_at": NOW - timedelta(days=1)}, "expired", None),
        ({"expires_at": NOW + timedelta(days=1), "status": "revoked", "closed_at": NOW}, "revoked", [format_time(NOW)]),
        ({"status": "superseded", "closed_at": NOW}, "superseded", [format_time(NOW)]),
    ],
)
def test_an_override_that_is_no_longer_in_force_is_told_as_such(
    changed: dict[str, Any], word: str, closed: list[str] | None
) -> None:
    record = an_override(**changed)
    snapshot = a_snapshot(SOURCE, pins=[replace(PIN, override=record.id)])
    facts = _facts(replace(snapshot, overrides=Overrides(records={record.id: record})))
    assert (facts["override-status"], facts.get("override-closed-at")) == ([word], closed)


def test_submodules_are_told_where_they_are_part_of_the_tree() -> None:
    source = replace(SOURCE, submodules=True)
    assert _facts(a_snapshot(source, pins=[a_pin(source)]), source)["submodules"] == ["true"]
    assert "submodules" not in _facts(a_snapshot(SOURCE, pins=[PIN]))
