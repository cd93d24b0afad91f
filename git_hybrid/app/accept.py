"""``git hybrid pin NAME --kind scan --force``: accept named findings on the pinned commit until an override ends."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.force import Forced, approved, approved_override, closing_events, expiry_note, superseded_if
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.app.settling import decided_before, refuse_unfinished
from git_hybrid.app.unpinned import unpinned
from git_hybrid.core.errors import BadArgument, HybridError, OverrideUnnecessary, ScanBlocked
from git_hybrid.core.ids import Oid, SourceName, short_ref
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.override import Override, event_of, is_in_force
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.scan_policy import accepted_findings, blocked_by, scan_blocked
from git_hybrid.core.value import replace


def accept(
    rt: Runtime, name: str, forced: Forced, *, to: str | None, findings: Sequence[str], dry_run: bool = False
) -> Report:
    """Record an override of kind ``scan`` for the pinned commit of *name*; no pin moves.

    *findings* names what is accepted; without any it is all that policy blocks on. With *dry_run* nothing is written.

    Raises:
        UnknownSource: the name is not in the manifest.
        UnfinishedRun, LockBusy, InvalidFile: nothing was done.
    """
    if dry_run:
        row, _ = _accepted(rt, rt.ledger.steady(), name, forced, to=to, findings=findings, keep=False)
        return Report(command="pin", rows=(row,), dry_run=True)
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        select(snapshot.manifest, (name,))
        refuse_unfinished(snapshot)
        row, decision = _accepted(rt, snapshot, name, forced, to=to, findings=findings, keep=True)
        if decision.events:
            rt.ledger.record(rt.info, decision, ())
        return Report(command="pin", rows=(row,), run=rt.info.run, notes=tuple(mended))


def _accepted(
    rt: Runtime,
    snapshot: Snapshot,
    name: str,
    forced: Forced,
    *,
    to: str | None,
    findings: Sequence[str],
    keep: bool,
) -> tuple[Row, Decision]:
    """Return the row and the decision of an override; where nobody is to *keep* it the row does not name it."""
    (source,) = select(snapshot.manifest, (name,))
    pin, decided = snapshot.lock.pins.get(source), decided_before(rt).overrides.values()
    stands = next((item for item in decided if item.status == "active" and item.id in snapshot.overrides.records), None)
    try:
        if pin is None:
            raise unpinned(rt, snapshot, snapshot.manifest.sources[source])
        made = stands or _made(rt, snapshot, pin, forced, to=to, findings=findings)
    except HybridError as error:
        return failed(source, error), Decision()
    ended = {} if stands else _replaced(rt, snapshot, made)
    blocked = scan_blocked(snapshot, source, pin)
    left = "" if blocked is None else blocked.beside(made.findings)
    notes = (
        expiry_note(made, named=keep),
        f"findings: {', '.join(made.findings)}",
        *([left] if left else []),
        *(f"{key} is superseded" for key in ended),
    )
    row = Row(
        name=source,
        outcome="accepted" if keep else "would-accept",
        before=pin.commit,
        after=pin.commit,
        ref=pin.ref,
        notes=notes,
        detail={"override": made.id} if keep else {},
    )
    if stands:
        return row, Decision()
    events = [event_of(made, "override"), *closing_events(ended)]
    return row, Decision(events=events, overrides={**ended, made.id: made})


def _replaced(rt: Runtime, snapshot: Snapshot, made: Override) -> dict[str, Override]:
    """Return the overrides that end because *made* accepts all that they accept, or their time was over."""

    def is_over(item: Override) -> bool:
        is_in = set(item.findings) <= set(made.findings)
        return item.kind == "scan" and (is_in or not is_in_force(item, snapshot.clock))

    return superseded_if(rt, snapshot, made.source, is_over)


def _made(
    rt: Runtime, snapshot: Snapshot, pin: Pin, forced: Forced, *, to: str | None, findings: Sequence[str]
) -> Override:
    chosen = chosen_findings(snapshot, pin, to=to, findings=findings)
    source = snapshot.manifest.sources[pin.source]
    approvals = approved(rt, snapshot, source, pin.commit, forced, kind="scan", findings=chosen)
    override = approved_override(rt, snapshot, forced, pin, approvals)
    return replace(override, kind="scan", from_commit=pin.commit, lifts=(ScanBlocked.code,), findings=chosen)


def chosen_findings(snapshot: Snapshot, pin: Pin, *, to: str | None, findings: Sequence[str]) -> tuple[str, ...]:
    """Return which findings on the pinned commit are to be accepted, in the order in which an approver signs them.

    *findings* names them; without any it is all that policy blocks on.

    Raises:
        BadArgument: *to* is another commit, or no scan of it has such a finding.
        OverrideUnnecessary: policy blocks on none.
        ScanBlocked: it blocks on findings none of which has an id that is not accepted yet.
    """
    if to is not None and not pin.commit.startswith(to) and to not in _tags(pin):
        reason = f"findings are accepted on the pinned commit, which is {pin.commit}"
        raise BadArgument(what="--to", value=to, reason=reason)
    blocked = scan_blocked(snapshot, pin.source, pin)
    recorded = snapshot.state.sources.get(pin.source)
    known = set(blocked.ids if blocked is not None else ())
    scan = recorded.scan if recorded is not None and recorded.scan.commit == pin.commit else None
    if scan is not None:
        known |= {item.id for item in scan.findings}
    unknown = [item for item in findings if item not in known]
    if unknown:
        reason = "the scan of the pinned commit has no such finding: git hybrid scan shows their ids"
        raise BadArgument(what="--finding", value=unknown[0], reason=reason)
    if blocked is None:
        step = "sync" if is_valid(pin, snapshot.manifest.sources[pin.source]) else "pin"
        more = {}
        if accepted_findings(snapshot.approvals, pin):
            more = {"why": "has findings that policy blocks, which are accepted already"}
        elif scan is None:
            step, more = "scan", {"why": "was not scanned: no finding is known that could be accepted"}
        raise OverrideUnnecessary(name=pin.source, commit=pin.commit, hint=f"git hybrid {step} {pin.source}", **more)
    if not findings and not blocked.ids:
        raise blocked
    return tuple(sorted(set(findings or blocked.ids)))


def _tags(pin: Pin) -> tuple[str, ...]:
    """Return the names of the tag that the pin was made by; what a branch is by now only upstream knows."""
    return (pin.ref, short_ref(pin.ref)) if pin.ref.startswith("refs/tags/") else ()


def known_findings(rt: Runtime, snapshot: Snapshot, name: SourceName, commit: Oid) -> tuple[str, ...]:
    """Return which findings a forced pin to *commit* would accept, by the last scan of it that is known."""
    block_on, pin = snapshot.manifest.policy.scan_block_on, snapshot.lock.pins.get(name)
    known = None if block_on == "none" else rt.scans.history.known_scan(commit)
    pinned = pin if pin is not None and pin.commit == commit else None
    accepted = frozenset[str]() if pinned is None else accepted_findings(snapshot.approvals, pinned)
    signed = snapshot.has_keys
    blocked = None if known is None else blocked_by(known, name, block_on, accepted, is_new=True, signed=signed)
    if blocked is None and pinned is not None:
        blocked = scan_blocked(snapshot, name, pinned)
    return tuple(sorted(blocked.ids)) if blocked is not None else ()
