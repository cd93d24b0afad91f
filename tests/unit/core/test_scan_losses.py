from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from git_hybrid.core.audit import Record
from git_hybrid.core.ids import SourceName
from git_hybrid.core.scan_losses import loss_since, losses
from git_hybrid.core.scans import scan_detail
from git_hybrid.core.state import FindingRef, ScannerRecord, ScanStatus
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from support.values import NOW, oid

TOOL = SourceName("tool")
BY = ScannerRecord(name="t", state="findings", version="1", config_digest="c", rules_digest="r", scanned_at=NOW)
NAMED = tuple(FindingRef(id=f"f{number}", level="high", scanner="t", rule="R", path="a") for number in range(4))
FOUND = ScanStatus(
    state="findings",
    commit=oid(1),
    tree=oid(2),
    scanned_at=NOW,
    counts={"high": 4},
    scanners=(BY,),
    findings=NAMED,
)
LATER = NOW + timedelta(hours=1)
CLEAN = replace(
    FOUND,
    state="clean",
    counts={},
    findings=(),
    scanned_at=LATER,
    scanners=(replace(BY, state="clean", scanned_at=LATER),),
)


def test_what_the_same_scanners_no_longer_find_in_the_same_files_is_told() -> None:
    loss = loss_since(FOUND, CLEAN)
    assert loss is not None
    at = format_time(NOW)
    assert loss.told == f"lacks 4 findings of the one at {at} by the same scanners: f0, f1, f2, …"
    one = loss_since(FOUND, replace(FOUND, counts={"high": 3}, findings=NAMED[1:]))
    assert one is not None
    assert one.told.endswith("lacks 1 finding of the one at 2026-07-20T12:00:00Z by the same scanners: f0")


@pytest.mark.parametrize(
    "later",
    [
        FOUND,
        replace(CLEAN, tree=oid(3)),
        replace(CLEAN, scanners=(replace(BY, rules_digest="other"),)),
        replace(CLEAN, scanners=()),
        replace(CLEAN, state="error"),
        # It names no more than some of what it found.
        replace(FOUND, counts={"high": 101}, findings=NAMED[1:]),
    ],
)
def test_another_scan_says_nothing(later: ScanStatus) -> None:
    assert loss_since(FOUND, later) is None


def test_only_records_of_scans_count_and_such_as_tell_findings() -> None:
    def record(**more: Any) -> Record:
        return {"event": "scan", "source": "tool", "at": format_time(NOW), "detail": scan_detail(FOUND)} | more

    assert set(losses([record()], {TOOL: CLEAN})) == {TOOL}
    odd = record(detail={**scan_detail(FOUND), "findings": "f"})
    for other in (record(event="pin"), record(source="other"), odd, record(detail={"tree": oid(2), "scanners": 1})):
        assert losses([other], {TOOL: CLEAN}) == {}
    assert losses([record()], {}) == {}
