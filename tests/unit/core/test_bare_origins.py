"""Which pins came from another repository, or have another name's tag, by records that no plain pin writes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.bare_origins import other_names, other_repositories
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Commit, Tag, Track, Version, config_digest
from git_hybrid.core.value import replace
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL, TWO = SourceName("tool"), SourceName("two")
SOURCE = replace(a_source(), track=Tag("v1"))
URL = str(SOURCE.url)
Log = tuple[Record, ...]
A, B = oid(0xA), oid(0xB)
INIT, ADD = Event(event="init"), Event(event="add", source="tool")


def the_pin(number: int, **changed: object) -> Pin:
    return replace(
        a_pin(commit=oid(number), digest=config_digest(SOURCE)), **{"ref": RefName("refs/tags/v1"), **changed}
    )


def grown(records: Log, *events: Event) -> Log:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def to(number: int, source: str = "tool", **detail: object) -> Event:
    told = {"url": URL, "ref": "refs/tags/v1", "tag": "v1", **detail}
    return Event(event="pin", source=source, after=oid(number), detail={key: told[key] for key in told if told[key]})


def of(root: str, number: int, **detail: object) -> Event:
    return to(number, root_commits=[root] if root else None, **detail)


def forced(root: str, number: int) -> Event:
    return of(root, number, rests_on="ovr-1")


def left(records: Log, stands: int, root: str = B, track: Track = SOURCE.track, **changed: object) -> Sequence[str]:
    source = replace(SOURCE, track=track)
    roots = (root,) if root else ()
    pin = replace(the_pin(stands), root_commits=roots, **{"config_digest": config_digest(source), **changed})
    by_hash = {str(record["hash"]): record for record in records}
    return other_repositories(by_hash, {TOOL: pin}, {TOOL: source}).get(TOOL, ())


def test_another_repository_at_the_url_needs_an_override() -> None:
    first = grown((), INIT, ADD, of(A, 1))
    assert left(first, 1, A) == ()
    for track in (Tag("v1"), Branch("main"), Commit(oid(2)), Version(">=1")):
        assert left(grown(first, of(B, 2)), 2, track=track) == (oid(1),)
    assert left(grown(first, of(B, 2), of(B, 2), of(B, 3)), 3) == (oid(1),)
    # The record need not say it, and one in between that tells no roots explains nothing.
    assert left(grown(first, of("", 4), of("", 2)), 2) == (oid(1),)
    # Nor does one that was put right, or an exception that came to an end.
    assert left(grown(first, of(B, 2), of(A, 1), of(B, 2)), 2) == (oid(1),)
    assert left(grown(first, forced(B, 2), of(A, 1), of(B, 2)), 2) == (oid(1),)
    # Nor does a way by another URL.
    assert left(grown(first, of(B, 2, url="https://example.org/other"), of(B, 2)), 2) == (oid(1),)
    assert left(grown(first, of(B, 2, url=f"{URL}.git/")), 2) == (oid(1),)


def test_what_an_override_a_beginning_or_another_url_explains_is_none() -> None:
    first = grown((), INIT, ADD, of(A, 1))
    for events in (
        [forced(B, 2)],
        [forced(B, 2), of(B, 2)],
        [forced(B, 2), forced(B, 3), of(B, 4), of(B, 2)],
        [forced("", 3), of(B, 2)],
        [Event(event="remove", source="tool"), ADD, of(B, 2)],
        [Event(event="prune", source="tool"), of(B, 2)],
    ):
        assert left(grown(first, *events), 2) == (), events
    for back in (of(B, 2), forced(B, 2)):
        assert left(grown(first, back, of(A, 1)), 1, A) == left(grown(first, back, of(A, 3)), 3, A) == ()
    assert left(grown((), ADD, forced(A, 1), of(B, 2)), 2) == ()
    assert left(grown((), ADD, of(A, 1, url="https://example.org/other"), of(B, 2)), 2) == ()
    # Of what is not known nothing is told, and both of two roots may have been joined.
    assert left(grown(first, of(B, 2)), 2, "") == left(grown((), ADD, to(1), of(B, 2)), 2) == ()
    assert left(grown(first, to(3, root_commits=[A, B]), of(B, 2)), 2) == ()
    # Only what is pinned by a plain pin, and as the manifest has it.
    evil = grown(first, of(B, 2))
    assert left(evil, 2, override="ovr-1") == left(evil, 2, config_digest="sha256:" + "0" * 64) == left(evil, 3) == ()


def made(*lifts: str) -> Event:
    told = {"override": "ovr-1", "override_sha256": "0" * 64, "kind": "pin", "lifts": list(lifts)}
    return Event(event="override", source="tool", after=oid(1), detail=told)


def test_what_was_forced_without_need_is_left_as_any_other() -> None:
    for lifts, told in (((), (oid(1),)), (("too-young",), ())):
        assert left(grown((), ADD, forced(A, 1), made(*lifts), of(B, 2)), 2) == told
        assert named(grown((), INIT, ADD, to(1, rests_on="ovr-1"), made(*lifts), to(2, "two"))) == told
    assert left(grown((), ADD, of(A, 1), forced("", 3), made(), of(B, 2)), 2) == (oid(1),)


def test_whoever_merges_may_have_either() -> None:
    base = grown((), INIT)
    ours, theirs = grown(base, ADD, of(A, 1)), grown(base, ADD, of(B, 2))
    merged = (*ours, *theirs[len(base) :])
    assert left(merged, 2) == left(grown(merged, of(B, 2)), 2) == left(grown(merged, of(A, 1)), 1, A) == ()


def named(records: Log, stands: int = 2, track: Track = SOURCE.track, **changed: object) -> Sequence[str]:
    """Return where another name had the tag of ``two``."""
    source = replace(SOURCE, name=TWO, track=track)
    pin = the_pin(stands, source=TWO, **{"config_digest": config_digest(source), **changed})
    by_hash = {str(record["hash"]): record for record in records}
    return other_names(by_hash, {TWO: pin}, {TWO: source}).get(TWO, ())


FIRST = grown((), INIT, ADD, to(1))


def test_another_name_takes_no_moved_tag() -> None:
    for events in (
        [to(2, "two")],
        [to(2, "two"), to(2, "two"), Event(event="prune", source="tool")],
        [to(2, "two", url=f"{URL}.git")],
        [to(3, "two", ref="refs/heads/main", tag="", branch="main"), to(2, "two")],
        [to(2, "two", tag="", commit=oid(2)), to(2, "two")],
        [to(4, "three"), to(2, "two")],
        [Event(event="add", source="two"), Event(event="remove", source="two"), to(2, "two")],
    ):
        assert oid(1) in named(grown(FIRST, *events)), events
    assert named(grown(FIRST, to(2, "two")), track=Version(">=1")) == (oid(1),)
    # What the other name was forced to may be taken, and what it had before.
    assert named(grown(FIRST, to(3, rests_on="ovr-1"), to(2, "two"))) == (oid(1),)


@pytest.mark.parametrize(
    "events",
    [
        [Event(event="add", source="two"), to(2, "two")],
        [Event(event="remove", source="tool"), to(2, "two")],
        [to(2, "two", rests_on="ovr-1")],
        [to(2, "two", rests_on="ovr-1"), to(2, "two")],
        [to(1, "two"), to(2, "two")],
        [to(2, rests_on="ovr-1"), to(2, "two")],
        [to(2, "three"), to(2, "two")],
        [to(3, ref="refs/tags/v2"), to(2, "two")],
        [to(1, tag="", commit=oid(1)), to(2, "two")],
        [to(1, url="https://example.org/other"), to(2, "two")],
        [to(1, url="no url"), to(2, "two")],
    ],
)
def test_what_agrees_began_anew_or_followed_no_tag_is_not_told(events: list[Event]) -> None:
    assert named(grown(FIRST, *events)) == ()


def test_of_other_pins_and_other_branches_no_name_is_told() -> None:
    evil = grown(FIRST, to(2, "two"))
    assert named(evil, override="ovr-1") == named(evil, 1) == named(evil, 3) == ()
    assert named(evil, track=Branch("main")) == named(evil, track=Commit(oid(2))) == ()
    assert named(grown(FIRST, to(1, "two")), 1) == named(grown((), INIT, to(2, "two"), ADD, to(1))) == ()
    # Forced off the way to the tag, it never had that.
    before = grown((), INIT, ADD, to(4, ref="refs/tags/v0"), to(3, rests_on="ovr-1"), to(2, "two"))
    assert named(before) == ()
    base = grown((), INIT)
    ours, theirs = grown(base, ADD, to(1)), grown(base, to(2, "two"))
    assert named((*ours, *theirs[len(base) :])) == ()
