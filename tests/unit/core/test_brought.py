"""Records that came along with a picked commit, and what follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from git_hybrid.core.audit import Event, Record
from git_hybrid.core.brought import History, brought
from git_hybrid.core.last_told import BROUGHT, last_told
from git_hybrid.core.lock import Lock
from git_hybrid.core.lock_moves import Moves, Past, against_moves
from support.values import a_pin, oid
from unit.core.test_lock_moves import NEWER, ONE, TOOL, TWO, Committed, grown, pinned, text

THREE = grown(TWO, pinned(3))
BASE: dict[str, Committed] = {"a": ((), text(1), ONE)}
PICKED: dict[str, Committed] = {"c": (("b",), text(1), ()), "b": (("a",), text(1), NEWER), **BASE}
ASIDE = Event(event="pin", source="tool", before=oid(1), after=oid(4), detail={BROUGHT: [str(TWO[1]["hash"])]})
PATCHED = grown(TWO, ASIDE)


def past_of(history: Mapping[str, Committed]) -> Past:
    return Past(
        head=next(iter(history)),
        parents={name: tuple(parents) for name, (parents, _, _) in history.items()},
        added={name: frozenset(str(item["hash"]) for item in added) for name, (_, _, added) in history.items()},
        lock=lambda name: history[name][1],
    )


def came(
    log: Sequence[Record], history: Mapping[str, Committed], installed: int = 1, pushed: Sequence[int] = ()
) -> list[str]:
    told = History(
        past=past_of(history),
        pushed=[text(number) for number in pushed],
        lines={str(record["hash"]): str(record["hash"]) for record in log},
        decode=lambda _text: None,
    )
    pins = {TOOL: a_pin(commit=oid(1))}
    found = brought(log, pins, {TOOL: oid(installed)}, told)
    # Asked once more it says the same.
    assert brought(log, pins, {TOOL: oid(installed)}, told) == found
    return [str(record["after"]) for record in log if record["hash"] in found.get(TOOL, ())]


def test_what_a_pick_brought_and_no_commit_counted_only_came_along() -> None:
    assert came(TWO, PICKED) == [oid(2)]
    both = {"b": (("a",), text(1), THREE[1:]), **BASE}
    assert came(THREE, both) == [oid(2), oid(3)]
    # A merge of the branch that had it, and that is where it stands already.
    assert came(TWO, {"m": (("b", "c0"), text(1), NEWER), "b": (("a",), text(1), ()), **PICKED}) == [oid(2)]


@pytest.mark.parametrize(
    "history",
    [
        # Committed, and taken back; or taken out of the lock for a while.
        {"c": (("b",), text(1), ()), "b": (("a",), text(2), NEWER), **BASE},
        # Not committed; there since the history begins.
        BASE,
        {"a": ((), text(1), TWO)},
    ],
)
def test_what_a_commit_may_have_counted_did_not(history: Mapping[str, Committed]) -> None:
    assert came(TWO, history) == []


def test_nor_did_what_is_installed_or_was_pushed() -> None:
    assert came(TWO, PICKED, installed=2) == came(TWO, PICKED, pushed=[2]) == []
    assert came(TWO, PICKED, pushed=[1]) == [oid(2)]
    assert came(ONE, BASE) == []


def test_a_record_does_not_take_the_place_of_what_came_along() -> None:
    log = grown(THREE, Event(event="pin", source="tool", detail={BROUGHT: [str(item["hash"]) for item in THREE[1:]]}))
    by_hash = {str(record["hash"]): record for record in log}
    found = last_told(by_hash, lambda record: str(record.get("source")))
    first, _, third, last = by_hash
    assert found.newest["tool"] == {third, last}
    assert found.over[last] == {first}


def told(stands: int, log: Sequence[Record], history: Mapping[str, Committed]) -> list[str]:
    by_hash = {str(record["hash"]): record for record in log}
    moves = Moves(
        lock=Lock(pins={TOOL: a_pin(commit=oid(stands))}),
        before=(),
        lines={name: name for name in by_hash},
        past=lambda: past_of(history),
        decode=lambda found: Lock(pins={TOOL: a_pin(commit=oid(next(n for n in range(9) if found == text(n))))}),
        signed=False,
    )
    return [breach.level for breach in against_moves(by_hash, moves)]


def test_who_says_so_of_what_did_count_is_told() -> None:
    patch = {"d": (("b",), text(4), PATCHED[2:]), "b": (("a",), text(1), NEWER), **BASE}
    assert told(4, PATCHED, patch) == []
    forged = {"d": (("b",), text(4), PATCHED[2:]), "b": (("a",), text(2), NEWER), **BASE}
    assert told(4, PATCHED, forged) == ["fail"]


def test_who_merges_the_other_branch_takes_either_side() -> None:
    """As a release branch with a patch of its own; where it takes back what was pinned here that is told, as of any."""
    sides = {
        "d": (("b",), text(4), PATCHED[2:]),
        "b": (("a",), text(1), NEWER),
        "x": (("a",), text(2), NEWER),
        **BASE,
    }
    assert "fail" not in told(2, PATCHED, {"m": (("x", "d"), text(2), PATCHED[2:]), **sides})
    assert told(4, PATCHED, {"m": (("x", "d"), text(4), PATCHED[2:]), **sides}) == ["warn"]
