"""Which pins moved by records that no plain pin writes, and that honest ones are never told."""

from __future__ import annotations

from datetime import timedelta

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.bare_moves import moved_tags, moving, steps_back, stray_tags, taken_tags
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.last_pins import former_pins, pins_of_log
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Commit, Tag, Version, config_digest
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL = SourceName("tool")
SOURCE = replace(a_source(), track=Tag("v1"))
Log = tuple[Record, ...]
ADD = Event(event="add", source="tool")


def the_pin(number: int, **changed: object) -> Pin:
    pin = a_pin(commit=oid(number), digest=config_digest(SOURCE))
    return replace(pin, **{"ref": RefName("refs/tags/v1"), **changed})


def grown(records: Log, *events: Event) -> Log:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def to(number: int, **detail: str) -> Event:
    told = {"url": str(the_pin(1).url), "ref": "refs/tags/v1", "tag": "v1", **detail}
    return Event(event="pin", source="tool", after=oid(number), detail={key: told[key] for key in told if told[key]})


def forced(number: int) -> Event:
    return to(number, rests_on="ovr-1")


def by_override(number: int, *lifts: str, **detail: str) -> tuple[Event, Event]:
    """Return what a forced pin records; the override is named for what it lifts, and for where it leads to."""
    name = f"ovr-{number}-{'-'.join(lifts)}"
    told = {"override": name, "override_sha256": "0" * 64, "lifts": list(lifts), "kind": "pin"}
    made = Event(event="override", source="tool", after=oid(number), detail=told)
    return to(number, rests_on=name, **detail), made


def moved(records: Log, stands: int = 2, **changed: object) -> list[str]:
    by_hash = {str(record["hash"]): record for record in records}
    return list(moved_tags(by_hash, {TOOL: the_pin(stands, **changed)}, {TOOL: SOURCE}).get(TOOL, ()))


def test_a_tag_that_moved_without_an_override_is_told() -> None:
    first = grown((), Event(event="init"), ADD, to(1))
    assert moved(first, 1) == []
    assert moved(grown(first, to(1)), 1) == []
    assert moved(grown(first, to(2))) == [oid(1)]
    # One more record of the same, also one that says that it follows the commit, explains nothing.
    assert moved(grown(first, Event(event="seen", source="tool", after=oid(2)), to(2), to(2))) == [oid(1)]
    assert moved(grown(first, to(1), to(2, tag="", commit=oid(2)), to(2))) == [oid(1)]
    assert moved(grown(first, to(2, tag="", version=">=1"))) == [oid(1)]


def test_what_an_override_a_beginning_or_an_earlier_pin_explains_is_not() -> None:
    first = grown((), ADD, to(1))
    assert moved(grown(first, forced(2)), override="ovr-1") == []
    assert moved(grown(first, forced(2), to(2))) == []
    assert moved(grown(first, forced(3), to(2))) == []
    # Upstream put its tag right again, also after more than one override.
    assert moved(grown(first, forced(2), to(1)), 1) == []
    assert moved(grown(first, forced(2), forced(3), to(2), to(1)), 1) == []
    assert moved(grown(first, to(2), to(1)), 1) == []
    for end in ("remove", "prune"):
        assert moved(grown(first, Event(event=end, source="tool"), to(2))) == []
    assert moved(grown(first, Event(event="remove", source="tool"), ADD, to(2))) == []


def test_what_followed_the_exception_is_held_against_where_that_came_from() -> None:
    first = grown((), ADD, to(1))
    tag, young = by_override(2, "moved-tag"), by_override(2, "too-young")
    assert moved(grown(first, *tag, to(2))) == moved(grown(first, *tag, *tag, to(2), to(2))) == [oid(1)]
    assert moved(grown(first, *tag, to(3)), 3) == [oid(1), oid(2)]
    assert moved(grown(first, *tag, *by_override(3, "moved-tag"), to(2))) == [oid(1), oid(3)]
    # By what is not known, or was no exception of this kind, it may stay; and where it was put right.
    assert moved(grown(first, *young, to(2))) == moved(grown(first, forced(2), to(3)), 3) == []
    assert moved(grown(first, *tag, to(1)), 1) == []
    assert moved(grown(first, *by_override(1, "moved-tag"), to(1)), 1) == []
    # The first one by this tag goes on from where the other tag was.
    other = grown((), ADD, to(4, ref="refs/tags/v0"))
    assert moved(grown(other, *young, to(3)), 3) == []
    # Another branch had it there without one, or it was forced from either side of a merge.
    plain = grown(grown((), Event(event="init")), ADD, to(2))
    assert moved(grown((*grown(first, *tag), *plain), to(2))) == []
    side = grown(first, to(5, ref="refs/tags/v5"), to(6))
    assert moved(grown((*grown(first, *tag), *side[len(first) :]), to(2))) == []
    assert moved(grown((*grown(first, to(1, more="x")), *side[len(first) :]), *tag, to(2))) == []


def test_a_bare_move_is_nothing_that_a_tag_is_put_right_again_to() -> None:
    first = grown((), ADD, to(1))
    tag, by_commit = by_override(2, "moved-tag"), to(2, tag="", commit=oid(2))
    assert moved(grown(first, to(2), to(1), to(2))) == [oid(1)]
    assert moved(grown(first, to(2), to(1), to(2), to(1), to(2))) == [oid(1)]
    assert moved(grown(first, to(2), to(1), to(2), to(1)), 1) == []
    # Nor is what an override let in for a while, or by naming the commit.
    assert moved(grown(first, *tag, to(1), to(2), to(1), to(2))) == [oid(1)]
    assert moved(grown(first, by_commit, to(1), to(2))) == [oid(1)]
    # An override for something else that came from there goes back there.
    back = by_override(1, "too-young")
    assert moved(grown(first, by_commit, *back, to(2))) == []
    # What began there was no move.
    assert moved(grown((), ADD, to(2), *by_override(1, "moved-tag"), to(2), *by_override(3, "moved-tag"), to(2))) == []


def test_another_ref_or_url_and_what_did_not_follow_the_tag_count_not() -> None:
    elsewhere = ({"url": "https://example.org/other"}, {"url": "no url"})
    for other in ({"ref": "refs/tags/v0"}, *elsewhere, {"tag": "", "commit": oid(1)}):
        assert moved(grown((), ADD, to(1, **other), to(2))) == []
    # The same repository, written otherwise.
    assert moved(grown((), ADD, to(1, url=f"{the_pin(1).url}.git/"), to(2))) == [oid(1)]
    lines = grown((), ADD, to(1), to(2))
    by_hash = {str(record["hash"]): record for record in lines}
    assert moved(lines, config_digest="sha256:" + "0" * 64) == []
    assert moved_tags(by_hash, {TOOL: the_pin(2)}, {}) == {}
    for track in (Branch("main"), Commit(oid(2)), Version(">=1")):
        source = replace(SOURCE, track=track)
        pins = {TOOL: the_pin(2, config_digest=config_digest(source))}
        assert bool(moved_tags(by_hash, pins, {TOOL: source})) == isinstance(track, Version)


def taken(records: Log, stands: int = 2, **changed: object) -> list[str]:
    by_hash = {str(record["hash"]): record for record in records}
    return list(taken_tags(by_hash, {TOOL: the_pin(stands, **changed)}, {TOOL: SOURCE}).get(TOOL, ()))


def after(days: int, records: Log) -> Log:
    """Return *records* with one more after so many days: a branch on which the tag is taken again where it was."""
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), [ADD, to(2)], at=NOW + timedelta(days=days), **who))


def test_of_a_tag_that_branches_took_elsewhere_the_first_counts() -> None:
    base = grown((), Event(event="init"))
    left = grown(base, ADD, to(1))
    for days, told in ((1, [oid(1)]), (-1, [])):
        merged = (*left, *after(days, base)[1:])
        assert taken(merged) == told
        # The first one may stay, and so may either that an override let in, or what a record decided that follows both.
        assert taken(merged, 1) == ([oid(2)] if days < 0 else [])
        assert taken(merged, override="ovr-1") == taken(grown(merged, forced(2)), override="ovr-1") == []
        assert taken(grown(merged, to(1)), 1) == taken(grown(merged, ADD, to(2))) == taken(merged, 3) == []
    # An override of one branch let it take the tag where the other one took it later; a record of the same adds nothing.
    assert taken((*left, *grown(left, forced(2))[len(left) :], *grown(left, to(1, more="x"))[len(left) :])) == []
    again = grown(grown(base, ADD, to(4, ref="refs/tags/v0"), to(1)), to(1, more="x"))
    assert taken((*again, *after(1, base)[1:])) == [oid(1)]
    assert taken((*left, *grown(base, ADD, to(2, ref="refs/tags/v2"))[1:])) == []
    # One that was forced without need took it as any other.
    for lifts in ([], ["too-young"]):
        forced_first = grown(base, ADD, *by_override(1, *lifts))
        assert taken((*forced_first, *after(1, base)[1:])) == ([] if lifts else [oid(1)])


def test_of_branches_each_may_have_begun_by_itself() -> None:
    base = grown((), Event(event="init"))
    left, right = grown(base, ADD, to(1)), grown(base, ADD, to(2))
    merged = (*left, *right[1:])
    assert moved(merged) == moved(merged, 1) == []
    # Whoever merges chooses, and both stood there.
    assert moved(grown(merged, to(2))) == []
    # Where the branches had the pin in common it moved on one of them.
    base = grown((), ADD, to(1))
    left, right = grown(base, to(2)), grown(base, to(1, more="x"))
    assert moved(grown((*left, *right[len(base) :]), to(2))) == [oid(1)]
    assert moved((*left, *right[len(base) :]), 3) == []
    left = grown(base, forced(2))
    assert moved(grown((*left, *right[len(base) :]), to(2))) == []


def strays(records: Log, stands: int = 1) -> list[str]:
    by_hash = {str(record["hash"]): record for record in records}
    return [str(record["after"]) for _, record in stray_tags(by_hash, moving(by_hash, {TOOL: the_pin(stands)}))]


def goes_on_from(records: Log) -> list[str]:
    """Return where the next pin goes on from; it is the same by the tag alone."""
    found = [pin.commit for pin in pins_of_log(records, TOOL, the_pin(1).url)]
    assert found == [pin.commit for pin in former_pins(records, TOOL, the_pin(1).url, the_pin(1).ref)]
    return found


def test_a_record_of_a_tag_that_the_lock_denies_is_told_and_nothing_goes_on_from_it() -> None:
    first = grown((), Event(event="init"), ADD, to(1))
    evil = grown(first, Event(event="seen", source="tool", after=oid(2)), to(2))
    assert strays(first) == []
    assert (strays(evil), goes_on_from(evil)) == ([oid(2)], [oid(1)])
    # One on top of it explains it no better, whatever it names; where the lock follows it that is told already.
    for more in (to(2), to(3), to(3, tag="", version=">=1")):
        worse = grown(evil, more)
        assert (strays(worse), goes_on_from(worse)) == ([str(more.after)], [oid(1)])
    assert strays(evil, 2) == []
    # A pin to where the lock has it settles it.
    assert (strays(grown(evil, to(1))), goes_on_from(grown(evil, to(1)))) == ([], [oid(1)])
    # So is one that spells the repository otherwise.
    other = grown(first, to(2, url=f"{the_pin(1).url}/"))
    assert (strays(other), goes_on_from(other)) == ([oid(2)], [oid(1)])
    # On a branch that was merged it is one of the last.
    own = grown(first, to(1, more="x"))
    assert strays((*own, *evil[len(first) :])) == [oid(2)]
    assert goes_on_from((*own, *evil[len(first) :])) == [oid(1)]


def test_records_that_a_commit_brings_along_and_that_pin_writes_are_not() -> None:
    """A cherry-pick or a release branch has the records of pins that its lock does not have."""
    first = grown((), ADD, to(1))
    for events in (
        [to(2, ref="refs/tags/v2")],
        [to(2, ref="refs/heads/main", tag="", branch="main")],
        [to(2, tag="", commit=oid(2))],
        [to(2, url="https://example.org/other")],
        [to(2, url="no url")],
        [forced(2)],
        [forced(2), to(2)],
        [forced(2), to(1), forced(3)],
        [forced(2), forced(3), to(2)],
        [Event(event="remove", source="tool"), ADD, to(2)],
    ):
        assert strays(grown(first, *events)) == [], events
    assert strays(grown((), ADD, forced(2), to(1)), 2) == []
    # Nobody may go on to another one from there either.
    assert strays(grown(first, forced(2), to(3))) == [oid(3)]
    left, right = grown((), Event(event="init"), ADD, to(1)), grown((), Event(event="init"), ADD, to(2))
    assert strays((*left, *right[1:])) == []


def back(records: Log, stands: int, ref: str, track: Tag | Branch | Version) -> list[str]:
    source = replace(SOURCE, track=track)
    pin = the_pin(stands, ref=RefName(ref), config_digest=config_digest(source))
    by_hash = {str(record["hash"]): record for record in records}
    return list(steps_back(by_hash, {TOOL: pin}, {TOOL: source}).get(TOOL, ()))


def at(number: int, ref: str, **detail: str) -> Event:
    return to(number, ref=ref, **({"tag": "", "branch": "main"} if "heads" in ref else {}), **detail)


V1, V2, MAIN, DEV = "refs/tags/v1", "refs/tags/v2", "refs/heads/main", "refs/heads/dev"


def test_an_older_version_needs_an_override() -> None:
    first = grown((), ADD, at(2, V2))
    assert back(grown(first, at(1, V1)), 1, V1, Tag("v1")) == [oid(2)]
    assert back(grown(first, at(1, V1), at(1, V1)), 1, V1, Tag("v1")) == [oid(2)]
    # It has the other in its history, as only objects show.
    assert back(grown(first, at(1, V1, descends="yes")), 1, V1, Tag("v1")) == []
    # Forward again, also from a step back that nobody approved.
    assert back(grown(first, at(1, V1), at(2, V2)), 2, V2, Tag("v2")) == []
    # The same commit by another tag, or what is no version.
    assert back(grown(first, at(2, V1)), 2, V1, Tag("v1")) == []
    assert back(grown((), ADD, at(2, "refs/tags/x"), at(1, V1)), 1, V1, Tag("v1")) == []
    assert back(grown(first, at(1, V1, rests_on="ovr-1")), 1, V1, Tag("v1")) == []
    assert back(grown(first, at(1, V1, rests_on="ovr-1"), at(1, V1)), 1, V1, Tag("v1")) == []
    assert back(grown(first, at(1, V1, url="https://example.org/other")), 1, V1, Tag("v1")) == []
    assert back(grown(first, at(1, V1, tag="")), 1, V1, Tag("v1")) == []
    assert back(grown(first, Event(event="remove", source="tool"), at(1, V1)), 1, V1, Tag("v1")) == []


def test_an_older_version_by_way_of_another_ref_needs_an_override() -> None:
    def by(number: int, ref: str, spec: str = ">=1", **detail: str) -> Event:
        return at(number, ref, tag="", version=spec, **detail)

    aside, track = grown((), ADD, by(2, V2), at(3, DEV)), Version(">=1")
    assert back(grown(aside, by(1, V1)), 1, V1, track) == [oid(2)]
    assert back(grown(aside, by(1, V1, "<2"), by(1, V1)), 1, V1, track) == [oid(2)]
    # The manifest shows it, or its history goes on from there.
    assert back(grown(aside, by(1, V1, "<2")), 1, V1, Version("<2")) == []
    assert back(grown(aside, at(1, V1)), 1, V1, Tag("v1")) == []
    assert back(grown(aside, by(1, V1, descends="yes")), 1, V1, track) == []
    assert back(grown(aside, by(4, "refs/tags/v3")), 4, "refs/tags/v3", track) == []
    # An override let in another history, or another branch that was merged had it.
    other = grown((), ADD, by(2, V2), *by_override(3, "identity-changed", ref=DEV, tag="", branch="dev"))
    assert back(grown(other, by(1, V1)), 1, V1, track) == []
    # What an older version wrote tells not what was asked for.
    assert back(grown((), ADD, at(2, V2, tag=""), at(3, DEV), by(1, V1)), 1, V1, track) == []
    assert back(grown((), ADD, by(2, V2), at(3, DEV), at(1, V1, tag="")), 1, V1, track) == []


def test_what_only_an_override_allowed_is_told_where_no_record_names_it_any_more() -> None:
    first, track = grown((), ADD, at(1, MAIN)), Branch("main")
    for code in ("rollback", "rewritten-history", "identity-changed"):
        gone = grown(first, *by_override(2, code, ref=MAIN, tag="", branch="main"))
        assert back(grown(gone, at(2, MAIN)), 2, MAIN, track) == [oid(1)], code
        # By another branch, or by its own name, the manifest shows it; another move is one.
        assert back(grown(gone, at(2, DEV)), 2, DEV, Branch("dev")) == [], code
        assert back(grown(gone, to(2, ref=MAIN, tag="", commit=oid(2))), 2, MAIN, Commit(oid(2))) == [], code
        assert back(grown(gone, at(3, MAIN)), 3, MAIN, track) == [], code
        assert back(grown(gone, at(1, MAIN)), 1, MAIN, track) == [], code
    for code in ("too-young", "scan-blocked"):
        gone = grown(first, *by_override(2, code, ref=MAIN, tag="", branch="main"))
        assert back(grown(gone, at(2, MAIN)), 2, MAIN, track) == [], code
    older = grown(grown((), ADD, at(2, V2)), *by_override(1, "off-branch", "rollback", ref=V1, tag="v2"))
    assert back(grown(older, at(1, V1)), 1, V1, Tag("v1")) == [oid(2)]
    assert back(grown(older, at(2, V2)), 2, V2, Tag("v2")) == []
    # What lay off the branch may be ahead of it by now.
    aside = grown(first, *by_override(5, "off-branch", ref=DEV, tag="", branch="main"))
    assert back(grown(aside, at(5, MAIN)), 5, MAIN, track) == []
    assert back(grown(aside, at(2, MAIN), at(5, MAIN)), 5, MAIN, track) == []
    assert back(grown(grown(first, at(2, MAIN)), *by_override(5, "too-young"), at(1, MAIN)), 1, MAIN, track) == []


def test_a_branch_that_went_back_needs_an_override() -> None:
    first, track = grown((), ADD, at(1, MAIN), at(2, MAIN)), Branch("main")
    assert back(first, 2, MAIN, track) == back(first, 1, MAIN, track) == []
    assert back(grown(first, at(1, MAIN)), 1, MAIN, track) == [oid(2)]
    assert back(grown(first, at(1, MAIN), at(2, MAIN)), 2, MAIN, track) == []
    assert back(grown(first, at(3, MAIN, rests_on="ovr-1"), at(1, MAIN)), 1, MAIN, track) == []
    # Another branch in between is judged by what upstream has.
    assert back(grown(grown((), ADD, at(1, MAIN), at(2, DEV)), at(1, MAIN)), 1, MAIN, track) == []
    assert back(grown(grown((), ADD, at(1, DEV), at(2, MAIN)), at(1, MAIN)), 1, MAIN, track) == [oid(2)]


def test_whoever_merges_chooses_the_older_side() -> None:
    base, track = grown((), ADD, at(1, MAIN)), Branch("main")
    left, right = grown(base, at(2, MAIN)), grown(base, at(1, MAIN, more="x"))
    for merged in ((*left, *right[len(base) :]), (*right, *left[len(base) :])):
        assert back(merged, 1, MAIN, track) == back(merged, 2, MAIN, track) == []
        assert back(grown(merged, at(1, MAIN)), 1, MAIN, track) == []
        assert back(grown(merged, at(3, MAIN)), 3, MAIN, track) == []
    # The side that is ahead is no step back, in whatever order the lines stand; once somebody went on, the older one is.
    right = grown(base, at(3, MAIN))
    for merged in ((*left, *right[len(base) :]), (*right, *left[len(base) :])):
        chosen = grown(merged, at(3, MAIN))
        assert back(grown(chosen, at(2, MAIN)), 2, MAIN, track) == []
        assert back(grown(chosen, at(2, MAIN), at(3, MAIN)), 3, MAIN, track) == []
        assert back(grown(chosen, at(4, MAIN), at(3, MAIN)), 3, MAIN, track) == [oid(4)]
