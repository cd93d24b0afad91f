"""Scan one commit with every scanner of the manifest. Used by scan and by ``pin --scan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.app.force import Objections
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.scan_files import files_of
from git_hybrid.core.audit import Event
from git_hybrid.core.digest import sha256_hex
from git_hybrid.core.errors import HybridError, ScanIncomplete
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_scan import Fill, Scanned, Unusable
from git_hybrid.core.reducer import Decision
from git_hybrid.core.scan_kept import kept
from git_hybrid.core.scan_policy import accepted_findings, blocked_by, scan_blocked
from git_hybrid.core.scanners import ScannerSpec, besides, spec_digest, spec_of
from git_hybrid.core.scans import Finding, Identity, can_reuse, scan_event, status_of
from git_hybrid.core.state import ScannerRecord, ScanStatus, SourceState
from git_hybrid.core.value import Struct, replace

UNKNOWN_RULES = "sha256:" + "0" * 64
"""Stands for the rules of a scanner that is not there to be asked."""


class Scan(Struct, frozen=True, kw_only=True):
    """What all scanners said of one commit; ``reused`` names those that were not run again.

    ``recorded``: state says so already. ``fetched``: the files were fetched for it, as no clone has them.
    """

    status: ScanStatus
    runs: tuple[Mapping[str, object], ...]
    findings: tuple[Finding, ...]
    reused: frozenset[str] = frozenset()
    recorded: bool = False
    fetched: bool = False


class Refused(Exception):
    """A scan that was asked for keeps a pin from moving; ``event`` tells the audit log of it, ``notes`` more of why."""

    def __init__(self, why: HybridError, event: Event, notes: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.why = why
        self.event = event
        self.notes = notes


class _One(Struct, frozen=True, kw_only=True):
    record: ScannerRecord
    runs: tuple[Mapping[str, object], ...] = ()
    findings: tuple[Finding, ...] = ()
    reused: bool = False


def scan_commit(
    rt: Runtime,
    snapshot: Snapshot,
    name: SourceName,
    stage: Stage,
    commit: Oid,
    tree: Oid,
    *,
    fetch: bool = False,
    again: bool = False,
) -> Scan:
    """Return what the scanners say of *commit*, whose files are those of *tree* and whose objects are in *stage*.

    A scanner that fails does not keep the others from running; what an incomplete scan keeps of earlier ones is for
    :func:`keeping`. With *fetch* the stage is no clone (:func:`git_hybrid.app.scan_files.files_of`). What a scanner
    said of these files before counts for it, but with *again*.

    Raises:
        HybridError: the files could not be exported, or the run was interrupted.
    """
    source, results = snapshot.manifest.sources[name], list[_One]()
    with files_of(rt, snapshot.manifest, source, stage, commit, fetch=fetch) as fill:
        for scanner in snapshot.manifest.scanners:
            rt.stop_if_cancelled()
            spec = spec_of(scanner)
            identity = rt.scans.scanners.identify(spec)
            known = None if again else _known(rt, snapshot, source, tree, spec, identity)
            results.append(known or _one(rt, source, spec, identity, fill))
    return _together(results, commit, tree)


def _one(rt: Runtime, source: Source, spec: ScannerSpec, identity: Identity | Unusable, fill: Fill) -> _One:
    said: Scanned | Unusable
    if isinstance(identity, Unusable):
        said, rules = identity, UNKNOWN_RULES
    else:
        rt.progress("step", source.name, f"scanning with {spec.name}")
        said, rules = rt.scans.scanners.run(spec, identity, fill), identity.rules_digest
    record = ScannerRecord(
        name=spec.name,
        state="error",
        version="",
        config_digest=spec_digest(spec, besides(source)),
        rules_digest=rules,
        scanned_at=rt.info.now.replace(microsecond=0),
    )
    if isinstance(said, Unusable):
        return _One(record=replace(record, reason=said.reason[:500]))
    record = replace(record, state="findings" if said.findings else "clean", version=said.version)
    return _One(record=record, runs=said.runs, findings=said.findings)


def scanned_before(rt: Runtime, snapshot: Snapshot, name: SourceName, commit: Oid, tree: Oid) -> Scan | None:
    """Return what is known of the files of *tree*; None if one scanner of the manifest would have to look at them."""
    source, results = snapshot.manifest.sources[name], list[_One]()
    for spec in map(spec_of, snapshot.manifest.scanners):
        known = _known(rt, snapshot, source, tree, spec, rt.scans.scanners.identify(spec))
        if known is None:
            return None
        results.append(known)
    return _together(results, commit, tree)


def _together(results: Sequence[_One], commit: Oid, tree: Oid) -> Scan:
    findings = tuple(finding for result in results for finding in result.findings)
    records = [result.record for result in results]
    return Scan(
        status=status_of(records, findings, commit=commit, tree=tree),
        runs=tuple(run for result in results for run in result.runs),
        findings=findings,
        reused=frozenset(result.record.name for result in results if result.reused),
    )


def keeping(rt: Runtime, snapshot: Snapshot, made: Scan) -> Scan:
    """Return *made*; if it is incomplete, with what earlier scans found in the same files, by the audit log.

    Raises:
        InvalidFile, LocalIo, NewerSchema: the log does not say that.
    """
    status = made.status
    if status.state != "error" or status.commit is None:
        return made
    told = with_places(snapshot, kept(status, rt.scans.history.known_scan(status.commit, status.tree)))
    here = {finding.id for finding in made.findings}
    more = tuple(
        Finding(
            id=ref.id,
            level=ref.level,
            scanner=ref.scanner,
            rule=ref.rule,
            path=ref.path,
            line=0,
            message="found by an earlier scan",
        )
        for ref in told.findings
        if ref.id not in here
    )
    return replace(made, status=told, findings=(*made.findings, *more))


def with_places(snapshot: Snapshot, scan: ScanStatus) -> ScanStatus:
    """Return *scan* with the rules and paths of its findings: the log has none, state has, of what is borne out."""
    if all(ref.rule for ref in scan.findings):
        return scan
    known = {ref.id: ref for entry in _proved(snapshot) for ref in entry.scan.findings}
    return replace(scan, findings=tuple(ref if ref.rule else known.get(ref.id, ref) for ref in scan.findings))


def _proved(snapshot: Snapshot) -> list[SourceState]:
    """Return the entries of state whose scan a record of the log bears out."""
    return [entry for entry in snapshot.state.sources.values() if entry.name not in snapshot.scan_trail.unproved]


def _known(
    rt: Runtime, snapshot: Snapshot, source: Source, tree: Oid, spec: ScannerSpec, identity: Identity | Unusable
) -> _One | None:
    """Return what *spec* said of the same files before, in this source or in another, if that still counts."""
    if isinstance(identity, Unusable):
        return None
    sought = spec.name, spec_digest(spec, besides(source))
    for entry in sorted(_proved(snapshot), key=lambda entry: entry.name != source.name):
        scan = entry.scan
        record = next((item for item in scan.scanners if (item.name, item.config_digest) == sought), None)
        if record is None or scan.report_sha256 is None:
            continue
        if not can_reuse(record, scan, identity, tree=tree, manifest=snapshot.manifest, now=rt.info.now):
            continue
        said = rt.scans.reports.runs_of(entry.name, scan.report_sha256, spec.name)
        if said is not None:
            return _One(record=record, runs=said.runs, findings=said.findings, reused=True)
    return None


def incomplete_scan(name: SourceName, status: ScanStatus, *, again: str) -> ScanIncomplete | None:
    """Return the error for the scanners that did not come to their end, or None if all did; *again* scans anew."""
    failures = tuple(f"{record.name}: {record.reason}" for record in status.scanners if record.state == "error")
    return ScanIncomplete(name=name, reasons=failures, again=again) if failures else None


def with_scan(rt: Runtime, decision: Decision, snapshot: Snapshot, name: SourceName, made: Scan) -> Decision:
    """Return *decision* with the result of one scan in it; its report is kept for the decision to name.

    A source that was never installed has no state entry to hold it: then the audit log alone tells of the scan.
    """
    if name not in snapshot.state.sources:
        return replace(decision, events=[*decision.events, scan_event(name, made.status)])
    report = rt.scans.reports.encode(made.runs)
    rt.scans.reports.stage(rt.info.run, name, report)
    sha256 = sha256_hex(report)
    status = replace(made.status, report_sha256=sha256)
    entry = replace(snapshot.state.sources[name], scan=status)
    return replace(
        decision,
        events=[*decision.events, scan_event(name, status)],
        entries={**decision.entries, name: entry},
        reports={**decision.reports, name: sha256},
    )


def meet_scan(rt: Runtime, snapshot: Snapshot, new: Pin, objections: Objections, scanned: Scan | None) -> None:
    """Object to what a scan of the new commit found: the one that was made now, else the last that is known.

    Raises:
        ScanBlocked: policy blocks on what the last one found.
        Refused: it blocks on what was found now, or the scan is incomplete.
    """
    block_on, signed = snapshot.manifest.policy.scan_block_on, snapshot.has_keys
    accepted = accepted_findings(snapshot.approvals, new)
    if scanned is None:
        known = None if block_on == "none" else rt.scans.history.known_scan(new.commit, new.tree)
        known, has = known and with_places(snapshot, known), bool(snapshot.manifest.scanners)
        blocked = known and blocked_by(
            known, new.source, block_on, accepted, is_new=True, signed=signed, has_scanner=has
        )
        objections.meet(blocked or scan_blocked(snapshot, new.source, new))
        return
    blocked = blocked_by(scanned.status, new.source, block_on, accepted, is_new=True, signed=signed)
    incomplete = incomplete_scan(new.source, scanned.status, again=f"git hybrid pin {new.source} --scan")
    if (error := blocked or incomplete) is not None and not objections.lifts(error):
        reasons = () if incomplete is None or error is incomplete else incomplete.reasons
        notes = tuple(f"the scan is incomplete: {reason}" for reason in reasons)
        raise Refused(error, scan_event(new.source, scanned.status, refused=True), notes)
    for error in (blocked, incomplete):
        objections.meet(error)
