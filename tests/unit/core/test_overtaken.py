from __future__ import annotations

from git_hybrid.core.audit import Event, Tail
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Lock, Pin
from git_hybrid.core.mirrors import Inventory, Mirror
from git_hybrid.core.override import Overrides, closed, event_of
from git_hybrid.core.overtaken import based, overtaken, remaining
from git_hybrid.core.reducer import Decision, Files, ManifestEdit, to_records
from git_hybrid.core.value import replace
from support.pages import an_override
from support.values import NOW, a_pin, a_run, a_state_entry, oid

TOOL, OTHER = SourceName("tool"), SourceName("other")
OLD, NEW, THEIRS = (replace(a_pin(), commit=oid(number)) for number in (1, 2, 3))
OPEN = replace(an_override(1, days=9), source=TOOL)
RENEWED = replace(OPEN, expires_at=OPEN.expires_at.replace(year=2040))
MIRROR = Mirror(
    name="corp", base_url="https://m.example.org", kind="mirror", owner="o@example.org", added_at=NOW, added_by="o"
)


def files(*pins: Pin) -> Files:
    return Files(lock=Lock(pins={pin.source: pin for pin in pins}))


def a_decision(**more: object) -> Decision:
    event = Event(event="pin", source=TOOL, before=OLD.commit, after=NEW.commit)
    return replace(Decision(events=[event], pins={TOOL: NEW}), **more)  # type: ignore[arg-type]


def test_what_a_decision_was_made_from_or_makes_is_not_overtaken() -> None:
    decision = based(a_decision(), files(OLD))
    assert not overtaken(decision, files(OLD))
    assert not overtaken(decision, files(NEW))
    assert overtaken(decision, files(THEIRS)) == {TOOL}
    assert overtaken(decision, files()) == {TOOL}
    assert remaining(decision, files(OLD), written=()) == decision


def test_what_an_older_version_left_tells_no_base_and_stands() -> None:
    assert not overtaken(a_decision(), files(THEIRS))
    assert remaining(a_decision(), files(THEIRS), written=()) == a_decision()


def test_one_record_tells_what_was_left_and_others_are_written() -> None:
    other = replace(NEW, source=OTHER)
    entries = {TOOL: a_state_entry(), OTHER: replace(a_state_entry(), name=OTHER)}
    both = replace(
        a_decision(), entries=entries, reports={TOOL: "a" * 64, OTHER: "b" * 64}, pins={TOOL: NEW, OTHER: other}
    )
    found = remaining(based(both, files(OLD)), files(THEIRS), written=())
    assert (found.pins, list(found.entries), list(found.reports)) == ({OTHER: other}, [OTHER], [OTHER])
    left = Event(event="failed", source=TOOL, detail={"error": "overtaken", "pending": False})
    assert list(found.events) == [left]


def test_a_source_that_was_taken_out_and_moved_stays_with_the_manifest_and_all_that_was_decided_with_it() -> None:
    edit = ManifestEdit(before="x", text="")
    removed = Decision(
        events=[Event(event="remove", source=name) for name in (TOOL, OTHER)],
        dropped=frozenset({TOOL, OTHER}),
        manifest=edit,
    )
    removed = based(removed, files(OLD, replace(OLD, source=OTHER)))
    found = remaining(removed, files(THEIRS, replace(OLD, source=OTHER)), written=())
    assert (found.dropped, found.manifest) == (frozenset(), None)
    assert [(event.event, event.source) for event in found.events] == [("failed", OTHER), ("failed", TOOL)]


def test_what_the_log_tells_already_goes_into_a_file_that_has_not_changed() -> None:
    forced = replace(a_decision(), overrides={OPEN.id: OPEN})
    forced = replace(forced, events=[*forced.events, event_of(OPEN, "override")])
    written = to_records(forced, files(OLD), tail=Tail(), written=(), info=a_run()).audit
    decision = based(forced, files(OLD))
    assert list(remaining(decision, files(THEIRS), written=written).overrides) == [OPEN.id]
    assert remaining(decision, files(THEIRS), written=written).pins == {}
    assert remaining(decision, files(THEIRS), written=()).overrides == {}


def test_an_override_that_was_revoked_meanwhile_stays_so_though_the_log_has_its_renewal() -> None:
    renewal = Decision(events=[event_of(RENEWED, "override-renewed")], overrides={OPEN.id: RENEWED})
    before = Files(overrides=Overrides(records={OPEN.id: OPEN}))
    revoked = Files(overrides=Overrides(records={OPEN.id: closed(OPEN, "revoked", at=NOW, by="x")}))
    written = to_records(renewal, before, tail=Tail(), written=(), info=a_run()).audit
    decision = based(renewal, before)
    found = remaining(decision, revoked, written=written)
    assert found.overrides == {}
    assert [event.event for event in found.events] == ["override-renewed", "failed"]
    assert overtaken(decision, before) == frozenset()


def test_a_mirror_that_was_taken_out_meanwhile_does_not_come_back() -> None:
    told = Event(event="mirror-verify", detail={"mirror": "corp"})
    decision = Decision(events=[told], mirrors={"corp": replace(MIRROR, verified_at=NOW)})
    decision = based(decision, Files(mirrors=Inventory(mirrors={"corp": MIRROR})))
    found = remaining(decision, Files(), written=())
    assert (found.mirrors, list(found.events)) == ({}, [])
    dropped = based(Decision(events=[told], dropped_mirrors=frozenset({"corp"})), Files())
    assert overtaken(dropped, Files(mirrors=Inventory(mirrors={"corp": MIRROR}))) == {"corp"}
