"""``git hybrid scan``: run the scanners on the pinned commits, and record what they say.

The scanners run without the writer lock: they take minutes, and read nothing but the object store. What they said is
recorded under the lock, if the pin is still the one that was scanned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.app.executor import run_all
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scan_choice import pin_to_scan, to_renew
from git_hybrid.app.scan_errand import of_commit, scan_fetched, scan_group, scan_here
from git_hybrid.app.scanning import Scan, incomplete_scan, keeping, scan_commit, scanned_before, with_scan
from git_hybrid.app.select import select
from git_hybrid.app.settling import refuse_unfinished, settled
from git_hybrid.app.spreading import carried_out, errands_of
from git_hybrid.app.waiving import waivers
from git_hybrid.core.errors import (
    DecidedOnly,
    HybridError,
    Interrupted,
    NoScanner,
    NotInstalled,
    ScanOvertaken,
)
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.ports_spread import Spread
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.scan_losses import loss_since
from git_hybrid.core.scan_policy import finding_lines, what_is_found
from git_hybrid.core.scan_report import Baseline, ScanReport
from git_hybrid.core.scanners import besides
from git_hybrid.core.scans import by_severity
from git_hybrid.core.state import ScanStatus
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_age


class ScanRequest(Struct, frozen=True, kw_only=True):
    """What the command line says.

    ``stale``: only what has no fresh result, or none that is fresh for long, and what a scanner said of the same files
    counts where it still does; else all of them run. ``diff``: compare with the pin before.
    """

    names: Sequence[str] = ()
    groups: Sequence[str] = ()
    stale: bool = False
    diff: bool = False


class _Done(Struct, frozen=True, kw_only=True):
    scan: Scan
    baseline: Baseline | None


def scan(rt: Runtime, request: ScanRequest) -> ScanReport:
    """Scan the selected sources, record the results, and return them.

    Raises:
        NoScanner: the manifest has none.
        UnfinishedRun: an interrupted sync has to be finished first.
        UnknownSource: a name or group is not in the manifest.
        WorkspaceGone: the workspace went away meanwhile.
        LockBusy, InvalidFile, NewerSchema, SymlinkRefused: nothing was scanned.
    """
    snapshot, mended = settled(rt)
    selected = select(snapshot.manifest, request.names, request.groups)
    if not snapshot.manifest.scanners:
        raise NoScanner
    for name in selected:
        rt.scans.reports.require_place(name)
    early: tuple[str, ...] = ()
    if request.stale:
        snapshot, selected, early = to_renew(rt, snapshot, selected)
    ready = {name: pin_to_scan(rt, snapshot, name) for name in selected}
    rows = {name: failed(name, item) for name, item in ready.items() if isinstance(item, HybridError)}
    pins = {name: item for name, item in ready.items() if isinstance(item, Pin)}
    results = _scan_all(rt, snapshot, pins, request)
    rt.ledger.require_place()
    done = {name: item for name, item in results.items() if isinstance(item, _Done)}
    rows |= {name: failed(name, item) for name, item in results.items() if isinstance(item, HybridError)}
    moved, recorded, error = dict[SourceName, HybridError](), dict[SourceName, ScanStatus](), None
    try:
        notes, moved, recorded = _record(rt, {name: (pins[name], item.scan) for name, item in done.items()})
    except HybridError as failure:
        # What was found is told all the same.
        notes, error = [*failure.mended], failure
        if not isinstance(failure, DecidedOnly):
            notes.append("what was found is not recorded: git hybrid scan")
    rows |= {
        name: failed(name, moved[name]) if name in moved else _row(rt, snapshot, name, item)
        for name, item in done.items()
    }
    report = Report(
        command="scan",
        rows=tuple(row for _, row in sorted(rows.items())),
        run=rt.info.run,
        notes=(*mended, *early, *notes),
        interrupted=rt.cancelled(),
        error=error,
    )
    return ScanReport(
        report=report,
        status={name: recorded.get(name) or _stands(snapshot, name, item.scan) for name, item in done.items()},
        findings={name: tuple(by_severity(item.scan.findings)) for name, item in done.items()},
        baselines={name: item.baseline for name, item in done.items() if item.baseline is not None},
    )


def _scan_all(
    rt: Runtime, snapshot: Snapshot, pins: Mapping[SourceName, Pin], request: ScanRequest
) -> dict[SourceName, _Done | HybridError]:
    """Scan each tree once, whatever number of sources has it."""
    trees: dict[tuple[Oid, tuple[str, ...]], list[SourceName]] = {}
    for name, pin in pins.items():
        trees.setdefault((pin.tree, besides(snapshot.manifest.sources[name])), []).append(name)
    groups = tuple(trees.values())
    if rt.spread is not None:
        found = _elsewhere(rt, rt.spread, snapshot, groups, again=not request.stale)
        return {name: _finished(rt, snapshot, pins[name], made, diff=request.diff) for name, made in found.items()}

    def work(names: Sequence[SourceName]) -> dict[SourceName, _Done | HybridError]:
        def look(name: SourceName) -> Scan:
            return scan_here(rt, snapshot, name, pins[name], again=not request.stale)

        made = scan_group(rt, names, pins, look)
        return {name: _finished(rt, snapshot, pins[name], item, diff=request.diff) for name, item in made.items()}

    rt.progress("begin", "scanning", str(len(pins)))
    results = run_all(work, groups, jobs=rt.jobs or snapshot.manifest.defaults.jobs, cancelled=rt.cancelled)
    done: dict[SourceName, _Done | HybridError] = {}
    stopped = Interrupted(signal=rt.cancelled(), begun=False)
    for names, result in zip(groups, results, strict=True):
        done |= result if result is not None else dict.fromkeys(names, stopped)
    return done


def _finished(
    rt: Runtime, snapshot: Snapshot, pin: Pin, made: Scan | HybridError, *, diff: bool
) -> _Done | HybridError:
    if isinstance(made, HybridError):
        return made
    name = pin.source
    try:
        made = keeping(rt, snapshot, made)
        made = replace(made, recorded=_is_recorded(snapshot, name, made.status))
        return _Done(scan=made, baseline=_baseline(rt, snapshot, pin) if diff else None)
    except HybridError as error:
        return error.about(name)


def _elsewhere(
    rt: Runtime, spread: Spread, snapshot: Snapshot, groups: Sequence[Sequence[SourceName]], *, again: bool
) -> dict[SourceName, Scan | HybridError]:
    """Let workers scan what is not known already, or *again* all of it."""
    pins = snapshot.lock.pins
    found: dict[SourceName, Scan | HybridError] = {}
    for names in () if again else groups:
        pin = pins[names[0]]
        known = scanned_before(rt, snapshot, names[0], pin.commit, pin.tree)
        if known is not None:
            found |= {name: of_commit(known, pins[name]) for name in names}
    left = [names for names in groups if names[0] not in found]
    errands = errands_of(rt, spread, snapshot, left, waived=waivers(snapshot))
    return found | carried_out(rt, spread, scan_fetched, errands)


def _is_recorded(snapshot: Snapshot, name: SourceName, status: ScanStatus) -> bool:
    """Tell whether state says all of this already; the report only tells the same in other words."""
    before = snapshot.state.sources[name].scan
    if name in snapshot.scan_trail.unproved:
        return False
    return replace(before, report_sha256=status.report_sha256) == status


def _stands(snapshot: Snapshot, name: SourceName, made: Scan) -> ScanStatus:
    """Return the status of *made* as state has it; what could not be recorded stands for itself."""
    return snapshot.state.sources[name].scan if made.recorded else made.status


def _baseline(rt: Runtime, snapshot: Snapshot, pin: Pin) -> Baseline:
    """Return what the pin before has; it is scanned for this alone, and not recorded."""
    before = rt.scans.history.previous_pin(pin.source, pin.commit)
    stage = rt.clones.as_stage(pin.source)
    is_there = isinstance(rt.clones.inspect(pin.source, None), Clone)
    if before is None or not is_there or not rt.objects.has_content(stage, before):
        return Baseline(commit=before, ids=None)
    tree = rt.objects.facts(stage, before, complete=False).tree
    try:
        made = scan_commit(rt, snapshot, pin.source, stage, before, tree)
    except NotInstalled:
        return Baseline(commit=before, ids=None)
    complete = made.status.state != "error"
    return Baseline(commit=before, ids=frozenset(item.id for item in made.findings) if complete else None)


def _record(
    rt: Runtime, done: Mapping[SourceName, tuple[Pin, Scan]]
) -> tuple[list[str], dict[SourceName, HybridError], dict[SourceName, ScanStatus]]:
    """Write what is new into the files; return what was mended first, the sources that changed meanwhile, and the rest.

    Of the rest the status is returned that was recorded.
    """
    fresh = {name: item for name, item in done.items() if not item[1].recorded}
    if not fresh:
        return [], {}, {}
    moved: dict[SourceName, HybridError] = {}
    with rt.recording() as mended:
        now = rt.ledger.snapshot()
        refuse_unfinished(now)
        decision = Decision()
        for name, (pin, made) in sorted(fresh.items()):
            if (overtaken := _overtaken(now, name, pin)) is not None:
                moved[name] = overtaken
            else:
                decision = with_scan(rt, decision, now, name, made)
        if decision.events:
            rt.ledger.record(rt.info, decision, ())
        return list(mended), moved, {name: entry.scan for name, entry in decision.entries.items()}


def _overtaken(now: Snapshot, name: SourceName, pin: Pin) -> ScanOvertaken | None:
    """Return what became of the source meanwhile that was scanned at *pin*; None where it stands there still."""
    if name not in now.manifest.sources:
        return ScanOvertaken(name=name, commit=pin.commit, what="it was removed", again="git hybrid status")
    current = now.lock.pins.get(name)
    if current is not None and current.commit == pin.commit and name in now.state.sources:
        return None
    what = "its pin was lost" if current is None else "its pin moved"
    return ScanOvertaken(name=name, commit=pin.commit, what=what, again=f"git hybrid scan {name}")


def _row(rt: Runtime, snapshot: Snapshot, name: SourceName, item: _Done) -> Row:
    made, status = item.scan, item.scan.status
    told = ("not installed: fetched for the scan",) if made.fetched and rt.spread is None else ()
    notes = (*told, *(f"not scanned again: {text}" for text in _reused(rt, made)), *_baseline_notes(item))
    before = snapshot.state.sources.get(name)
    if before is not None and (loss := loss_since(before.scan, status)) is not None:
        notes = (*notes, loss.told)
    row = Row(name=name, outcome=status.state, after=status.commit, notes=notes)
    if (incomplete := incomplete_scan(name, status, again=f"git hybrid scan {name}")) is not None:
        return replace(row, error=incomplete)
    if made.findings:
        return replace(row, error=what_is_found(snapshot, snapshot.lock.pins[name], status, made.findings))
    return row


def _reused(rt: Runtime, made: Scan) -> list[str]:
    records = [record for record in made.status.scanners if record.name in made.reused]
    return [f"{item.name} saw the same files {format_age(rt.info.now - item.scanned_at)} ago" for item in records]


def _baseline_notes(item: _Done) -> list[str]:
    baseline = item.baseline
    if baseline is None:
        return []
    if baseline.commit is None:
        return ["no pin before this one: everything is new"]
    if baseline.ids is None:
        return [f"the pin before, {baseline.commit[:10]}, could not be scanned: everything counts as new"]
    old = baseline.ids
    new = [finding for finding in by_severity(item.scan.findings) if finding.id not in old]
    gone = len(old - {finding.id for finding in item.scan.findings})
    head = f"since {baseline.commit[:10]}: {len(new)} new, {gone} gone"
    return [head, *(f"new: {line}" for line in finding_lines(new))]
