"""Who moved a pin to where it is: read from the end of the log, across its archives, and from whole records alone."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.audit import RESTS_ON, Event, Tail, extend, tail_of
from git_hybrid.core.canonical import canonical_json
from git_hybrid.core.ids import Oid, RunId, SourceName, parse_url, tag_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.value import replace
from git_hybrid.store.layout import Layout
from git_hybrid.store.reading import last_moves
from git_hybrid.store.told import first_seen, told_by_log
from support.values import NOW, a_pin, a_source, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")


def _log(path: Path, *events: Event, tail: Tail | None = None, by: str = "Ada") -> Tail:
    found = extend(
        tail or Tail(), events, at=NOW, operator=by, command_id=RunId("01J2ZK5Y8Q0000000000000001"), log_id="x"
    )
    path.parent.mkdir(exist_ok=True)
    with path.open("ab") as file:
        file.writelines(canonical_json(record) + b"\n" for record in found)
    return tail_of(found)


def _pin(name: str, before: Oid | None, after: Oid) -> Event:
    return Event(event="pin", source=name, before=before, after=after, detail={"ref": "refs/heads/main"})


def pinned(number: int, name: SourceName = TOOL) -> dict[SourceName, Pin]:
    return {name: a_pin(a_source(name), commit=oid(number))}


def test_the_record_that_brought_the_pin_to_its_commit(tmp_path):
    layout = Layout(tmp_path)
    archive = layout.state_folder / "sources-audit.2025.jsonl"
    tail = _log(archive, _pin("other", None, oid(7)), by="Grace")
    events = [_pin("tool", None, oid(1)), _pin("tool", oid(1), oid(2)), _pin("tool", oid(2), oid(3))]
    _log(layout.audit, *events, Event(event="clone", source="tool", after=oid(2)), tail=tail)
    found = last_moves(layout, pinned(2) | pinned(7, OTHER))
    assert (found[TOOL].before, found[TOOL].after, found[TOOL].by) == (oid(1), oid(2), "Ada")
    assert found[OTHER].by == "Grace"
    assert last_moves(layout, pinned(9)) == {}
    assert last_moves(layout, {}) == {}
    assert first_seen(layout, TOOL, oid(1), NOW) == NOW
    assert first_seen(layout, TOOL, oid(9), NOW) is None


def test_an_edited_record_says_nothing(tmp_path):
    layout = Layout(tmp_path)
    _log(layout.audit, _pin("tool", None, oid(1)))
    layout.audit.write_bytes(layout.audit.read_bytes().replace(b"Ada", b"Eve"))
    assert last_moves(layout, pinned(1)) == {}


def test_of_branches_that_pinned_one_commit_it_is_the_one_that_the_lock_has(tmp_path):
    layout, elsewhere = Layout(tmp_path), _pin("tool", None, oid(1))
    ours = replace(elsewhere, detail={"url": str(a_source().url), "ref": "refs/heads/main"})
    tail = _log(layout.audit, replace(elsewhere, detail={"url": "https://example.org/x"}), ours, by="Grace")
    _log(layout.audit, replace(elsewhere, detail={"ref": "refs/tags/v1"}), tail=tail, by="Bob")
    assert last_moves(layout, pinned(1))[TOOL].by == "Grace"
    odd = {TOOL: replace(a_pin(commit=oid(1)), ref=tag_ref("v2"))}
    assert last_moves(layout, odd)[TOOL].by == "Bob"


def test_what_is_pinned_again_where_it_stands_has_not_moved(tmp_path):
    layout, entry = Layout(tmp_path), {"url": str(a_source().url), "ref": "refs/heads/main"}
    again = replace(_pin("tool", oid(1), oid(1)), detail=entry)
    tail = _log(layout.audit, _pin("tool", None, oid(1)), by="Ann")
    tail = _log(layout.audit, again, again, tail=tail, by="Bob")
    assert last_moves(layout, pinned(1))[TOOL].by == "Ann"
    assert told_by_log(layout).before == {(TOOL, oid(1)): ""}
    # What it rests on is another decision, and so is where it is from.
    forced = replace(again, detail=entry | {RESTS_ON: "ovr-1"})
    tail = _log(layout.audit, forced, again, tail=tail, by="Eve")
    on_it = {TOOL: replace(a_pin(commit=oid(1)), override="ovr-1")}
    assert [last_moves(layout, pins)[TOOL].forced for pins in (on_it, pinned(1))] == [True, False]
    _log(layout.audit, replace(again, detail={"url": "https://example.org/x"}), tail=tail, by="Una")
    elsewhere = {TOOL: replace(a_pin(commit=oid(1)), url=parse_url("https://example.org/x"))}
    assert last_moves(layout, elsewhere)[TOOL].by == "Una"


def test_there_is_no_log(tmp_path):
    assert last_moves(Layout(tmp_path), pinned(1)) == {}
