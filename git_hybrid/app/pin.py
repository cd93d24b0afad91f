"""``git hybrid pin``: the explicit command that moves pins. The only other writers of the lock are add and remove."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from git_hybrid.app.evidence import Resolved, resolve
from git_hybrid.app.executor import run_all
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scanning import incomplete_scan, scan_commit, with_scan
from git_hybrid.app.select import select
from git_hybrid.core.audit import Event
from git_hybrid.core.errors import HostNotAllowed, HybridError, Interrupted, NoScanner, TooYoung, UnfinishedRun
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Source, allows_host
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.scan_policy import blocked_by, scan_blocked
from git_hybrid.core.scans import scan_event
from git_hybrid.core.values import format_time


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """What the command line says: names and groups, ``--all``, ``--to``, a dry run, whether to scan before moving."""

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    everything: bool = False
    to: str | None = None
    dry_run: bool = False
    scan: bool = False


def pin(rt: Runtime, request: PinRequest) -> Report:
    """Pin what has no valid pin, or move the named pins to the newest commit that the manifest allows.

    Raises:
        UnfinishedRun: an interrupted sync has to be finished first.
        UnknownSource: a name or group is not in the manifest.
        NoScanner: a scan was asked for, and the manifest has no scanner.
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
        return Report(command="pin", rows=rows, run=rt.info.run, notes=tuple(mended), interrupted=rt.cancelled())


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
    if request.scan and not snapshot.manifest.scanners:
        raise NoScanner

    def work(name: SourceName) -> tuple[Row, Decision]:
        source = snapshot.manifest.sources[name]
        return pin_one(rt, snapshot, source, to=request.to, move=move, keep=not request.dry_run, scan=request.scan)

    results = run_all(work, names, jobs=rt.jobs or snapshot.manifest.defaults.jobs, cancelled=rt.cancelled)
    stopped = Interrupted(signal=rt.cancelled())
    pairs = [result or (failed(name, stopped), Decision()) for name, result in zip(names, results, strict=True)]
    return tuple(row for row, _ in pairs), together([decision for _, decision in pairs])


def together(decisions: Sequence[Decision]) -> Decision:
    """Return what *decisions*, each about another source, come to as one."""
    return Decision(
        events=[event for decision in decisions for event in decision.events],
        entries={name: entry for decision in decisions for name, entry in decision.entries.items()},
        pins={name: pin for decision in decisions for name, pin in decision.pins.items()},
        reports={name: sha256 for decision in decisions for name, sha256 in decision.reports.items()},
    )


def pin_one(
    rt: Runtime, snapshot: Snapshot, source: Source, *, to: str | None, move: bool, keep: bool, scan: bool = False
) -> tuple[Row, Decision]:
    """Return the row and the decision for one source; a failure is a row, and its pin stays as it was.

    With *keep* the objects that were fetched go into the clone, so that the next sync needs no network even if
    upstream is gone by then.
    """
    old = snapshot.lock.pins.get(source.name)
    rt.progress("start", source.name, "pin")
    try:
        if not allows_host(snapshot.manifest.policy, source.url):
            raise HostNotAllowed(name=source.name, host=source.url.host)
        found = resolve(rt, source, snapshot.manifest, old, to=to, move=move)
        if isinstance(found, Pin):
            row, decision = _kept(found), Decision()
        else:
            row, decision = _decided(rt, snapshot, source, found)
            if decision.pins and (found.old is None or found.old.commit != found.pin.commit):
                row, decision = _scan_gate(rt, snapshot, found, row, decision, scan=scan, keep=keep)
            if keep and decision.pins:
                _keep_objects(rt, source, found)
    except HybridError as error:
        row, decision = failed(source.name, error), Decision()
    rt.progress("done", source.name, row.outcome)
    return row, decision


def _kept(old: Pin) -> Row:
    return Row(name=old.source, outcome="kept", before=old.commit, after=old.commit, ref=old.ref)


def _decided(rt: Runtime, snapshot: Snapshot, source: Source, found: Resolved) -> tuple[Row, Decision]:
    new, old = found.pin, found.old
    age = snapshot.manifest.policy.min_release_age
    if age and (old is None or old.commit != new.commit) and rt.info.now - new.first_seen < age:
        seen = Event(event="seen", source=source.name, after=new.commit, detail={"ref": new.ref})
        fresh = rt.ledger.first_seen(source.name, new.commit) is None
        error = TooYoung(
            name=source.name,
            commit=new.commit,
            first_seen=format_time(new.first_seen),
            allowed_from=format_time(new.first_seen + age),
        )
        return failed(source.name, error), Decision(events=[seen] if fresh else [])
    event = Event(
        event="pin",
        source=source.name,
        before=old.commit if old else None,
        after=new.commit,
        detail={"url": str(new.url), "ref": new.ref, "tree": new.tree, "content_sha256": new.content_sha256},
    )
    row = Row(
        name=source.name,
        outcome="pinned",
        before=old.commit if old else None,
        after=new.commit,
        ref=new.ref,
        served_by=found.served_by,
        notes=found.notes,
        range=found.range,
    )
    return row, Decision(events=[event], pins={source.name: new})


def _scan_gate(
    rt: Runtime, snapshot: Snapshot, found: Resolved, row: Row, decision: Decision, *, scan: bool, keep: bool
) -> tuple[Row, Decision]:
    """Return *row* and *decision* if scans allow the move: the one that is made now with *scan*, else what is known."""
    new, block_on = found.pin, snapshot.manifest.policy.scan_block_on
    if not scan:
        known = None if block_on == "none" else rt.scans.history.known_scan(new.commit, new.tree)
        error = known and blocked_by(known, new.source, block_on)
        error = error or scan_blocked(snapshot, new.source, new)
        return (row, decision) if error is None else (failed(new.source, error), Decision())
    made = scan_commit(rt, snapshot, new.source, found.content, new.commit, new.tree)
    refused = Decision(events=[scan_event(new.source, made.status, refused=True)])
    if (blocked := blocked_by(made.status, new.source, block_on)) is not None:
        return failed(new.source, blocked), refused
    if (incomplete := incomplete_scan(new.source, made.status)) is not None:
        return failed(new.source, incomplete), refused
    return row, with_scan(rt, decision, snapshot, new.source, made) if keep else decision


def _keep_objects(rt: Runtime, source: Source, found: Resolved) -> None:
    if found.history.borrows and isinstance(rt.clones.inspect(source.name, None), Clone):
        rt.writer.pour(found.history, rt.clones.as_stage(source.name), boundaries=False)
