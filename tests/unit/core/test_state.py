from __future__ import annotations

from datetime import timedelta

import pytest

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.state import ScanStatus, State, is_stale, with_sources
from support.values import NOW, a_source, a_state_entry, oid

WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("age", "pinned", "expected"),
    [
        (timedelta(days=1), oid(1), False),
        (WEEK, oid(1), False),
        (WEEK + timedelta(seconds=1), oid(1), True),
        (timedelta(days=1), oid(2), True),
        (timedelta(days=1), None, True),
    ],
    ids=["fresh", "just-in-time", "too-old", "other-commit", "no-pin"],
)
def test_a_scan_is_stale_by_age_or_by_commit(age: timedelta, pinned: Oid | None, *, expected: bool) -> None:
    scan = ScanStatus(state="clean", commit=oid(1), scanned_at=NOW - age)
    assert is_stale(scan, pinned=pinned, now=NOW, max_age=WEEK) is expected


@pytest.mark.parametrize(
    "scan",
    [ScanStatus(), ScanStatus(state="missing", scanned_at=NOW - 9 * WEEK), ScanStatus(state="error")],
    ids=["never", "missing", "no-time"],
)
def test_a_scan_that_never_was_is_missing_and_not_stale(scan: ScanStatus) -> None:
    assert not is_stale(scan, pinned=oid(1), now=NOW, max_age=WEEK)


def test_entries_are_put_and_dropped_in_name_order() -> None:
    state = State(sources={SourceName(name): a_state_entry(a_source(name)) for name in ("b", "c", "d")})
    put = {
        SourceName("a"): a_state_entry(a_source("a")),
        SourceName("b"): a_state_entry(a_source("b"), commit=oid(9)),
    }
    changed = with_sources(state, put=put, drop=frozenset({SourceName("c")}))
    assert list(changed.sources) == ["a", "b", "d"]
    assert changed.sources[SourceName("b")].commit == oid(9)
    assert state.sources[SourceName("b")].commit == oid(1)
