"""``git hybrid pin``: the explicit command that moves pins. The only other writers of the lock are add and remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_hybrid.app.evidence import Resolved, Wish, resolve
from git_hybrid.app.executor import run_all
from git_hybrid.app.force import (
    Forced,
    Objections,
    approved,
    baseline,
    closing_events,
    expiry_note,
    make_override,
    superseded,
)
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.core.audit import Event
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import HostNotAllowed, HybridError, Interrupted, TooYoung, UnfinishedRun
from git_hybrid.core.governance import expiring, governed
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Source, allows_host
from git_hybrid.core.override import Override, Overrides, event_of
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.values import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """What the command line says: names and groups, ``--all``, ``--to``, an override, a dry run."""

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    everything: bool = False
    to: str | None = None
    forced: Forced | None = None
    dry_run: bool = False


def pin(rt: Runtime, request: PinRequest) -> Report:
    """Pin what has no valid pin, or move the named pins to the newest commit that the manifest allows.

    Raises:
        UnfinishedRun: an interrupted sync has to be finished first.
        UnknownSource: a name or group is not in the manifest.
        LockBusy, InvalidFile, NewerSchema: nothing was done.
    """
    if request.dry_run:
        rows, _ = _resolve_all(rt, rt.ledger.snapshot(), request)
        rows = tuple(replace(row, outcome="would-pin") if row.outcome == "pinned" else row for row in rows)
        return Report(command="pin", rows=rows, dry_run=True)
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        select(snapshot.manifest, request.names, request.groups)
        refuse_unfinished(snapshot)
        rows, decision = _resolve_all(rt, snapshot, request)
        if decision.pins or decision.events:
            rt.ledger.record(rt.info, decision, ())
        left = Overrides(records={**snapshot.overrides.records, **decision.overrides})
        notes = (*mended, *expiring(left, snapshot.clock))
        return Report(command="pin", rows=rows, run=rt.info.run, notes=notes, interrupted=rt.cancelled())


def refuse_unfinished(snapshot: Snapshot) -> None:
    """Raise if an earlier run still has sources to do.

    Raises:
        UnfinishedRun: it has.
    """
    if snapshot.unfinished is not None:
        pending = tuple(task.name for task in snapshot.unfinished.tasks)
        raise UnfinishedRun(run=snapshot.unfinished.run, pending=pending)


def _resolve_all(rt: Runtime, snapshot: Snapshot, request: PinRequest) -> tuple[tuple[Row, ...], Decision]:
    named = bool(request.names or request.groups)
    names = select(snapshot.manifest, request.names, request.groups)
    if not named and not request.everything:
        names = tuple(
            name for name in names if not is_valid(snapshot.lock.pins.get(name), snapshot.manifest.sources[name])
        )
    move = named or request.everything

    def work(name: SourceName) -> tuple[Row, Decision]:
        source = snapshot.manifest.sources[name]
        return pin_one(rt, snapshot, source, to=request.to, move=move, keep=not request.dry_run, forced=request.forced)

    results = run_all(work, names, jobs=rt.jobs or snapshot.manifest.defaults.jobs, cancelled=rt.cancelled)
    stopped = Interrupted(signal=rt.cancelled())
    pairs = [result or (failed(name, stopped), Decision()) for name, result in zip(names, results, strict=True)]
    events = [event for _, decision in pairs for event in decision.events]
    pins = {name: pin for _, decision in pairs for name, pin in decision.pins.items()}
    overrides = {key: item for _, decision in pairs for key, item in decision.overrides.items()}
    return tuple(row for row, _ in pairs), Decision(events=events, pins=pins, overrides=overrides)


def pin_one(
    rt: Runtime,
    snapshot: Snapshot,
    source: Source,
    *,
    to: str | None,
    move: bool,
    keep: bool,
    forced: Forced | None = None,
) -> tuple[Row, Decision]:
    """Return the row and the decision for one source; a failure is a row, and its pin stays as it was.

    With *keep* the objects that were fetched go into the clone, so that the next sync needs no network even if
    upstream is gone by then.
    """
    rt.progress("start", source.name, "pin")
    try:
        if not allows_host(snapshot.manifest.policy, source.url):
            raise HostNotAllowed(name=source.name, host=source.url.host)
        approvals = () if forced is None else approved(rt, snapshot, source, to or "", forced)
        wish = _wish(snapshot, source, to=to, move=move, forced=forced)
        found = resolve(rt, source, snapshot.manifest, snapshot.lock.pins.get(source.name), wish)
        if isinstance(found, Pin):
            row, decision = _kept(found), Decision()
        else:
            _meet_age(rt, snapshot, found, wish.objections)
            made = None
            if forced is not None:
                lifts = wish.objections.codes
                made = make_override(rt, snapshot, found.pin, forced=forced, approvals=approvals, lifts=lifts)
            row, decision = _decided(rt, snapshot, found, made, carried=not wish.anew and wish.objections.forced)
            if keep and decision.pins:
                _keep_objects(rt, source, found)
    except TooYoung as error:
        row, decision = failed(source.name, error), _seen(rt, error)
    except HybridError as error:
        row, decision = failed(source.name, error), Decision()
    rt.progress("done", source.name, row.outcome)
    return row, decision


def _wish(snapshot: Snapshot, source: Source, *, to: str | None, move: bool, forced: Forced | None) -> Wish:
    old = snapshot.lock.pins.get(source.name)
    if forced is not None:
        return Wish(to=to, move=True, base=old, objections=Objections(forced=True), anew=True)
    if old is None or old.override is None:
        return Wish(to=to, move=move, base=old, objections=Objections())
    if move or to is not None:
        return Wish(to=to, move=True, base=baseline(snapshot, old), objections=Objections(), anew=True)
    # Only the manifest entry changed: a pin whose override is in force keeps its commit and its override.
    ended = governed(old, snapshot.overrides, snapshot.trail, snapshot.clock)
    keeps = ended is None and old.url == source.url
    return Wish(to=old.commit if keeps else None, move=False, base=old, objections=Objections(forced=keeps))


def _meet_age(rt: Runtime, snapshot: Snapshot, found: Resolved, objections: Objections) -> None:
    new, old = found.pin, found.old
    age = snapshot.manifest.policy.min_release_age
    is_new = old is None or old.commit != new.commit or old.override is not None
    if age and is_new and rt.info.now - new.first_seen < age:
        first_seen, allowed_from = format_time(new.first_seen), format_time(new.first_seen + age)
        ref = {"name": new.source, "commit": new.commit, "ref": new.ref}
        objections.meet(TooYoung(first_seen=first_seen, allowed_from=allowed_from, **ref))


def _seen(rt: Runtime, error: TooYoung) -> Decision:
    """Return what keeps the time at which a commit was first seen, from which its age counts."""
    name, commit = SourceName(error.name), Oid(error.commit)
    if rt.ledger.first_seen(name, commit) is not None:
        return Decision()
    return Decision(events=[Event(event="seen", source=name, after=commit, detail={"ref": error.ref})])


def _kept(old: Pin) -> Row:
    return Row(name=old.source, outcome="kept", before=old.commit, after=old.commit, ref=old.ref)


def _decided(
    rt: Runtime, snapshot: Snapshot, found: Resolved, made: Override | None, *, carried: bool
) -> tuple[Row, Decision]:
    """Return what a new pin changes; *made* is its override, *carried*: it goes on with the override it has."""
    new, old = found.pin, found.old
    ended = {} if carried else superseded(rt, snapshot, new.source, commit=new.commit)
    if made is not None:
        new = replace(new, override=made.id)
    elif carried and old is not None:
        new = replace(new, override=old.override)
    detail: dict[str, Json] = {"url": str(new.url), "ref": new.ref, "tree": new.tree}
    detail |= {"content_sha256": new.content_sha256}
    before = old.commit if old else None
    events = [Event(event="pin", source=new.source, before=before, after=new.commit, detail=detail)]
    events += [event_of(made, "override")] if made is not None else []
    events += closing_events(ended)
    notes = found.notes if made is None else (*found.notes, expiry_note(made))
    row = Row(
        name=new.source,
        outcome="pinned",
        before=before,
        after=new.commit,
        ref=new.ref,
        served_by=found.served_by,
        notes=(*notes, *(f"{key} is superseded" for key in ended)),
        range=found.range,
        detail={} if made is None else {"override": made.id},
    )
    overrides = ended | ({} if made is None else {made.id: made})
    return row, Decision(events=events, pins={new.source: new}, overrides=overrides)


def _keep_objects(rt: Runtime, source: Source, found: Resolved) -> None:
    if found.history.borrows and isinstance(rt.clones.inspect(source.name, None), Clone):
        rt.writer.pour(found.history, rt.clones.as_stage(source.name), boundaries=False)
