"""Which findings an override of kind scan accepts."""

from __future__ import annotations

import pytest

from git_hybrid.app.accept import chosen_findings
from git_hybrid.app.force import Objections
from git_hybrid.core.errors import BadArgument, HybridError, OverrideUnnecessary, ScanBlocked
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Branch, Tag, Track
from git_hybrid.core.scan_policy import blocked_by
from git_hybrid.core.value import replace
from support.scan_values import a_finding, a_scan
from support.values import a_pin, a_snapshot, a_source, a_state_entry, oid

NAME = SourceName("tool")
UNNAMED = replace(a_scan(findings=(a_finding(1),)), findings=(), counts={"high": 3, "medium": 0, "low": 0})


@pytest.mark.parametrize(
    ("track", "to", "error"),
    [
        (Tag("v1"), "v1", OverrideUnnecessary),
        (Tag("v1"), "refs/tags/v1", OverrideUnnecessary),
        (Tag("v1"), "0" * 39, OverrideUnnecessary),
        (Tag("v1"), "v2", BadArgument),
        (Branch("main"), "main", BadArgument),
    ],
)
def test_the_pinned_commit_is_named_by_its_id_or_its_tag(track: Track, to: str, error: type[HybridError]) -> None:
    source = a_source(track=track)
    pin = a_pin(source)
    with pytest.raises(error):
        chosen_findings(a_snapshot(source, pins=[pin]), pin, to=to, findings=())


def test_what_was_never_scanned_has_nothing_to_accept() -> None:
    source = a_source(track=Branch("main"))
    pin = a_pin(source)
    with pytest.raises(OverrideUnnecessary) as caught:
        chosen_findings(a_snapshot(source, pins=[pin]), pin, to=None, findings=())
    assert caught.value.hint == f"git hybrid scan {source.name}"


def test_what_has_no_id_left_is_not_accepted() -> None:
    source, scan = a_source(track=Branch("main")), a_scan(findings=(a_finding(1),), commit=oid(1))
    pin, counts = a_pin(source), {"high": 3, "medium": 0, "low": 0}
    some = a_snapshot(source, pins=[pin], recorded=[a_state_entry(source, scan=replace(scan, counts=counts))])
    assert chosen_findings(some, pin, to=None, findings=()) == (a_finding(1).id,)
    scan = replace(scan, findings=(), counts=counts)
    none = a_snapshot(source, pins=[pin], recorded=[a_state_entry(source, scan=scan)])
    with pytest.raises(ScanBlocked):
        chosen_findings(none, pin, to=None, findings=())


def test_a_forced_pin_lifts_what_an_approval_can_name() -> None:
    named = blocked_by(a_scan(findings=(a_finding(1),)), NAME, "high", signed=False)
    unnamed = blocked_by(UNNAMED, NAME, "high", signed=False)
    forced = Objections(forced=True)
    forced.meet(named)
    assert (forced.findings, forced.stays) == ((a_finding(1).id,), "")
    with pytest.raises(ScanBlocked):
        forced.meet(unnamed)
    some = blocked_by(replace(UNNAMED, findings=a_scan(findings=(a_finding(1),)).findings), NAME, "high", signed=False)
    forced.meet(some)
    assert forced.stays == "2 others stay blocked"
