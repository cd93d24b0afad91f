from __future__ import annotations

import pytest

from git_hybrid.core.audit import Event, Tail, detail_of, record_hash, tail_of
from git_hybrid.core.audit_state import against_state
from git_hybrid.core.errors import Interrupted, UnknownOverride
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.core.lock import Lock
from git_hybrid.core.moves import moves_of
from git_hybrid.core.plan import Action, Failed, Installed
from git_hybrid.core.reducer import (
    Decision,
    Files,
    ManifestEdit,
    Records,
    intent_for,
    intent_of,
    reduce_failed,
    reduce_installed,
    to_records,
    together,
    unserved,
)
from git_hybrid.core.state import ScanStatus, SourceState, State
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from support.values import NOW, OPERATOR, RUN, a_pin, a_run, a_source, a_state_entry, a_task, oid

TOOL = SourceName("tool")
SCAN = ScanStatus(state="clean", scanner="x", commit=oid(1), scanned_at=NOW)


def state_of(*entries: object) -> State:
    return State(sources={entry.name: entry for entry in entries})  # type: ignore[attr-defined]


def written_out(
    decision: Decision, *, state: State | None = None, lock: Lock | None = None, before: Records | None = None
) -> Records:
    """Apply a decision, after the records of an earlier application in the same run, if any."""
    audit = before.audit if before else ()
    files = Files(state=state or State(), lock=lock or Lock())
    return to_records(decision, files, tail=tail_of(audit), written=audit, info=a_run())


def an_update(*, served_by: str | None = "https://mirror/x", notes: tuple[str, ...] = ()) -> Installed:
    task = a_task(pin=a_pin(commit=oid(2)), action="update", before=oid(1))
    return Installed(task=task, served_by=served_by, notes=notes)


def test_an_installed_source_becomes_a_record_and_an_entry() -> None:
    decision = reduce_installed([an_update(notes=("a", "b"))], state_of(a_state_entry()), a_run())
    (event,) = decision.events
    assert (event.event, event.source, event.before, event.after) == ("update", "tool", oid(1), oid(2))
    assert event.detail == {
        "url": "https://git.example.org/team/tool",
        "ref": "refs/heads/main",
        "branch": "main",
        "served_by": "https://mirror/x",
    }
    entry = decision.entries[TOOL]
    assert (entry.commit, entry.updated_at, entry.updated_by, entry.command_id) == (oid(2), NOW, OPERATOR, RUN)
    assert (entry.url, entry.track, entry.notes) == (a_source().url, a_source().track, "a; b")
    assert not decision.pins


def test_a_sync_never_touches_the_lock() -> None:
    decision = reduce_installed([an_update()], State(), a_run())
    records = written_out(decision, lock=Lock(pins={TOOL: a_pin()}))
    assert records.lock is None
    assert records.state is not None


def test_a_source_that_was_never_recorded_starts_from_what_stood_there() -> None:
    decision = reduce_installed([an_update()], State(), a_run())
    assert decision.events[0].before == oid(1)
    assert decision.entries[TOOL].scan == ScanStatus()


def test_the_recorded_commit_counts_before_the_one_on_disk() -> None:
    task = a_task(pin=a_pin(commit=oid(2)), action="record", before=oid(2))
    decision = reduce_installed([Installed(task=task)], state_of(a_state_entry(commit=oid(7))), a_run())
    assert (decision.events[0].before, decision.events[0].after) == (oid(7), oid(2))


def test_the_last_scan_and_server_are_kept_where_the_run_says_nothing_new() -> None:
    previous = replace(a_state_entry(scan=SCAN, commit=oid(2)), served_by="https://old/x", notes="old", audit_hash=None)
    entry = reduce_installed([an_update(served_by=None)], state_of(previous), a_run()).entries[TOOL]
    assert (entry.served_by, entry.scan, entry.notes) == ("https://old/x", SCAN, None)
    # The record bears out all that the entry says.
    detail = reduce_installed([an_update(served_by=None)], state_of(previous), a_run()).events[0].detail
    assert detail is not None
    assert detail["served_by"] == "https://old/x"


@pytest.mark.parametrize(
    "previous",
    [a_state_entry(), a_state_entry(a_source(url="https://git.example.org/old/tool"), commit=oid(2)), None],
    ids=["another commit", "another URL", "nothing"],
)
def test_what_was_here_was_served_by_whom_the_record_of_its_pin_names(previous: SourceState | None) -> None:
    state = State() if previous is None else state_of(replace(previous, served_by="https://old/x"))
    done = [an_update(served_by=None)]
    assert unserved(done, state) == {TOOL: done[0].task.pin}
    assert unserved([an_update()], state) == {}
    assert reduce_installed(done, state, a_run()).entries[TOOL].served_by is None
    for detail, served_by in (({"served_by": "https://new/x"}, "https://new/x"), ({}, None)):
        record = {"event": "pin", "source": TOOL, "at": "2026-07-01T00:00:00Z", "operator": "Ada", "command_id": RUN}
        moves = {TOOL: moves_of([record | {"detail": detail}])[0]}
        assert reduce_installed(done, state, a_run(), moves).entries[TOOL].served_by == served_by


def test_without_outcomes_nothing_is_decided_or_written() -> None:
    state = state_of(a_state_entry())
    decision = reduce_installed([], state, a_run())
    assert decision == Decision(events=[], entries={})
    assert written_out(decision, state=state, lock=Lock(pins={TOOL: a_pin()})) == Records()


def test_the_state_entry_carries_the_hash_of_its_record() -> None:
    records = written_out(reduce_installed([an_update()], State(), a_run()))
    assert records.state is not None
    assert records.state.sources[TOOL].audit_hash == records.audit[0]["hash"] == record_hash(records.audit[0])
    assert records.audit[0]["command_id"] == RUN
    assert records.audit[0]["log_id"] == "log-7"


def test_each_of_several_entries_carries_its_own_record() -> None:
    names = ("a", "b", "c")
    done = [Installed(task=a_task(a_source(name), pin=a_pin(a_source(name), commit=oid(2)))) for name in names]
    records = written_out(reduce_installed(done, State(), a_run()))
    assert records.state is not None
    hashes = {str(record["source"]): record["hash"] for record in records.audit}
    assert {name: entry.audit_hash for name, entry in records.state.sources.items()} == hashes
    assert len(set(hashes.values())) == 3


def test_writing_a_decision_out_again_changes_nothing() -> None:
    decision = reduce_installed([an_update()], State(), a_run())
    first = written_out(decision)
    assert first.state is not None
    assert written_out(decision, state=first.state, before=first) == Records()


def test_a_run_killed_after_the_log_writes_the_rest_with_the_same_hash() -> None:
    decision = reduce_installed([an_update()], State(), a_run())
    first = written_out(decision)
    again = written_out(decision, before=first)
    assert again.audit == ()
    assert again.state == first.state


def test_a_run_killed_in_the_middle_of_the_log_appends_only_the_rest() -> None:
    names = ("a", "b")
    done = [Installed(task=a_task(a_source(name), pin=a_pin(a_source(name), commit=oid(2)))) for name in names]
    decision = reduce_installed(done, State(), a_run())
    whole = written_out(decision)
    again = written_out(decision, before=Records(audit=whole.audit[:1]))
    assert again.audit == whole.audit[1:]
    assert again.state == whole.state


def test_a_source_that_one_run_moves_twice_gets_two_records() -> None:
    """As a sync does that first finishes an interrupted run and then goes on to a newer pin."""
    first_move = reduce_installed([an_update()], state_of(a_state_entry()), a_run())
    first = written_out(first_move, state=state_of(a_state_entry()))
    assert first.state is not None
    task = a_task(pin=a_pin(commit=oid(3)), action="update", before=oid(2))
    second_move = reduce_installed([Installed(task=task)], first.state, a_run())
    second = written_out(second_move, state=first.state, before=first)
    assert [(record["before"], record["after"]) for record in second.audit] == [(oid(2), oid(3))]
    assert second.state is not None
    assert second.state.sources[TOOL].audit_hash == second.audit[0]["hash"]


def test_pins_go_to_the_lock_and_leave_state_alone() -> None:
    event = Event(event="pin", source="tool", after=oid(2))
    records = written_out(Decision(events=[event], pins={TOOL: a_pin(commit=oid(2))}))
    assert records.state is None
    assert records.lock == Lock(pins={TOOL: a_pin(commit=oid(2))})


def test_a_pin_that_is_there_already_leaves_the_lock_file_alone() -> None:
    lock = Lock(pins={TOOL: a_pin()})
    assert written_out(Decision(pins={TOOL: a_pin()}), lock=lock).lock is None


def test_a_removed_source_leaves_lock_and_state() -> None:
    other = a_source("other")
    state = state_of(a_state_entry(), a_state_entry(other))
    lock = Lock(pins={TOOL: a_pin(), other.name: a_pin(other)})
    edit = ManifestEdit(before="", text="schema_version = 1\n")
    event = Event(event="remove", source="tool", before=oid(1))
    records = written_out(Decision(events=[event], dropped=frozenset({TOOL}), manifest=edit), state=state, lock=lock)
    assert records.state is not None
    assert records.lock is not None
    assert (list(records.state.sources), list(records.lock.pins)) == (["other"], ["other"])
    assert records.manifest == edit
    assert [record["event"] for record in records.audit] == ["remove"]


def test_an_event_about_no_source_is_written_once() -> None:
    decision = Decision(events=[Event(event="resume-completed", detail={"run": RUN})])
    first = written_out(decision)
    assert len(first.audit) == 1
    assert "source" not in first.audit[0]
    assert written_out(decision, before=first).audit == ()


def test_records_of_another_run_do_not_count_as_written() -> None:
    decision = reduce_installed([an_update()], State(), a_run())
    earlier = written_out(decision).audit
    other = a_run(RunId("01J2ZK5Y8Q0000000000000002"))
    records = to_records(decision, Files(), tail=tail_of(earlier), written=(), info=other)
    assert records.audit[0]["prev"] == [earlier[0]["hash"]]
    assert records.audit[0]["command_id"] == other.run


def test_torn_bytes_are_declared_by_the_records_of_the_run() -> None:
    tail = Tail(torn=({"len": 3, "sha256": "ab" * 32},))
    decision = Decision(events=[Event(event="pin")])
    records = to_records(decision, Files(), tail=tail, written=(), info=a_run())
    assert records.audit[0]["torn"] == [{"len": 3, "sha256": "ab" * 32}]


def test_an_intent_names_what_is_about_to_change_and_only_that() -> None:
    moved = a_task(pin=a_pin(commit=oid(2)), action="update", before=oid(1))
    state = state_of(a_state_entry(commit=oid(2)))
    told = intent_for(a_run(), [moved], State())
    assert told is not None
    assert told.detail == {"command": "sync", "sources": {"tool": oid(2)}}
    assert intent_for(a_run(), [moved], state) is None
    assert intent_for(a_run(), [replace(moved, action="repair")], state) is not None
    events = [Event(event="pin", source="tool"), Event(event="init"), Event(event="rotate")]
    said = intent_of(a_run(), Decision(events=events))
    assert said is not None
    assert said.detail == {"command": "sync", "sources": ["tool"]}
    assert intent_of(a_run(), Decision(events=[Event(event="seen", source="tool")])) is None


def test_what_was_announced_and_not_done_is_told() -> None:
    moved = a_task(pin=a_pin(commit=oid(2)), action="update", before=oid(1))
    failures = [
        Failed(task=moved, error=Interrupted(signal=2), pending=True),
        Failed(task=moved, error=UnknownOverride(override="x", why="y"), pending=False),
    ]
    first, second = reduce_failed(failures, State())
    assert (first.event, first.detail) == ("interrupted", {"error": "interrupted", "pending": True})
    assert (second.event, second.before, second.after) == ("failed", oid(1), oid(2))
    assert reduce_failed(failures, state_of(a_state_entry(commit=oid(2)))) == ()


def test_what_state_says_already_is_not_told_again_but_a_repair_is() -> None:
    there = state_of(a_state_entry(commit=oid(2)))
    assert reduce_installed([an_update()], there, a_run()) == Decision(events=[], entries={})
    repaired = replace(an_update(), task=replace(an_update().task, action="repair"))
    decision = reduce_installed([repaired], there, a_run())
    assert [event.event for event in decision.events] == ["repair"]
    assert decision.entries == {}


@pytest.mark.parametrize("action", ["clone", "update", "record", "repair", "reset"])
def test_an_entry_that_names_no_record_is_written_with_the_first_one(action: Action) -> None:
    there = state_of(replace(a_state_entry(commit=oid(2)), audit_hash=None))
    done = replace(an_update(), task=replace(an_update().task, action=action))
    decision = reduce_installed([done], there, a_run())
    written = written_out(decision, state=there)
    assert written.state is not None
    assert [entry.audit_hash for entry in written.state.sources.values()] == [written.audit[-1]["hash"]]


@pytest.mark.parametrize("scan", [ScanStatus(), SCAN])
def test_what_an_older_version_wrote_says_on_who_installed_it_and_when(scan: ScanStatus) -> None:
    done = replace(an_update(served_by=None), task=a_task(action="record", before=oid(1)))
    was = replace(a_state_entry(scan=scan), updated_by="Alice <alice@example.org>", audit_hash=None)
    if scan != ScanStatus():
        was = replace(was, audit_hash="a" * 64, lacking=("command_id",))
    decision = reduce_installed([done], state_of(was), a_run())
    written = written_out(decision, state=state_of(was))
    assert written.state is not None
    (entry,), record = written.state.sources.values(), written.audit[-1]
    assert (entry.updated_at, entry.updated_by) == (was.updated_at, was.updated_by)
    assert (entry.command_id, entry.lacking, entry.scan) == (RUN, (), scan)
    told = {"updated_at": format_time(was.updated_at), "updated_by": was.updated_by}
    assert detail_of(record)["migrated"] == told
    assert [*against_state({str(item["hash"]): item for item in written.audit}, written.state)] == []
    for key, value in (("updated_at", NOW), ("updated_by", OPERATOR)):
        edited = state_of(replace(entry, **{key: value}))
        assert len([*against_state({str(record["hash"]): record}, edited)]) == 1
    # What moves, and what somebody has edited, was installed by this run.
    moved = reduce_installed([an_update()], state_of(was), a_run())
    edited = reduce_installed([done], state_of(replace(was, command_id=RUN, lacking=("audit_hash",))), a_run())
    for entry in (*moved.entries.values(), *edited.entries.values()):
        assert (entry.updated_at, entry.updated_by) == (NOW, OPERATOR)
    assert "migrated" not in detail_of({"detail": moved.events[0].detail})


def test_decisions_about_several_sources_come_to_one() -> None:
    first, second = a_source("a"), a_source("b")
    parts = [
        Decision(events=[Event(event="pin", source=item.name)], pins={item.name: a_pin(item)})
        for item in (first, second)
    ]
    whole = together(parts)
    assert [event.source for event in whole.events] == ["a", "b"]
    assert set(whole.pins) == {"a", "b"}
    assert together([]) == Decision(events=[], reports={})
