"""Records of pins that name an override: what explains them, and what was only written there."""

from __future__ import annotations

from typing import Any

import pytest

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.audit_overrides import borne_out
from git_hybrid.core.named_overrides import as_made, misnamed, rests_on
from support.values import NOW, OPERATOR, oid

Log = tuple[Record, ...]
X = "ovr-x"
ADD, REMOVE = Event(event="add", source="tool"), Event(event="remove", source="tool")


def ran(records: Log, *events: Event, run: str = "") -> Log:
    """Return *records* with those of a run of its own."""
    who = {"operator": OPERATOR, "command_id": run or f"run-{len(records)}", "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def pin(number: int, by: str = "", source: str = "tool") -> Event:
    return Event(event="pin", source=source, after=oid(number), detail={"rests_on": by} if by else None)


def override(number: int, event: str = "override", identity: str = X, **detail: Any) -> Event:
    told = {"override": identity, "override_sha256": "0" * 64, "kind": "pin", **detail}
    return Event(event=event, source="tool", after=oid(number), detail=told)


def joined(left: Log, right: Log) -> Log:
    return (*left, *(item for item in right if item not in left))


def wrong(records: Log) -> list[str]:
    """Return what is wrong, the last word of each, and see that the names are gone where somebody asks for them."""
    by_hash = {str(record["hash"]): record for record in records}
    found = misnamed(by_hash)
    assert all(not rests_on(as_made(by_hash)[digest]) for digest in found)
    assert (as_made(by_hash) is by_hash) == (not found)
    return [" ".join(why.split()[-3:]) for why in found.values()]


BEGUN = ran((), Event(event="init"), ADD, pin(1))
FORCED = ran(BEGUN, pin(2, X), override(2))
ENDED = ran(FORCED, override(2, "override-revoked"))


def test_what_the_commands_write_is_borne_out() -> None:
    assert wrong(BEGUN) == wrong(FORCED) == wrong(ENDED) == []
    # The entry was edited, and the pin stays with its override, also after a renewal and a lost table.
    stays = ran(ran(FORCED, override(2, "override-renewed")), pin(2, X))
    assert wrong(stays) == wrong(ran(ran(stays, pin(2, X)), pin(3), override(2, "override-superseded"))) == []
    assert wrong(ran(BEGUN, override(2), pin(2, X))) == [], "an older version may have another order"


def test_an_override_that_nobody_made_explains_nothing() -> None:
    assert wrong(ran(BEGUN, pin(2, X))) == ["for that commit"]
    assert wrong(ran(FORCED, pin(3, X))) == wrong(ran(FORCED, pin(2, X, source="other"))) == ["for that commit"]
    assert wrong(ran(BEGUN, pin(2, X), override(2, kind="scan"))) == ["for that commit"]
    assert wrong(ran(BEGUN, pin(2, X), override(2, "override-superseded"))) == ["for that commit"]


def test_one_that_had_ended_or_was_left_explains_nothing_any_more() -> None:
    again = ran(ENDED, pin(2), pin(2, X), pin(2))
    assert wrong(again) == ["had ended before"]
    assert wrong(ran(again, pin(2, X))) == ["had ended before"] * 2
    assert wrong(ran(FORCED, pin(2), pin(2, X), pin(2))) == ["had left before"]
    assert wrong(ran(ran(FORCED, pin(1)), pin(2, X))) == ["had left before"]


def test_what_another_branch_did_says_nothing_against_it() -> None:
    for other in (ran(FORCED, override(2, "override-revoked")), ran(FORCED, pin(1))):
        stays = ran(FORCED, pin(2, X), run="mine")
        assert wrong(joined(other, stays)) == wrong(joined(stays, other)) == []
    # Whoever merged went on with the side that rests on it.
    merged = ran(joined(ran(FORCED, pin(3), run="theirs"), ran(FORCED, pin(2, X), run="ours")), pin(2, X))
    assert wrong(merged) == []


def test_where_a_record_is_missing_nobody_can_tell() -> None:
    assert wrong(tuple(item for item in ENDED if item["event"] != "override")) == []


@pytest.mark.parametrize(("more", "counts"), [((), True), ((pin(3),), True), ((REMOVE, ADD, pin(2)), False)])
def test_it_is_told_until_the_source_begins_anew(more: tuple[Event, ...], counts: bool) -> None:
    records = ran(ran(BEGUN, pin(2, X)), *more)
    by_hash = {str(record["hash"]): record for record in records}
    told, _ = borne_out(by_hash, {"tool"})
    assert len(told) == counts
    assert borne_out(by_hash, {"other"})[0] == ()
    assert borne_out({}, {"tool"}) == ((), {})
    for breach in told:
        assert f"has tool at {oid(2)[:12]} by {X}, which no record made for that commit" in breach.what
        assert breach.mend == "git hybrid remove tool, then git hybrid add"
