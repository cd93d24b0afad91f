"""Turn what happened into what is written: audit records, state entries, pins. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from git_hybrid.core.audit import Event, Record, Tail, detail_of, extend
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import Interrupted
from git_hybrid.core.ids import RunId, SourceName
from git_hybrid.core.lock import Lock, Pin, with_pins
from git_hybrid.core.manifest import track_field
from git_hybrid.core.mirrors import Inventory, Mirror, with_mirrors
from git_hybrid.core.moves import Move
from git_hybrid.core.override import Override, Overrides, with_overrides
from git_hybrid.core.plan import Failed, Installed, Task
from git_hybrid.core.planner import is_recorded, same_facts
from git_hybrid.core.state import ScanStatus, SourceState, State, is_older, with_sources
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.values import format_time


class RunInfo(Struct, frozen=True, kw_only=True):
    """Who runs the command, when, and under which id; ``log_id`` names a log that this run has to start."""

    run: RunId
    command: str
    now: datetime
    operator: str
    log_id: str


class ManifestEdit(Struct, frozen=True, kw_only=True):
    """A new text of the manifest, and the text that it was made from."""

    before: str
    text: str


class Decision(Struct, frozen=True, kw_only=True):
    """Everything that one run changes in the files of a workspace, source by source.

    ``archive`` is the path, from the root, of the file that the audit log so far is closed into. ``reports`` names the
    sources whose new scan report waits beside the journal, with its SHA-256. ``base`` is what it was made from, as
    :mod:`git_hybrid.core.overtaken` takes it; None where nothing tells. ``done`` names the sources of the run that are
    at their end with it.

    It is written to the journal before the first of the files is touched; writing it out twice does no harm.
    """

    events: Sequence[Event] = ()
    entries: Mapping[SourceName, SourceState] = field(default_factory=dict)
    pins: Mapping[SourceName, Pin] = field(default_factory=dict)
    dropped: frozenset[SourceName] = frozenset()
    overrides: Mapping[str, Override] = field(default_factory=dict)
    manifest: ManifestEdit | None = None
    archive: str | None = None
    reports: Mapping[SourceName, str] = field(default_factory=dict)
    mirrors: Mapping[str, Mirror] = field(default_factory=dict)
    dropped_mirrors: frozenset[str] = frozenset()
    base: Mapping[str, str | None] | None = None
    done: frozenset[SourceName] = frozenset()

    @property
    def is_shared(self) -> bool:
        """Whether it changes what others decide too, in files that git brings: pins, overrides, mirrors."""
        return any((self.pins, self.dropped, self.overrides, self.mirrors, self.dropped_mirrors))

    @property
    def sources(self) -> frozenset[SourceName]:
        """The sources whose pin, installed commit or override it changes."""
        approved = {item.source for item in self.overrides.values()}
        return frozenset({*self.pins, *self.entries, *self.dropped, *approved})


def together(decisions: Sequence[Decision]) -> Decision:
    """Return what *decisions*, each about another source, come to as one."""
    return Decision(
        events=[event for decision in decisions for event in decision.events],
        entries={name: entry for decision in decisions for name, entry in decision.entries.items()},
        pins={name: pin for decision in decisions for name, pin in decision.pins.items()},
        overrides={key: item for decision in decisions for key, item in decision.overrides.items()},
        reports={name: sha256 for decision in decisions for name, sha256 in decision.reports.items()},
    )


class Records(Struct, frozen=True, kw_only=True):
    """The files that a decision makes, in the order in which they are written; None leaves a file as it is."""

    audit: tuple[Record, ...] = ()
    overrides: Overrides | None = None
    state: State | None = None
    lock: Lock | None = None
    manifest: ManifestEdit | None = None
    mirrors: Inventory | None = None

    def over(self, files: Files) -> Files:
        """Return what *files* say once these are written."""
        return Files(
            state=self.state or files.state,
            lock=self.lock or files.lock,
            overrides=self.overrides or files.overrides,
            mirrors=self.mirrors or files.mirrors,
        )


INTENT = "intent"
_UNANNOUNCED = frozenset({"init", "seen", "resume-completed"})
"""Events that change no pin, no clone and no approval."""


def intent_of(info: RunInfo, decision: Decision) -> Event | None:
    """Return the event that says what a command is about to change; None if it changes nothing."""
    told = [event for event in decision.events if event.event not in _UNANNOUNCED]
    names = sorted({event.source for event in told if event.source is not None})
    return Event(event=INTENT, detail={"command": info.command, "sources": names}) if told else None


def intent_for(info: RunInfo, tasks: Sequence[Task], state: State) -> Event | None:
    """Return the event that says what a run will install; None if none of it changes what state says."""
    told = [task for task in tasks if _is_told(task, state.sources.get(task.name))]
    targets: dict[str, Json] = {task.name: task.pin.commit for task in told}
    return Event(event=INTENT, detail={"command": info.command, "sources": targets}) if told else None


def with_leftovers(event: Event, removed: Sequence[str]) -> Event:
    """Return *event* with the paths of what an earlier run had left half written and this one has *removed*."""
    return replace(event, detail={**(event.detail or {}), "leftovers": list(removed)}) if removed else event


def _is_told(task: Task, previous: SourceState | None) -> bool:
    is_new = previous is None or not is_recorded(task.source, task.pin, previous)
    return is_new or task.action in ("repair", "reset")


def reduce_failed(failures: Sequence[Failed], state: State) -> tuple[Event, ...]:
    """Return how the sources ended that a run had announced and did not bring to their pins."""
    return tuple(
        Event(
            event="interrupted" if isinstance(item.error, Interrupted) else "failed",
            source=item.task.name,
            before=item.task.before,
            after=item.task.pin.commit,
            detail={"error": item.error.code, "pending": item.pending},
        )
        for item in failures
        if _is_told(item.task, state.sources.get(item.task.name))
    )


def unserved(outcomes: Sequence[Installed], state: State) -> dict[SourceName, Pin]:
    """Return the pins that were here already and that *state* does not have: ``pin`` had fetched them, as a rule."""
    return {
        done.task.name: done.task.pin
        for done in outcomes
        if done.served_by is None and not _is_served(done.task, state.sources.get(done.task.name))
    }


def _is_served(task: Task, previous: SourceState | None) -> bool:
    # What another URL served is no mirror of this one, and what served another commit need not have this one.
    return previous is not None and (previous.url, previous.commit) == (task.source.url, task.pin.commit)


def reduce_installed(
    outcomes: Sequence[Installed], state: State, info: RunInfo, moves: Mapping[SourceName, Move] = {}
) -> Decision:
    """Return what the sources that were installed change in the audit log and in state.

    *moves* are the records of the pins of those that are :func:`unserved`: they tell who served the commit.

    A clone or an update that only makes the disk what state says already changes nothing: the files of a workspace
    are committed, and whoever follows a colleague's pins must not find them modified. A repair and a reset are told
    in the audit log all the same. What an older version wrote of a source that stays where it is says on who installed
    that, and when; the record has both.
    """
    events: list[Event] = []
    entries: dict[SourceName, SourceState] = {}
    for done in outcomes:
        task, previous = done.task, state.sources.get(done.task.name)
        if not _is_told(task, previous):
            continue
        served_by, (key, value) = done.served_by, track_field(task.source.track)
        detail: dict[str, Json] = {"url": str(task.source.url), "ref": task.pin.ref, key: value}
        if previous is None or not is_recorded(task.source, task.pin, previous):
            entry = _entry(done, previous, info, moves.get(task.name))
            if previous is not None and is_older(previous) and same_facts(task.source, task.pin, previous):
                # Who installed it, and when, nothing else tells: no record was made then.
                entry = replace(entry, updated_at=previous.updated_at, updated_by=previous.updated_by)
                kept = {"updated_at": format_time(entry.updated_at), "updated_by": entry.updated_by}
                detail["migrated"] = kept
            entries[task.name], served_by = entry, entry.served_by
        if served_by is not None:
            detail["served_by"] = served_by
        before = previous.commit if previous else task.before
        events.append(Event(event=task.action, source=task.name, before=before, after=task.pin.commit, detail=detail))
    return Decision(events=events, entries=entries)


def _entry(done: Installed, previous: SourceState | None, info: RunInfo, move: Move | None) -> SourceState:
    task, served_by = done.task, done.served_by
    if served_by is None and previous is not None and _is_served(task, previous):
        served_by = previous.served_by
    elif served_by is None and move is not None:
        served_by = move.served_by or None
    return SourceState(
        name=task.name,
        url=task.source.url,
        track=task.source.track,
        commit=task.pin.commit,
        updated_at=info.now,
        updated_by=info.operator,
        command_id=info.run,
        served_by=served_by,
        scan=previous.scan if previous else ScanStatus(),
        notes="; ".join(done.notes) or None,
    )


class Files(Struct, frozen=True, kw_only=True):
    """What the files of a workspace say that a decision may change."""

    state: State = field(default_factory=State)
    lock: Lock = field(default_factory=Lock)
    overrides: Overrides = field(default_factory=Overrides)
    mirrors: Inventory = field(default_factory=Inventory)


def to_records(
    decision: Decision, files: Files, *, tail: Tail, written: Sequence[Mapping[str, Json]], info: RunInfo
) -> Records:
    """Return the files that *decision* makes of *files*.

    *written* holds the audit records that this run has appended already, before it was interrupted: they are not
    appended again. Each state entry carries the hash of the record that made it, now or before.
    """
    known = {record_key(record): str(record["hash"]) for record in written}
    missing = [event for event in decision.events if event_key(event) not in known]
    audit = extend(tail, missing, at=info.now, operator=info.operator, command_id=info.run, log_id=info.log_id)
    known |= {record_key(record): str(record["hash"]) for record in audit}
    hashes = {event.source: known[event_key(event)] for event in decision.events}
    put = {
        name: replace(entry, audit_hash=hashes.get(name, entry.audit_hash)) for name, entry in decision.entries.items()
    }
    bound = {about(event.detail): known[event_key(event)] for event in decision.events}
    overridden = {key: replace(item, audit_hash=bound[key]) for key, item in decision.overrides.items()}
    listed = {name: replace(item, audit_hash=bound[name]) for name, item in decision.mirrors.items()}
    new_state = with_sources(files.state, put=put, drop=decision.dropped)
    new_lock = with_pins(files.lock, add=decision.pins, drop=decision.dropped)
    new_overrides = with_overrides(files.overrides, overridden)
    new_mirrors = with_mirrors(files.mirrors, put=listed, drop=decision.dropped_mirrors)
    return Records(
        audit=audit,
        overrides=new_overrides if new_overrides != files.overrides else None,
        state=new_state if new_state != files.state else None,
        lock=new_lock if new_lock != files.lock else None,
        manifest=decision.manifest,
        mirrors=new_mirrors if new_mirrors != files.mirrors else None,
    )


def event_key(event: Event) -> tuple[Json, ...]:
    """Return what the record of *event* has in common with no other of its run (:func:`record_key`)."""
    # One run may move a source twice: it finishes an interrupted run, then goes on to the pins of today.
    return event.event, event.source, event.before, event.after, about(event.detail)


def record_key(record: Mapping[str, Json]) -> tuple[Json, ...]:
    """Return the :func:`event_key` of the event that *record* was made of."""
    return record["event"], record.get("source"), record.get("before"), record.get("after"), about(detail_of(record))


def about(detail: Mapping[str, Json] | None) -> str:
    """Return the override or the mirror that a record is about: one run may write a record of several."""
    return str((detail or {}).get("override") or (detail or {}).get("mirror") or "")
