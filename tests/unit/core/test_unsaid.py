from __future__ import annotations

import pytest

from git_hybrid.core.audit import Event, Record, Tail, extend, tail_of
from git_hybrid.core.unsaid import unsaid
from support.values import NOW, RUN, oid


def grown(records: tuple[Record, ...], *events: str, after: Tail | None = None) -> tuple[Record, ...]:
    told = [Event(event=event, source="tool", after=oid(1)) for event in events]
    more = extend(after or tail_of(records), told, at=NOW, operator="o", command_id=RUN, log_id="l")
    return (*records, *more)


BASE = grown((), "init", "add", "pin")


@pytest.mark.parametrize("event", ["clone", "update", "repair", "record", "reset"])
def test_what_was_installed_last_is_told_until_it_is_taken_out(event: str) -> None:
    installed = grown(BASE, "intent", event, "scan", "pin")
    assert unsaid(installed, {"tool"}) == {"tool": True}
    assert unsaid(installed, {"other"}) == unsaid(BASE, {"tool"}) == {}
    for end in ("remove", "prune"):
        gone = grown(installed, end, "add", "pin", "failed")
        assert unsaid(gone, {"tool"}) == {}
        assert unsaid(grown(gone, event), {"tool"}) == {"tool": True}


def test_of_one_side_of_a_merge_state_may_not_know_it() -> None:
    ours, theirs = grown(BASE, "clone"), grown(BASE, "pin", "scan")
    for merged in ((*ours, *theirs[len(BASE) :]), (*theirs, *ours[len(BASE) :])):
        assert unsaid(merged, {"tool"}) == {"tool": False}
        assert unsaid(grown(merged, "update"), {"tool"}) == {"tool": True}
    before = grown(BASE, "clone")
    both = (*grown(before, "pin"), *grown(before, "scan")[len(before) :])
    assert unsaid(both, {"tool"}) == {"tool": True}
    # What begins anew in the same file follows nothing, and may be of anywhere.
    assert unsaid((*ours, *grown((), "init")), {"tool"}) == {"tool": False}
