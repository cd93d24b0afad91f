"""``git hybrid pin``: the explicit command that moves pins."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from git_hybrid.app.age import old_enough, seen_now, to_begin, too_young, young_note
from git_hybrid.app.bases import as_logged, commit_kept
from git_hybrid.app.blaming import owned
from git_hybrid.app.caching import usable_cache
from git_hybrid.app.ending import of_source
from git_hybrid.app.evidence import Resolved, Wish, resolve
from git_hybrid.app.executor import run_all
from git_hybrid.app.following import Follow, followed, with_entry
from git_hybrid.app.force import (
    Forced,
    approved,
    closing_events,
    expiry_note,
    left_behind,
    make_override,
    superseded,
)
from git_hybrid.app.held import held_by, kept, refused_pins, resting, rests_still, unless_held
from git_hybrid.app.judging import told_as
from git_hybrid.app.permitting import require_host
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scanning import Refused, Scan, keeping, meet_scan, scan_commit, with_scan
from git_hybrid.app.select import select_to_pin
from git_hybrid.app.settling import forced_before, refuse_unfinished
from git_hybrid.app.waiving import waivers
from git_hybrid.app.wishes import wish_for
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import with_carrier
from git_hybrid.core.errors import (
    HybridError,
    Interrupted,
    NoScanner,
    OffBranch,
    PolicyNotMet,
    Rollback,
    ScanBlocked,
    TooYoung,
)
from git_hybrid.core.governance import expiring
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin, is_valid, origin_changes
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import Override, event_of, with_overrides
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.reducer import Decision, together
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.scan_policy import scan_blocked
from git_hybrid.core.scans import scan_event
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import some


class PinRequest(Struct, frozen=True, kw_only=True):
    """What the command line says: names and groups, ``--all``, ``--to``, an override, a dry run, a scan before.

    ``follow`` is what the one source that is named is to follow.
    """

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    everything: bool = False
    to: str | None = None
    forced: Forced | None = None
    dry_run: bool = False
    scan: bool = False
    follow: Follow | None = None


def pin(rt: Runtime, request: PinRequest) -> Report:
    """Pin what has no valid pin, or move the named pins to the newest commit that the manifest allows.

    Raises:
        UnfinishedRun: an interrupted run has to be finished first; before a dry run, one that had files to write.
        UnknownSource: a name or group is not in the manifest.
        NoScanner: a scan was asked for, and the manifest has no scanner.
        LockBusy, InvalidFile, NewerSchema: nothing was done.
    """
    if request.dry_run:
        rows, _ = _resolve_all(rt, rt.ledger.steady(), request)
        rows = tuple(replace(row, outcome="would-pin") if row.outcome == "pinned" else row for row in rows)
        return Report(command="pin", rows=rows, dry_run=True)
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        select_to_pin(snapshot.manifest, request.names, request.groups)
        refuse_unfinished(snapshot)
        rows, decision = forced_before(rt, snapshot), Decision()
        if not rows:
            rows, decision = _resolve_all(rt, snapshot, request)
        if decision.pins or decision.events or decision.manifest:
            rt.ledger.record(rt.info, decision, ())
        left = with_overrides(snapshot.overrides, decision.overrides)
        stays = [row.name for row in rows if request.scan and row.error is None and row.before == row.after]
        unscanned = f"not scanned, since the pin stays: {some(stays)}; for these: git hybrid scan --stale"
        expire = expiring(left, snapshot.clock, {row.name for row in rows})
        notes = (*mended, *expire, *((unscanned,) if stays else ()))
        return Report(command="pin", rows=rows, run=rt.info.run, notes=notes, interrupted=rt.cancelled())


def _resolve_all(rt: Runtime, found: Snapshot, request: PinRequest) -> tuple[tuple[Row, ...], Decision]:
    snapshot = followed(found, request.names, request.follow)
    move = bool(request.names or request.groups or request.everything)
    names = select_to_pin(snapshot.manifest, request.names, request.groups)
    others = () if move else refused_pins(snapshot, names)
    if not move:
        pins, sources = snapshot.lock.pins, snapshot.manifest.sources
        names = tuple(name for name in names if not is_valid(pins.get(name), sources[name]))
    elif request.forced is None and request.to is None:
        # Who moves all, or a group, has decided nothing about what somebody approved for one of them.
        others = resting(snapshot, (name for name in names if name not in request.names))
        names = tuple(name for name in names if name not in {row.name for row in others})
    if request.scan and not snapshot.manifest.scanners:
        raise NoScanner

    asking, logged = rt.for_many(len(names)), as_logged(rt, snapshot, names, request.to if request.forced else None)
    how = How(to=request.to, move=move, keep=not request.dry_run, forced=request.forced, scan=request.scan)

    def work(name: SourceName) -> tuple[Row, Decision]:
        source = snapshot.manifest.sources[name]
        to = commit_kept(rt, snapshot, logged, source) if request.to is None and not move else request.to
        return pin_one(asking, logged, source, replace(how, to=to))

    rt.progress("begin", "pinning", str(len(names)))
    results = run_all(work, names, jobs=rt.jobs or snapshot.manifest.defaults.jobs, cancelled=rt.cancelled)
    stopped = Interrupted(signal=rt.cancelled(), begun=False)
    pairs = [result or (failed(name, stopped), Decision()) for name, result in zip(names, results, strict=True)]
    rows = tuple(sorted((*others, *(row for row, _ in pairs)), key=lambda row: row.name))
    decision = together([decision for _, decision in pairs])
    return with_entry(rt, found, rows, decision, request.follow)


class How(Struct, frozen=True, kw_only=True):
    """How a source is pinned: at one revision, or where the manifest says; forced, or after a scan.

    With ``keep`` the objects that were fetched go into the clone, so that the next sync needs no network even if
    upstream is gone by then. ``look`` is shown the new pin while these are in quarantine.
    """

    to: str | None
    move: bool
    keep: bool
    forced: Forced | None = None
    scan: bool = False
    look: Callable[[Resolved], None] = lambda _found: None


def pin_one(rt: Runtime, snapshot: Snapshot, source: Source, how: How) -> tuple[Row, Decision]:
    """Return the row and the decision for one source; a failure is a row, and its pin stays as it was.

    Raises:
        WorkspaceGone: it failed because the workspace is not there any more.
    """

    def tried(instead: Oid | None = None) -> tuple[Row, Decision]:
        try:
            require_host(snapshot.manifest.policy, source)
            waiving = replace(rt, waived=waivers(snapshot, source.name, how.forced))
            with of_source(source.name):
                wish = wish_for(waiving, snapshot, source, to=how.to, move=how.move, forced=how.forced)
                wish = wish if instead is None else replace(wish, to=instead)
                return _pinned(waiving, snapshot, source, wish, how)
        except Refused as error:
            return replace(failed(source.name, error.why), notes=error.notes), Decision(events=[error.event])
        except HybridError as error:
            rt.ledger.require_place()
            told = with_carrier(owned(rt, error), snapshot.state.sources.get(source.name), None)
            return failed(source.name, told), Decision()

    rt.progress("start", source.name, "pin")
    row, decision = tried()
    if isinstance(row.error, TooYoung):
        decision = seen_now(rt, row.error)
        if decision.events and not how.keep:
            row.error.to_begin = to_begin(snapshot)
        if how.to is None and (older := old_enough(rt, snapshot, source.name)) is not None:
            found, more = tried(older[0])
            if not isinstance(found.error, OffBranch | Rollback | TooYoung):
                row = replace(found, notes=(young_note(row.error), *found.notes))
                decision = together([decision, more])
    rt.progress("done", source.name, row.outcome)
    return row, decision


def _pinned(rt: Runtime, snapshot: Snapshot, source: Source, wish: Wish, how: How) -> tuple[Row, Decision]:
    forced, keep = how.forced, how.keep
    approvals = (
        () if forced is None else approved(rt, snapshot, source, wish.to or "", forced, findings=forced.findings)
    )
    found = _found(rt, snapshot, source, wish)
    if isinstance(found, Pin):
        return kept(snapshot, found, left_behind(rt, snapshot, found) if wish.move else {})
    scanned = _scanned(rt, snapshot, found) if how.scan and _moves(found) else None
    if forced is not None or _moves(found):
        meet_scan(rt, snapshot, found.pin, wish.objections, scanned)
    elif found.old is not None and found.old.override is not None and found.pin.override is None:
        # What its override accepts is accepted no more.
        ended = superseded(rt, snapshot, source.name, commit=found.pin.commit)
        left = replace(snapshot, overrides=with_overrides(snapshot.overrides, ended))
        wish.objections.meet(scan_blocked(left, source.name, found.pin))
    made = None
    if forced is not None:
        held = held_by(snapshot, found, source, wish)
        try:
            made = make_override(
                rt, snapshot, found.pin, forced=forced, approvals=approvals, objections=wish.objections, held=held
            )
        except PolicyNotMet as error:
            if scanned is None:
                raise
            raise Refused(error, scan_event(source.name, scanned.status, refused=True)) from None
    row, decision = _decided(rt, snapshot, source, found, made, wish, keep=keep)
    how.look(found)
    if keep and scanned is not None:
        decision = with_scan(rt, decision, snapshot, source.name, scanned)
    if keep and decision.pins:
        _keep_objects(rt, source, found)
    return row, decision


def _found(rt: Runtime, snapshot: Snapshot, source: Source, wish: Wish) -> Resolved | Pin:
    """Return what *source* is to be pinned at, or the pin that stays: its override may allow what no plain one may."""
    try:
        found = resolve(rt, source, snapshot.manifest, snapshot.lock.pins.get(source.name), wish)
        found = found if wish.objections.forced else unless_held(snapshot, found, source, wish)
        if not isinstance(found, Pin):
            wish.objections.meet(too_young(rt, snapshot, found.pin, found.old, seen=found.pin.first_seen))
    except HybridError as error:
        if (held := rests_still(snapshot, source, error)) is None:
            raise
        return held
    return found


def _keep_objects(rt: Runtime, source: Source, found: Resolved) -> None:
    """Keep what was fetched for a pin, which stands: the next sync need not fetch it again.

    What borrows from the clone is poured into that; else it makes a store of the object cache, where there is none.
    """
    if not found.history.borrows:
        if (cache := usable_cache(rt, source)) is not None:
            cache.found(found.history, source.url, found.pin.ref, found.served_by)
    elif isinstance(rt.clones.inspect(source.name, None), Clone):
        rt.writer.pour(found.history, rt.clones.as_stage(source.name), boundaries=False)


def _decided(
    rt: Runtime, snapshot: Snapshot, source: Source, found: Resolved, made: Override | None, wish: Wish, *, keep: bool
) -> tuple[Row, Decision]:
    """Return what a new pin changes; *made* is its override, unless it goes on with the one that it has.

    Where nobody is to *keep* it the row names no id of that: nobody could ask for it.
    """
    new, old = found.pin, found.old
    carried = not wish.anew and wish.objections.forced
    ended = {} if carried or new.override is not None else superseded(rt, snapshot, new.source, commit=new.commit)
    if made is not None:
        new = replace(new, override=made.id)
    elif carried and old is not None:
        new = replace(new, override=old.override)
    left = (old,) if old else wish.lost
    former = (*left, *(base.pin for base in wish.left))
    detail = told_as(rt, new, source, former, found.history) | {"served_by": found.served_by}
    before = next((pin.commit for pin in left), None)
    events = [Event(event="pin", source=new.source, before=before, after=new.commit, detail=detail)]
    events += [event_of(made, "override")] if made is not None else []
    events += closing_events(ended)
    # Whoever forces a rollback need not know what was found there.
    blocked = (error for error in wish.objections.lifted if isinstance(error, ScanBlocked))
    accepted = tuple(f"accepts: {line}" for error in blocked for line in error.findings)
    told = () if made is None else (expiry_note(made, named=keep), *accepted, wish.objections.stays)
    notes = (*found.notes, *filter(None, told))
    row = Row(
        name=new.source,
        outcome="pinned",
        before=before,
        after=new.commit,
        ref=new.ref,
        served_by=found.served_by,
        notes=(*origin_changes(left, new), *notes, *(f"{key} is superseded" for key in ended)),
        range=found.range,
        detail={} if made is None or not keep else {"override": made.id},
    )
    overrides = ended | ({} if made is None else {made.id: made})
    return row, Decision(events=events, pins={new.source: new}, overrides=overrides)


def _moves(found: Resolved) -> bool:
    return found.old is None or found.old.commit != found.pin.commit


def _scanned(rt: Runtime, snapshot: Snapshot, found: Resolved) -> Scan:
    new = found.pin
    made = scan_commit(rt, snapshot, new.source, found.content, new.commit, new.tree, fetch=True)
    return keeping(rt, snapshot, made)
