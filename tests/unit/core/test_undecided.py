from __future__ import annotations

from git_hybrid.core.audit import RESTS_ON
from git_hybrid.core.undecided import undecided
from git_hybrid.core.value import replace
from support.values import a_pin, oid

HERE = {"source": "tool", "event": "pin", "after": oid(1)}
THERE = {"source": "tool", "event": "pin", "after": oid(2)}


def test_a_pin_that_stands_at_one_of_two_last_records_is_undecided() -> None:
    pin = a_pin(commit=oid(1))
    assert undecided([HERE, THERE], pin, {}) == [THERE]
    assert undecided([THERE], pin, {}) == []
    assert undecided([HERE, THERE], replace(pin, override="ovr-1"), {}) == []
    forced = {**THERE, "detail": {RESTS_ON: "ovr-2"}}
    assert undecided([HERE, forced], pin, {}) == []
    made = {"source": "tool", "event": "override", "after": oid(2), "detail": {"override": "ovr-2"}}
    assert undecided([HERE, forced], pin, {"a": made}) == [forced]
    made["detail"] = {"override": "ovr-2", "lifts": ["too-young"]}
    assert undecided([HERE, forced], pin, {"a": made}) == []
