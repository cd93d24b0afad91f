"""Which pins of the lock the audit log has elsewhere last: over branches and archives, and from whole records alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.audit import Event, Record, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ids import RefName, SourceName
from git_hybrid.core.last_pins import pinned_as
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Tag
from git_hybrid.core.value import replace
from git_hybrid.store.archived import absent
from git_hybrid.store.layout import Layout
from git_hybrid.store.misplaced import bare_moves, misplaced
from support.values import NOW, OPERATOR, RUN, a_pin, a_source, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")


def grown(records: Sequence[Record], *events: Event) -> tuple[Record, ...]:
    who = {"operator": OPERATOR, "command_id": RUN, "log_id": "log"}
    return (*records, *extend(tail_of(records), events, at=NOW, **who))


def pinned(number: int, source: str = "tool") -> Event:
    return Event(event="pin", source=source, after=oid(number))


def written(path: Path, records: Sequence[Record]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(canonical_json(record) + b"\n" for record in records))


def found(layout: Layout, number: int) -> list[str]:
    return sorted(misplaced(layout, {TOOL: a_pin(commit=oid(number)), OTHER: a_pin(a_source("other"), commit=oid(9))}))


def test_what_the_last_record_has_elsewhere(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert found(layout, 1) == []
    old = grown((), pinned(9, "other"), pinned(1), pinned(2))
    written(layout.state_folder / "sources-audit.2025.jsonl", old)
    # The archive has it alone; then the log goes on with another source.
    assert [found(layout, number) for number in (1, 2, 3)] == [["tool"], [], ["tool"]]
    log = grown(old, pinned(9, "other"), Event(event="seen", source="tool", after=oid(3)))
    written(layout.audit, log[3:])
    assert [found(layout, number) for number in (1, 2, 3)] == [["tool"], [], ["tool"]]
    written(layout.audit, grown(log, Event(event="remove", source="tool"))[3:])
    assert [found(layout, number) for number in (1, 2)] == [["tool"], ["tool"]]


def test_of_branches_that_both_moved_it_either_is_last(tmp_path: Path) -> None:
    layout, one = Layout(tmp_path), grown((), pinned(1))
    left, right = grown(one, pinned(2)), grown(one, pinned(3))
    written(layout.audit, (*left, right[-1]))
    assert [found(layout, number) for number in (1, 2, 3)] == [["tool"], [], []]


def test_a_pin_of_another_ref_or_table_than_the_last_record_has(tmp_path: Path) -> None:
    layout, pin = Layout(tmp_path), a_pin(commit=oid(1))
    other, edited = replace(pin, ref=RefName("refs/tags/v0")), replace(pin, tag_object=oid(7))

    def told(one: Pin) -> Event:
        return Event(event="pin", source="tool", after=one.commit, detail=pinned_as(one, a_source()))

    def wrong(*events: Event) -> list[bool]:
        written(layout.audit, grown((), *events))
        return [bool(misplaced(layout, {TOOL: item})) for item in (pin, other, edited)]

    assert wrong(told(pin)) == [False, True, True]
    assert wrong(told(pin), told(other)) == [True, False, True]
    bare = Event(event="pin", source="tool", after=oid(1), detail={"ref": pin.ref})
    assert wrong(bare) == [False, True, False]
    # After one with a digest it is not what an older version wrote.
    assert wrong(told(pin), bare) == [True, True, True]
    left, right = grown((), told(pin), told(other)), grown(grown((), told(pin)), told(edited))
    written(layout.audit, (*left, right[-1]))
    assert [bool(misplaced(layout, {TOOL: item})) for item in (pin, other, edited)] == [True, False, False]


def test_an_edited_record_says_nothing(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    written(layout.audit, grown((), pinned(1), pinned(2)))
    layout.audit.write_bytes(layout.audit.read_bytes().replace(oid(2).encode(), oid(3).encode()))
    assert [found(layout, number) for number in (1, 2, 3)] == [[], ["tool"], ["tool"]]


def test_the_source_of_a_record_is_its_own_and_not_one_that_its_details_name(tmp_path: Path) -> None:
    layout = Layout(tmp_path)

    def told(number: int, **more: object) -> Event:
        return Event(event="pin", source="tool", after=oid(number), detail={"ref": "refs/heads/main", **more})

    written(layout.audit, grown((), told(1), told(2, source="zz")))
    assert [found(layout, number) for number in (1, 2)] == [["tool"], []]
    # A record of no source that names one there takes no place, nor does one that tells nothing a command writes.
    other = Event(event="prune", detail={"source": "tool"})
    written(layout.audit, grown((), told(1), other, told(2, tree=7)))
    assert [found(layout, number) for number in (1, 2)] == [[], ["tool"]]


def test_what_details_say_further_inside_hides_no_move(tmp_path: Path) -> None:
    layout, source = Layout(tmp_path), a_source(track=Tag("v1"))
    pin = replace(a_pin(source, commit=oid(2)), ref=RefName("refs/tags/v1"), root_commits=(oid(5),))

    def moved(pin: Pin, *details: dict[str, object], name: str = "tool") -> dict[SourceName, str]:
        events = [
            Event(event="pin", source=name if number == 1 else "tool", after=oid(number), detail=detail)
            for number, detail in enumerate(details, 1)
        ]
        written(layout.audit, grown((), *events))
        return bare_moves(layout, {TOOL: pin}, {TOOL: source})

    told = {**pinned_as(pin, source)}
    inside = {"a": {"ref": "x", "url": "x", "after": oid(2), "source": "zz", "root_commits": [oid(5)]}}
    assert moved(pin, told, told) == moved(pin, told | inside, told | inside) == {TOOL: oid(1)}
    source = a_source()
    on_main = replace(a_pin(source, commit=oid(2)), root_commits=(oid(5),))
    told = {**pinned_as(on_main, source)} | inside
    assert moved(on_main, told | {"root_commits": [oid(6)]}, told) == {TOOL: oid(1)}
    # A tag may have quotes in its name.
    source, odd = a_source(track=Tag('a"b')), 'refs/tags/a"b'
    pin = replace(a_pin(source, commit=oid(2)), ref=RefName(odd))
    told = {**pinned_as(pin, source)} | inside
    assert moved(pin, told, told) == {TOOL: oid(1)}
    assert moved(pin, {**told, "url": 'x"y'}, told) == moved(pin, {**told, "ref": "refs/tags/x"}, told) == {}


def test_a_log_that_neither_begins_nor_goes_on_from_an_archive_lacks_one(tmp_path: Path) -> None:
    layout, log = Layout(tmp_path), grown((), pinned(1), pinned(2))
    assert absent(layout) == ""
    written(layout.audit, log)
    assert absent(layout) == ""
    written(layout.audit, log[1:])
    assert "does not begin" in absent(layout)
