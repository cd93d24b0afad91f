"""Pins that stand where no record put them last: what the commits of history explain, and what they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import pytest

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.audit_archives import Breach
from git_hybrid.core.ids import SourceName, branch_ref, parse_url, tag_ref
from git_hybrid.core.last_pins import pinned_as
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.lock_moves import Moves, Past, against_moves, first_with
from git_hybrid.core.manifest import Branch, Commit, Source, Tag, Version
from git_hybrid.core.moves_told import place_of
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")
Committed = tuple[Sequence[str], bytes | None, Sequence[Record]]


def grown(records: Sequence[Record], *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def pinned(number: int, **detail: str) -> Event:
    return Event(event="pin", source="tool", after=oid(number), detail=detail)


def text(number: int) -> bytes:
    return written(a_pin(commit=oid(number)))


def written(pin: Pin) -> bytes:
    lines = (
        f'{key} = "{value}"'
        for key, value in zip(("commit", "url", "ref", "config_digest", "override"), place_of(pin), strict=True)
        if value
    )
    return "\n".join(("lock_version = 1", "", "[source.tool]", *lines, "", "[source.z]", "")).encode()


def lock(number: int | Pin) -> Lock:
    return Lock(pins={TOOL: a_pin(commit=oid(number)) if isinstance(number, int) else number})


def judged(
    stands: int | Pin,
    records: Sequence[Record],
    history: Mapping[str, Committed],
    *,
    before: Sequence[Lock] = (),
    known: Sequence[Sequence[Record]] = (),
) -> str:
    """Return what fails of a lock that has the tool at *stands*, after *history*, whose newest commit comes first."""
    breaches = found(stands, records, history, before=before, known=known)
    return " ".join(breach.what for breach in breaches if breach.level == "fail")


def found(
    stands: int | Pin,
    records: Sequence[Record],
    history: Mapping[str, Committed],
    *,
    before: Sequence[Lock] = (),
    known: Sequence[Sequence[Record]] = (),
    decode: Callable[[bytes], Lock | None] = lambda _text: lock(7),
    is_made: bool = False,
    sources: Mapping[SourceName, Source] | None = None,
) -> list[Breach]:
    def past() -> Past | None:
        if not history:
            return None
        return Past(
            head=next(iter(history)),
            parents={name: tuple(parents) for name, (parents, _, _) in history.items()},
            added={name: frozenset(str(item["hash"]) for item in added) for name, (_, _, added) in history.items()},
            lock=lambda name: history[name][1],
        )

    by_hash = {str(record["hash"]): record for record in records}
    moves = Moves(
        lock=lock(stands),
        before=before,
        known=[tuple(str(record["hash"]) for record in records) for records in known],
        lines={name: name for name in by_hash},
        past=past,
        decode=decode,
        signed=False,
        is_made=is_made,
        sources=sources or {},
    )
    return list(against_moves(by_hash, moves))


ONE = grown((), pinned(1))
TWO = grown(ONE, pinned(2))
NEWER = TWO[1:]
BEGUN = {"a": ((), text(1), ONE)}


def test_a_lock_that_was_put_back_in_a_commit_is_found() -> None:
    moved = {"b": (("a",), text(2), NEWER), **BEGUN}
    assert judged(2, TWO, moved) == ""
    assert "in commit c" in judged(1, TWO, {"c": (("b",), text(1), ()), **moved})
    # Also when it was taken out before, or another commit came after it.
    gone = {"d": (("c",), text(1), ()), "c": (("b",), None, ()), **moved}
    assert "in commit e" in judged(
        1, TWO, {"f": (("e",), text(1), ()), "e": (("d0",), text(1), ()), "d0": gone["c"], **moved}
    )
    assert judged(1, TWO, {}) == judged(3, TWO, moved) == ""
    # Nor does another table of the same commit hide it, committed or not; where nothing had moved it, that moves nothing.
    back, other = {"c": (("b",), text(1), ()), **moved}, a_pin(digest="sha256:other")
    assert "in commit c" in judged(other, TWO, {"d": (("c",), written(other), ()), **back})
    assert "in commit c" in judged(other, TWO, back, before=(lock(1),), known=(TWO,))
    gone = {"e": (("d",), text(1), ()), "d": (("c",), None, ())}
    assert "in commit e" in judged(1, TWO, {**gone, **back})
    assert judged(other, TWO, {"d": (("b",), written(other), ()), "b": (("a",), text(1), NEWER), **BEGUN}) == ""


def test_a_commit_that_moves_many_pins_has_the_log_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("git_hybrid.core.moves_told.last_pins", None)
    assert "put back" in judged(1, TWO, {}, before=(lock(2),), known=(TWO,))


def test_records_that_came_along_say_nothing_of_a_pin_that_stayed() -> None:
    assert judged(1, TWO, {"b": (("a",), text(1), NEWER), **BEGUN}) == ""
    # Where it had been moved before they came, the commit that moved it is judged by what was known then.
    side = grown(TWO, pinned(1))
    assert judged(1, (*TWO, side[-1]), {"c": (("b",), text(1), side[2:]), "b": (("a",), text(2), NEWER), **BEGUN}) == ""
    later = {"c": (("b",), text(2), grown(TWO, pinned(3))[2:]), "b": (("a",), text(2), NEWER), **BEGUN}
    assert judged(2, grown(TWO, pinned(3)), later) == ""


FORCED_TWO = Event(event="pin", source="tool", before=oid(1), after=oid(2), detail={"rests_on": "ovr-1"})


@pytest.mark.parametrize(("lifts", "told"), [(["off-branch"], False), (["rollback"], True), ([], True)])
def test_a_forced_pin_may_be_reverted_unless_it_was_a_rollback_or_needed_no_force(lifts: list[str], told: bool) -> None:
    log = grown(ONE, FORCED_TWO, Event(event="override", detail={"override": "ovr-1", "lifts": lifts}))
    history = {"c": (("b",), text(1), ()), "b": (("a",), text(2), log[1:]), **BEGUN}
    assert bool(judged(1, log, history)) == told
    assert bool(judged(1, log, {}, before=(lock(2),), known=(log,))) == told
    # Only from there, and only where nothing else is the last record too.
    assert "put back" in judged(1, log, {}, before=(lock(3),), known=(log,))
    both = (*log, grown(ONE, pinned(3))[-1])
    assert f"has {oid(3)[:12]} or {oid(2)[:12]}" in judged(1, both, {}, before=(lock(2),), known=(both,))


WAYS = [
    ("this URL", a_source(url="https://example.org/fork")),
    ("main", a_source(track=Tag("v1"))),
    ("main", a_source(track=Commit(oid(1)))),
]


@pytest.mark.parametrize(("by", "there"), WAYS)
def test_a_pin_that_went_elsewhere_and_came_back_by_hand_is_held_against_where_it_stood(by: str, there: Source) -> None:
    def told(pin: Pin, source: Source) -> Event:
        rests_on = {"rests_on": pin.override} if pin.override else {}
        return Event(event="pin", source="tool", after=pin.commit, detail={**pinned_as(pin, source), **rests_on})

    source = a_source(track=Branch("main"))
    one, three, away = (a_pin(item, commit=oid(number)) for item, number in ((source, 1), (source, 3), (there, 1)))
    begun = grown((), told(one, source))
    log = grown(begun, told(three, source), told(away, there))
    has = f"the last record of its pin by {by} has {oid(3)[:12]}"
    at_once = {"b": (("a",), written(three), log[1:2]), "a": ((), written(one), begun)}
    assert has in judged(one, log, {"c": (("b",), written(one), log[2:]), **at_once})
    assert has in judged(one, log, {}, before=(lock(three),), known=(log[:2],))
    # By two commits, of which the first one shows where it went; and as long as it stays there.
    history = {"c": (("b",), written(away), log[2:]), **at_once}
    assert judged(away, log, history) == ""
    assert has in judged(one, log, {"d": (("c",), written(one), ()), **history})
    # Where it had stood there before, nothing moved; nor where it begins anew.
    assert judged(one, grown(begun, told(away, there)), {}, before=(lock(away),), known=(begun,)) == ""
    anew = grown(log, Event(event="remove", source="tool"), told(away, there))
    assert judged(one, anew, {}, before=(lock(three),), known=(log[:2],)) == ""
    forced = replace(one, override="ovr-1")
    by_override = grown(log[:2], told(forced, source), told(away, there))
    assert "has it by ovr-1" in judged(one, by_override, {}, before=(lock(three),), known=(log[:2],))
    assert "has it by no override" in judged(forced, grown(begun, told(one, source)), {}, before=(lock(three),))
    kept = grown(by_override[:3], told(forced, source))
    assert judged(forced, kept, {}, before=(lock(three),), known=(log[:2],)) == ""


def test_a_record_that_was_taken_out_of_the_log_for_a_while_counts() -> None:
    history = {
        "d": (("c",), text(1), NEWER),
        "c": (("b",), text(1), ()),
        "b": (("a",), text(2), NEWER),
        **BEGUN,
    }
    assert "in commit c" in judged(1, TWO, history)


def test_a_merge_is_held_against_all_its_sides() -> None:
    sides = {"left": (("a",), text(1), ()), "right": (("a",), text(2), NEWER), **BEGUN}
    assert judged(2, TWO, {"m": (("left", "right"), text(2), ()), **sides}) == ""
    assert "in commit m" in judged(1, TWO, {"m": (("left", "right"), text(1), ()), **sides})
    # What both sides moved may stand as either has it; what neither moved is not judged.
    both = {"left": (("a",), text(3), grown(ONE, pinned(3))[1:]), "right": (("a",), text(2), NEWER), **BEGUN}
    known = (*TWO, both["left"][2][-1])
    assert {judged(number, known, {"m": (("left", "right"), text(number), ()), **both}) for number in (2, 3)} == {""}
    same = {"left": (("a",), text(1), NEWER), "right": (("a",), text(1), ()), **BEGUN}
    assert judged(1, TWO, {"m": (("left", "right"), text(1), ()), **same}) == ""


GONE = {"out": (("b",), None, ()), "b": (("a",), text(2), NEWER), "old": (("a",), text(1), ()), **BEGUN}
"""The tool is taken out after it was moved; the other branch has it where it stood before."""


def test_a_merge_is_held_against_a_side_that_has_the_pin_no_more() -> None:
    merged = {"m": (("out", "old"), text(1), ()), **GONE}
    assert "was put back" in judged(1, TWO, {}, before=(Lock(), lock(1)), known=(TWO, ONE))
    assert "was put back" in judged(1, TWO, {}, before=(lock(1), Lock()), known=(ONE, TWO))
    assert "in commit m" in judged(1, TWO, merged)
    assert "in commit m" in judged(1, TWO, {"n": (("m",), text(1), ()), **merged})
    # Where it stood there, or where a record has put it since, it may come back.
    assert judged(2, TWO, {}, before=(Lock(), lock(2)), known=(TWO, TWO)) == ""
    assert judged(2, TWO, {"m": (("out", "b"), text(2), ()), **GONE}) == ""
    log = (*TWO, grown(ONE, pinned(3))[-1])
    assert judged(3, log, {}, before=(Lock(), lock(3)), known=(TWO, (ONE[0], log[2]))) == ""
    assert judged(3, log, {"m": (("out", "new"), text(3), ()), "new": (("a",), text(3), log[2:]), **GONE}) == ""
    # What leads there is looked at all the same.
    three = grown(ONE, pinned(3))
    left, right = (("a",), text(3), three[1:]), (("a",), text(2), NEWER)
    merged = {"m": (("left", "right"), text(3), ()), "left": left, "right": right, **BEGUN}
    undone = {"c": (("m",), text(2), ()), "out": (("left",), None, ()), **merged}
    assert "in commit c" in judged(2, log, {"n": (("out", "c"), text(2), ()), **undone})


def test_a_side_on_which_a_source_was_removed_or_never_stood_says_nothing_of_its_pin() -> None:
    removed = grown(TWO, Event(event="remove", source="tool"))
    assert judged(1, removed, {}, before=(Lock(), lock(1)), known=(removed, ONE)) == ""
    other = grown(TWO, Event(event="pin", source="other", after=oid(9)))
    assert judged(1, other, {}, before=(Lock(), lock(1)), known=(other[2:], ONE)) == ""
    # Records that came along with a pick tell of no pin that was taken out.
    history = {"m": (("side", "old"), text(1), ()), "side": (("begin",), None, TWO), "begin": ((), None, ())}
    assert judged(1, TWO, {**history, "old": (("a",), text(1), ()), **BEGUN}) == ""


def test_what_a_merge_has_decided_is_not_undone_without_a_record() -> None:
    three = grown(ONE, pinned(3))
    log = (*TWO, three[-1])
    left, right = (("a",), text(3), three[1:]), (("a",), text(2), NEWER)
    merged = {"m": (("left", "right"), text(3), ()), "left": left, "right": right, **BEGUN}
    assert judged(3, log, merged) == ""
    told = judged(2, log, {"c": (("m",), text(2), ()), **merged})
    assert (
        told == f"tool was put back to {oid(2)[:12]} in commit c, and a merge before that had left it at {oid(3)[:12]}"
    )
    # The order in which the merge put the lines says nothing.
    assert "in commit c" in judged(3, log, later(merged, 2, 3))
    # Nor by way of a lock that has no pin.
    gone = {"c": (("n",), text(2), ()), "n": (("m",), None, ())}
    assert "in commit c" in judged(2, log, {**gone, **merged})
    assert judged(3, log, {**gone, "c": (("n",), text(3), ()), **merged}) == ""
    # Nor does another merge of the same side take it anew; one that brings a record of its own does.
    side = {"side": (("right",), text(2), ())}
    assert "in commit n" in judged(2, log, {"n": (("m", "side"), text(2), ()), **side, **merged})
    four = grown(TWO, pinned(4))
    more = {"side": (("right",), text(4), four[2:])}
    assert judged(4, (*log, four[-1]), {"n": (("m", "side"), text(4), ()), **more, **merged}) == ""


def later(merged: Mapping[str, Committed], left: int, stands: int) -> dict[str, Committed]:
    """Return a history that begins with a commit which moves the tool to *stands*, after a merge that chose *left*."""
    parents, _, added = merged["m"]
    return {"c": (("m",), text(stands), ()), **merged, "m": (parents, text(left), added)}


def test_a_commit_that_brings_the_record_of_one_side_may_take_it() -> None:
    three = grown(ONE, pinned(3))
    log = (*TWO, three[-1])
    squashed = {"c": (("left",), text(2), NEWER), "left": (("a",), text(3), three[1:]), **BEGUN}
    assert judged(2, log, squashed) == ""
    for stands, other in ((2, 3), (3, 2)):
        own = three if other == 3 else TWO
        assert judged(stands, log, {}, before=(lock(other),), known=(own,)) == ""
        assert judged(stands, log, {}, before=(lock(other), lock(stands)), known=(own, log)) == ""
        assert "a merge before that" in judged(stands, log, {}, before=(lock(other),), known=(log,))
    # What stood at neither only follows.
    assert judged(2, log, {}, before=(lock(1),), known=(log,)) == ""


def aged(number: int, days: int, **changed: object) -> Pin:
    pin = a_pin(commit=oid(number))
    return replace(pin, commit_time=pin.commit_time + timedelta(days=days), **changed)


def decided(text: bytes) -> Lock | None:
    """Read the locks of the tests below: the commit with number 2 is the younger one."""
    numbers = [number for number in (2, 3) if oid(number).encode() in text]
    return lock(aged(numbers[0], 3 - numbers[0])) if numbers else None


def test_a_side_that_is_behind_the_other_one_takes_a_record() -> None:
    three = grown(ONE, pinned(3))
    log = (*TWO, three[-1])
    ours, theirs, go_on = aged(2, 1), aged(3, 0), f"git hybrid pin tool --to {oid(2)}"
    stay = f"git hybrid pin tool --to {oid(3)}"

    def told(stands: Pin, *before: Pin, **changed: bool) -> list[tuple[str, str]]:
        known = [TWO if pin.commit == oid(2) else three for pin in before]
        breaches = found(stands, log, {}, before=tuple(map(lock, before)), known=known, **changed)
        return [(breach.level, breach.mend) for breach in breaches]

    plainly = f"{go_on}; or, if the older one is meant: {stay}"
    assert told(theirs, ours) == told(theirs, ours, theirs) == [("fail", plainly)]
    # It stands where HEAD had it, or perhaps not behind; or it is committed, so that nobody may choose any more.
    assert told(theirs, theirs, ours) == told(aged(3, 1), ours) == [("warn", plainly)]
    refused = f"{plainly}, where that is refused, with {FORCED}"
    assert told(theirs, ours, is_made=True) == [("warn", refused)]
    # What goes on, or nobody can compare, is right; so is what an override let in on either side.
    assert told(aged(3, 2), ours) == told(replace(theirs, ref=branch_ref("dev")), ours) == []
    assert told(replace(theirs, url=parse_url("https://example.org/fork")), ours) == []
    by_override = (*grown(ONE, FORCED_TWO), three[-1])
    assert found(theirs, by_override, {}, before=(lock(ours),), known=(by_override[:2],)) == []
    # And what a record decides that follows both.
    both = grown(log, pinned(3))
    assert found(theirs, both, {}, before=(lock(ours),), known=(TWO,)) == []


def test_a_side_that_was_behind_the_other_one_is_told_once_it_is_committed() -> None:
    three = grown(ONE, pinned(3))
    log = (*TWO, three[-1])
    stood = {"b": (("a",), text(2), NEWER), **BEGUN}
    picked = {"c": (("b",), text(3), three[1:]), **stood}

    def told(history: Mapping[str, Committed], stands: int = 3) -> list[str]:
        return [breach.level for breach in found(aged(stands, 3 - stands), log, history, decode=decided)]

    assert told(picked) == told({"d": (("c",), text(3), ()), **picked}) == ["warn"]
    assert told(picked, 2) == []
    # No commit stood there: the record came along with what was picked.
    assert told({"b": (("a",), text(3), (*three[1:], *NEWER)), **BEGUN}) == []
    assert told({**picked, "b": (("a",), None, NEWER)}) == []


def test_an_older_release_is_behind_whatever_its_time() -> None:
    new, old = (aged(number, days, ref=tag_ref(tag)) for number, days, tag in ((2, 0, "v2"), (3, 9, "v1")))
    log = (*grown(ONE, pinned(2, ref=new.ref)), grown(ONE, pinned(3, ref=old.ref))[-1])
    (breach,) = found(old, log, {}, before=(lock(new),), known=(log[:2],), sources={TOOL: a_source(track=Tag("v1"))})
    stay, go_on = f"git hybrid pin tool --to {oid(3)}", f"git hybrid pin tool --to {oid(2)}"
    back = f"if not, put its entry in sources.toml back as it was, then {go_on}"
    assert (breach.level, breach.mend) == ("fail", f"if the older one is meant: {stay}; {back}")
    assert found(new, log, {}, before=(lock(old),), known=((ONE[0], log[2]),)) == []


def test_what_is_about_to_be_committed_is_held_against_each_side() -> None:
    assert "was put back to" in judged(1, TWO, {}, before=(lock(2),))
    assert "was put back to" in judged(1, TWO, {}, before=(lock(1), lock(2)))
    assert judged(1, TWO, {}, before=(lock(1), Lock())) == ""
    assert judged(2, TWO, {}, before=(lock(1), lock(2))) == ""


FORCED = "--force --request ID --approver WHO --reason TEXT --expires WHEN"


def mend(
    stands: Pin, last: Event, source: Source | None = None, *more: Event, signed: bool = False, stood: int = 2
) -> str:
    """Return what mends a tool that was put back to *stands*, by its number, from where *last* had pinned it."""
    by_hash = {str(record["hash"]): record for record in grown(ONE, last, *more)}
    sources = {} if source is None else {TOOL: source}
    before = (lock(stood),)
    moves = Moves(
        lock=Lock(pins={TOOL: stands}),
        before=before,
        lines={},
        past=None,
        decode=lambda _: None,
        signed=signed,
        sources=sources,
    )
    (breach,) = against_moves(by_hash, moves)
    return breach.mend


def test_the_mend_is_a_command_that_works() -> None:
    old, stay, back = (
        a_pin(ref=tag_ref("v1")),
        f"git hybrid pin tool --to {oid(2)}",
        f"git hybrid pin tool --to {oid(1)}",
    )
    moved = pinned(2, ref="refs/tags/v2")
    both = f"{stay}; or, if going back is approved: {back} {FORCED}"
    one = (
        f"if going back is approved: {back} {FORCED}; if not, put its entry in sources.toml back as it was, then {stay}"
    )
    # The manifest allows the newer one still, or does not, or has no such source.
    assert mend(old, moved, a_source(track=Version(">=1,<3"))) == mend(old, moved) == both
    assert mend(old, moved, a_source(track=Version("<2"))) == one
    assert mend(old, moved, a_source(track=Tag("v1"))) == one
    other = pinned(2, ref="refs/tags/v2", url="https://example.org/other")
    # Of another repository: a plain pin goes back to where it stood there.
    elsewhere = one.replace(f"{back} {FORCED}", f"{back}, where that is refused, with {FORCED}")
    assert mend(old, other, a_source(track=Version(">=1,<3"))) == elsewhere
    # A branch went forward from it; of tags that are no versions nobody knows which is the older one.
    branch = pinned(2, ref="refs/heads/main")
    assert mend(a_pin(ref=branch_ref("main")), branch, a_source(track=Branch("main"))) == both
    unsure = f"{stay}; or, if going back is approved: {back}, where that is refused, with {FORCED}"
    assert mend(a_pin(ref=tag_ref("one")), pinned(2, ref="refs/tags/two"), a_source(track=Tag("two"))) == unsure
    # Where it was rebased to a plain pin may stay; so may one that is put back to another one.
    rebased = f"{back}, where that is refused, with {FORCED}; or, if it is to stay forced: {stay} {FORCED}"
    assert mend(old, pinned(2, rests_on="ovr-1")) == rebased
    made = Event(event="override", source="tool", after=oid(2), detail={"override": "ovr-1"})
    assert mend(old, FORCED_TWO, None, made) == unsure
    undone = f"{back}; or, if it is to stay forced: {stay} {FORCED}"
    assert mend(old, FORCED_TWO, stood=3) == undone
    for stands, last in ((old, moved), (old, pinned(2, rests_on="ovr-1"))):
        assert mend(stands, last, signed=True) == mend(stands, last).replace(FORCED, f"{FORCED} --signature FILE")


def test_a_lock_in_another_form_is_read_as_a_whole() -> None:
    # The fake reader says that every such lock has the tool at 7.
    odd = b'source.tool.commit = "x"\n'
    moved = {"b": (("a",), text(2), NEWER), **BEGUN}
    seven = grown(grown(ONE, pinned(7)), pinned(2))
    history = {"c": (("b",), odd, ()), "b": (("a",), text(2), seven[1:]), **BEGUN}
    assert "in commit c" in judged(7, seven, history)
    assert "in commit d" in judged(1, TWO, {"d": (("c",), text(1), ()), "c": (("b",), odd, ()), **moved})


def test_what_was_there_when_history_begins_nobody_brought() -> None:
    past = Past(
        head="two",
        parents={"two": ("one",), "one": ("begun",)},
        added={"two": frozenset({"b"}), "one": frozenset({"b", "a"}), "begun": frozenset({"a"})},
        lock=lambda _: None,
    )
    assert (first_with("a", past), first_with("b", past)) == ([], ["one"])
