from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from git_hybrid.core.audit import Event, Record, Tail, extend, previous, record_hash, tail_of
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.last_pins import by_source, former_pins, pins_of_log
from git_hybrid.core.last_told import last_told
from git_hybrid.core.lock import Lock
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Absent, Broken, Installed, Observed, Snapshot
from git_hybrid.core.planner import plan_sync
from git_hybrid.core.reducer import Decision, Files, Records, reduce_installed, to_records
from git_hybrid.core.state import State
from git_hybrid.core.values import format_time
from support.values import NOW, OPERATOR, RUN, a_clone, a_pin, a_run, a_snapshot, a_source, a_state_entry, oid

usual = settings(max_examples=60, deadline=None, database=None)
AT = format_time(NOW)
NAME = st.from_regex(r"[a-z][a-z0-9_-]{0,9}x", fullmatch=True)

EVENTS = st.lists(
    st.builds(Event, event=st.sampled_from(["pin", "clone"]), source=NAME | st.none(), after=st.text(max_size=5)),
    min_size=1,
    max_size=4,
)


def is_sound(log: Sequence[Mapping[str, Any]], heads: Sequence[str]) -> bool:
    """Recompute a log from its lines alone and hold it against the heads that somebody outside remembers."""
    seen: set[str] = set()
    for record in log:
        if record["hash"] != record_hash(record) or not set(record["prev"]) <= seen:
            return False
        if bool(record["prev"]) == ("log_id" in record):
            return False
        seen.add(record["hash"])
    return tail_of(log).heads == tuple(heads)


def a_log(batches: Sequence[Sequence[Event]]) -> list[Record]:
    log: list[Record] = []
    for batch in batches:
        log += extend(tail_of(log), batch, at=NOW, operator=OPERATOR, command_id=RUN, log_id="random")
    return log


@usual
@given(batches=st.lists(EVENTS, min_size=1, max_size=4), data=st.data())
def test_an_edited_deleted_or_moved_record_is_found(batches: list[list[Event]], data: st.DataObject) -> None:
    log = a_log(batches)
    heads = tail_of(log).heads
    assert is_sound(log, heads)
    assert [record["seq"] for record in log] == list(range(1, len(log) + 1))
    place = data.draw(st.integers(0, len(log) - 1))
    key = data.draw(st.sampled_from(sorted(log[place])))
    edited = [*log[:place], {**log[place], key: "forged"}, *log[place + 1 :]]
    assert not is_sound(edited, heads)
    assert not is_sound(log[:place] + log[place + 1 :], heads)
    assert not is_sound(log[:place], heads)
    other = data.draw(st.integers(0, len(log) - 1))
    assume(place != other)
    moved = list(log)
    moved.insert(other, moved.pop(place))
    assert not is_sound(moved, heads)


@usual
@given(batches=st.lists(EVENTS, min_size=1, max_size=3), ours=EVENTS, theirs=EVENTS, then=EVENTS)
def test_two_branches_of_a_log_merge_by_union(
    batches: list[list[Event]], ours: list[Event], theirs: list[Event], then: list[Event]
) -> None:
    base = a_log(batches)
    tail = tail_of(base)
    one = extend(tail, ours, at=NOW, operator="ours", command_id=RUN, log_id="x")
    two = extend(tail, theirs, at=NOW, operator="theirs", command_id=RUN, log_id="x")
    merged = [*base, *one, *two]
    assert set(tail_of(merged).heads) == {one[-1]["hash"], two[-1]["hash"]}
    after = [*merged, *extend(tail_of(merged), then, at=NOW, operator="both", command_id=RUN, log_id="x")]
    assert is_sound(after, [str(after[-1]["hash"])])


SEEN = st.sampled_from([Absent(), Broken("no HEAD"), a_clone(oid(1)), a_clone(oid(2))])
RECORDED = st.sampled_from([None, oid(1), oid(2)])


@st.composite
def workspaces(draw: st.DrawFn) -> tuple[Snapshot, dict[SourceName, Observed]]:
    """Return sources with pins at oid(2), in any state that no local work blocks."""
    sources: list[Source] = [a_source(name) for name in draw(st.lists(NAME, max_size=5, unique=True))]
    recorded = [a_state_entry(source, commit=found) for source in sources if (found := draw(RECORDED))]
    pins = [a_pin(source, commit=oid(2)) for source in sources]
    seen = {source.name: draw(SEEN) for source in sources}
    return a_snapshot(*sources, pins=pins, recorded=recorded), seen


def write(decision: Decision, snapshot: Snapshot, audit: tuple[Record, ...] = ()) -> Records:
    tail = tail_of(audit) if audit else Tail()
    files = Files(state=snapshot.state, lock=snapshot.lock)
    return to_records(decision, files, tail=tail, written=audit, info=a_run())


@usual
@given(workspace=workspaces())
def test_a_sync_that_was_carried_out_leaves_nothing_to_do(
    workspace: tuple[Snapshot, dict[SourceName, Observed]],
) -> None:
    snapshot, seen = workspace
    names = list(seen)
    plan = plan_sync(snapshot, {**seen}, names)
    # A clone at oid(1) without a record is somebody's own commit: it blocks, and rightly so.
    blocked = [name for name in names if seen[name] == a_clone(oid(1)) and not is_recorded_at_one(snapshot, name)]
    assert sorted(plan.blocked) == sorted(blocked)
    done = [Installed(task=task) for task in plan.tasks]
    records = write(reduce_installed(done, snapshot.state, a_run()), snapshot)
    assert records.lock is None
    told = [task for task in plan.tasks if task.action == "repair" or not is_recorded_at_two(snapshot, task.name)]
    assert [record["source"] for record in records.audit] == [task.name for task in told]
    after = Snapshot(manifest=snapshot.manifest, lock=snapshot.lock, state=records.state or snapshot.state)
    stands = {**seen, **{task.name: a_clone(oid(2), installed=oid(2)) for task in plan.tasks}}
    again = plan_sync(after, stands, names)
    assert again.tasks == ()
    assert set(again.unchanged) == set(names) - set(blocked)


def is_recorded_at_two(snapshot: Snapshot, name: SourceName) -> bool:
    entry = snapshot.state.sources.get(name)
    return entry is not None and entry.commit == oid(2)


def is_recorded_at_one(snapshot: Snapshot, name: SourceName) -> bool:
    entry = snapshot.state.sources.get(name)
    return entry is not None and entry.commit == oid(1)


@usual
@given(workspace=workspaces(), killed_after=st.integers(0, 6))
def test_a_decision_written_twice_is_a_decision_written_once(
    workspace: tuple[Snapshot, dict[SourceName, Observed]], killed_after: int
) -> None:
    snapshot, seen = workspace
    plan = plan_sync(snapshot, {**seen}, list(seen))
    decision = reduce_installed([Installed(task=task) for task in plan.tasks], snapshot.state, a_run())
    whole = write(decision, snapshot)
    rest = write(decision, snapshot, whole.audit[:killed_after])
    assert (*whole.audit[:killed_after], *rest.audit) == whole.audit
    assert (rest.state, rest.lock) == (whole.state, whole.lock)
    after = Snapshot(manifest=snapshot.manifest, lock=Lock(pins=snapshot.lock.pins), state=whole.state or State())
    assume(plan.tasks)
    assert write(decision, after, whole.audit) == Records()


def told_by_copies(records: Mapping[str, Record]) -> tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Return what ``last_told`` does, by the plain way: everything that is known is kept for each record."""
    at: dict[str, dict[str, frozenset[str]]] = {}
    over, replaced, newest = dict[str, frozenset[str]](), set[str](), dict[str, frozenset[str]]()
    for digest, record in records.items():
        known: dict[str, frozenset[str]] = {}
        for item in previous(record):
            for name, found in at.get(item, {}).items():
                known[name] = known.get(name, frozenset()) | found
        name = str(record["source"])
        replaced |= known.get(name, frozenset())
        if record["event"] == "pin":
            over[digest] = known.get(name, frozenset())
        known[name] = frozenset({digest}) if record["event"] == "pin" else frozenset()
        at[digest] = known
    for known in at.values():
        for name, found in known.items():
            newest[name] = newest.get(name, frozenset()) | found
    return {name: found - replaced for name, found in newest.items()}, over


@usual
@given(data=st.data())
def test_the_last_records_are_those_that_a_copy_of_everything_tells(data: st.DataObject) -> None:
    records: dict[str, Record] = {}
    for number in range(data.draw(st.integers(0, 12))):
        before = data.draw(st.lists(st.sampled_from([*records, "gone"]), max_size=3))
        source, event = data.draw(st.sampled_from("ab")), data.draw(st.sampled_from(["pin", "pin", "remove"]))
        records[str(number)] = {"prev": before, "source": source, "event": event}
    last = last_told(records, lambda record: str(record["source"]), ends={"remove"})
    assert (dict(last.newest), dict(last.over)) == told_by_copies(records)


@usual
@given(data=st.data())
def test_the_records_of_a_source_tell_of_its_pins_what_the_whole_log_does(data: st.DataObject) -> None:
    records: list[Record] = []
    for number in range(data.draw(st.integers(0, 12))):
        before = data.draw(st.lists(st.sampled_from([*(str(item["hash"]) for item in records), "gone"]), max_size=3))
        source, event = data.draw(st.sampled_from("ab")), data.draw(st.sampled_from(["pin", "pin", "sync", "remove"]))
        detail: dict[str, Json] = {"url": data.draw(st.sampled_from(["https://h/a", "https://h/b"]))}
        record: Record = {"hash": str(number), "prev": list(before), "source": source, "event": event, "at": AT}
        records.append(record | {"after": oid(number), "detail": detail})
    for name in (SourceName("a"), SourceName("b")):
        own, url = by_source(records).get(name, ()), parse_url("https://h/a")
        assert pins_of_log(own, name, url) == pins_of_log(records, name, url)
        assert former_pins(own, name, url) == former_pins(records, name, url)
