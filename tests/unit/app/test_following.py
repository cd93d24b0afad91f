"""What an entry follows is changed only where it is still the entry that its new pin was found for."""

from __future__ import annotations

import pytest

from git_hybrid.app.following import FOLLOWED, Follow, with_entry
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import Overtaken
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Branch, Manifest, Source, Tag, Track
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row
from git_hybrid.core.state import State
from git_hybrid.core.value import replace
from support.fakes import FakeLedger, FakeTransport, runtime
from support.values import a_source

TOOL = replace(a_source(), track=Branch("main"))
HELD = Snapshot(manifest=Manifest(sources={TOOL.name: TOOL}), lock=Lock(), state=State())
ROWS = (Row(name=TOOL.name, outcome="pinned"),)
DECIDED = Decision(events=[Event(event="pin", source=TOOL.name, detail={"tag": "v2"}), Event(event="override")])


def test_an_entry_that_was_edited_while_upstream_was_asked_stays_and_nothing_is_decided() -> None:
    rt = replace(runtime(FakeTransport()), ledger=FakeLedger(held=HELD))
    asked: list[Source] = []

    def edited(_text: str, source: Source, _track: Track) -> None:
        asked.append(source)

    with pytest.raises(Overtaken) as caught:
        with_entry(rt, HELD, ROWS, DECIDED, Follow(Tag("v2"), edited))
    assert (asked, caught.value.names) == ([TOOL], (TOOL.name,))


def test_the_record_of_the_pin_alone_says_what_was_followed() -> None:
    rt = replace(runtime(FakeTransport()), ledger=FakeLedger(held=HELD))
    (row,), decision = with_entry(rt, HELD, ROWS, DECIDED, Follow(Tag("v2"), lambda *_: "new"))
    assert row.notes == ("follows tag v2; it was branch main",)
    assert [event.detail for event in decision.events] == [{"tag": "v2", FOLLOWED: "branch main"}, None]
    assert decision.manifest is not None
    assert decision.manifest.text == "new"
