"""What recorded scans forbid. Pure; sync, reset, resume and pin ask the same function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from git_hybrid.core.approval import Approvals
from git_hybrid.core.audit import detail_of
from git_hybrid.core.errors import ScanBlocked, ScanFindings
from git_hybrid.core.governance import renewal, unbound
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Level, Manifest, Track, track_field
from git_hybrid.core.override import Override, is_in_force, lost_overrides, phase, restoring
from git_hybrid.core.scanners import besides
from git_hybrid.core.scans import Finding, blocking_findings, by_severity, counts_told
from git_hybrid.core.state import FindingRef, ScanStatus, SourceState, State
from git_hybrid.core.values import format_time
from git_hybrid.core.words import BRING_BACK, FOLLOWED_BY, approval_words, as_typed, counted

if TYPE_CHECKING:
    from git_hybrid.core.plan import Snapshot

SHOWN = 5
_LEAVE_OUT = "or leave out in the scanner's settings what is not used here"


def accepted_findings(approvals: Approvals, pin: Pin) -> frozenset[str]:
    """Return the ids of the findings on the pinned commit that an override in force accepts."""
    return frozenset(name for item in accepting(approvals, pin) for name in item.findings)


def accepting(approvals: Approvals, pin: Pin) -> tuple[Override, ...]:
    """Return the overrides in force for the pinned commit that accept findings."""
    return tuple(
        item
        for item in approvals.overrides.of(pin.source)
        if item.findings
        and item.to_commit == pin.commit
        and is_in_force(item, approvals.clock)
        and not unbound(item, approvals.trail)
        and not approvals.doubt(item)
    )


def may_accept(record: Override, scan: ScanStatus, block_on: Level) -> bool:
    """Tell whether *scan* has findings that *record* accepts, or may have: it is not whole, or not all are named."""
    ids, count = blocking_findings(scan, block_on)
    return scan.state not in ("clean", "findings") or count > len(ids) or not set(ids).isdisjoint(record.findings)


def recorded_scan(snapshot: Snapshot, name: SourceName, pin: Pin) -> ScanStatus | None:
    """Return the last scan of the pinned commit, by state and the log; None if there is none."""
    recorded, scan = snapshot.state.sources.get(name), snapshot.scan_trail.told.get(name)
    if scan is None and recorded is not None:
        scan = recorded.scan
    return None if scan is None or scan.commit != pin.commit else scan


def scan_blocked(snapshot: Snapshot, name: SourceName, pin: Pin) -> ScanBlocked | None:
    """Return the error that keeps the pinned commit from being installed, if a scan of it says so."""
    own = recorded_scan(snapshot, name, pin)
    unproved = snapshot.scan_trail.unproved
    return found_in(pin, own, snapshot.approvals, snapshot.manifest, state=snapshot.state, unproved=unproved)


def found_in(
    pin: Pin,
    own: ScanStatus | None,
    approvals: Approvals,
    manifest: Manifest,
    *,
    state: State,
    unproved: Collection[str],
) -> ScanBlocked | None:
    """Return the error for what scans of the pinned commit found and no override accepts.

    *own* is the last one of its source; those of other sources count as :func:`found_elsewhere` says.
    """
    if own is not None and (blocked := unaccepted(own, pin, approvals, manifest)) is not None:
        return blocked
    others = found_elsewhere(state, unproved, manifest, pin, own)
    errors = (unaccepted(item.scan, pin, approvals, manifest, by=item.name) for item in others)
    return next((error for error in errors if error is not None), None)


def elsewhere(snapshot: Snapshot, pin: Pin, own: ScanStatus | None) -> Sequence[SourceState]:
    """Return the entries of other sources whose scans count for the pinned commit (:func:`found_elsewhere`)."""
    return found_elsewhere(snapshot.state, snapshot.scan_trail.unproved, snapshot.manifest, pin, own)


def found_elsewhere(
    state: State, unproved: Collection[str], manifest: Manifest, pin: Pin, own: ScanStatus | None
) -> Sequence[SourceState]:
    """Return the entries of other sources that have found something in the pinned commit after *own*, newest first.

    *unproved* names those that do not count. What a source installs besides the files of the commit, such as
    submodules, was scanned there too; so one that has more of that says nothing here.
    """
    unclean = state.unclean(pin.commit)
    if not unclean:
        return ()
    more = set(besides(manifest.sources.get(pin.source)))

    def counts(entry: SourceState) -> bool:
        is_later = own is None or _time(entry.scan) > _time(own)
        is_other = entry.name != pin.source and entry.name not in unproved
        return is_later and is_other and more.issuperset(besides(manifest.sources.get(entry.name)))

    return sorted(filter(counts, unclean), key=lambda entry: _time(entry.scan), reverse=True)


def _time(scan: ScanStatus) -> str:
    return "" if scan.scanned_at is None else format_time(scan.scanned_at)


def accepted_by(snapshot: Snapshot, pin: Pin, scan: ScanStatus) -> Override | None:
    """Return the override by which blocking findings on the pinned commit are accepted, of several the next to end.

    *scan* is what the state of the source has.
    """
    own = scan if scan.commit == pin.commit else None
    scans = [item.scan for item in elsewhere(snapshot, pin, own)]
    scans += [] if own is None else [own]
    block_on = snapshot.manifest.policy.scan_block_on
    ids = {name for item in scans for name in blocking_findings(item, block_on)[0]}
    named = [item for item in accepting(snapshot.approvals, pin) if not ids.isdisjoint(item.findings)] if ids else []
    return min(named, key=lambda item: item.expires_at, default=None)


def what_is_found(snapshot: Snapshot, pin: Pin, scan: ScanStatus, findings: Sequence[Finding]) -> ScanFindings:
    """Return the error for a *scan* of the pinned commit that has *findings*, with what overrides accept of them."""
    blocked = unaccepted(scan, pin, snapshot.approvals, snapshot.manifest)
    ids = [item.id for item in findings]
    named = [item for item in accepting(snapshot.approvals, pin) if not set(ids).isdisjoint(item.findings)]
    accepted = ""
    if named:
        every = {name for item in named for name in item.findings}
        count = sum(name in every for name in ids)
        which = "" if count == len(ids) else f"{count} of them "
        by = (f"{item.id} until {format_time(item.expires_at)}" for item in sorted(named, key=lambda x: x.expires_at))
        accepted = f", {which}accepted by {' and '.join(by)}"
    return ScanFindings(
        name=pin.source,
        commit=(scan.commit or "")[:10],
        counted=counts_told(scan),
        findings=finding_lines(by_severity(findings)),
        accept="" if blocked is None else blocked.accept,
        move="" if blocked is None else blocked.move,
        accepted=accepted,
        rules=_rules(findings),
    )


def _rules(findings: Iterable[FindingRef | Finding]) -> tuple[str, ...]:
    """Return the rules by which *findings* were made, each once; none where one is not known."""
    rules = {item.rule for item in findings}
    return () if "" in rules else tuple(sorted(rules))


def unaccepted(
    scan: ScanStatus, pin: Pin, approvals: Approvals, manifest: Manifest, *, by: SourceName | None = None
) -> ScanBlocked | None:
    """Return the error for those findings of *scan*, which is of the pinned commit, that no override accepts.

    *by* is the source whose scan it is, where that is another one.
    """
    accepted, source = accepted_findings(approvals, pin), manifest.sources.get(pin.source)
    track, block_on = None if source is None else source.track, manifest.policy.scan_block_on
    has_scanner, signed = bool(manifest.scanners), approvals.signed
    blocked = blocked_by(scan, pin.source, block_on, accepted, track=track, signed=signed, has_scanner=has_scanner)
    if blocked is not None and by is not None:
        blocked.findings = (*blocked.findings, f"found by the scan of {by}, which has the same commit")
        blocked.again = f"{_LEAVE_OUT}, then: git hybrid scan {by}{as_typed()}" if has_scanner else ""
    return with_former(blocked, approvals, pin)


def with_former(blocked: ScanBlocked | None, approvals: Approvals, pin: Pin) -> ScanBlocked | None:
    """Return *blocked*; findings that were accepted once are not approved anew: a lost override is restored.

    One that has expired is named, and renewed where it accepts all of them.
    """
    if blocked is None:
        return None
    ids = set(blocked.ids)
    if expired := _expired(ids, approvals, pin):
        blocked.former = f", accepted by {expired.id} until it expired at {format_time(expired.expires_at)}"
        if blocked.accept and ids.issubset(expired.findings):
            blocked.accept = renewal(expired.id, signed=approvals.signed)
    for identity, record in lost_overrides(approvals.overrides, approvals.trail).items():
        told = detail_of(record)
        findings, end = told.get("findings"), str(told.get("expires_at", ""))
        accepts = isinstance(findings, list) and not ids.isdisjoint(map(str, findings))
        is_its = (record.get("source"), record.get("after")) == (pin.source, pin.commit)
        if is_its and accepts and end > format_time(approvals.clock):
            blocked.accept = restoring(identity)
            break
    return _until_back(blocked, approvals, pin)


def _until_back(blocked: ScanBlocked, approvals: Approvals, pin: Pin) -> ScanBlocked:
    """Return *blocked*; what the record of may be in an archive that is not there is not approved anew either."""
    named = [item for item in approvals.overrides.of(pin.source) if not set(blocked.ids).isdisjoint(item.findings)]
    if any(unbound(item, approvals.trail) for item in named) and (absent := approvals.trail.absent()):
        blocked.former = f"; what accepts them may be in {absent}"
        blocked.accept, blocked.move, blocked.again = BRING_BACK, "", ""
    return blocked


def _expired(ids: Collection[str], approvals: Approvals, pin: Pin) -> Override | None:
    """Return the override that accepted findings *ids* of the pinned commit until it expired, of several the last."""
    found = (
        item
        for item in approvals.overrides.of(pin.source)
        if item.to_commit == pin.commit and not set(item.findings).isdisjoint(ids)
        if phase(item, approvals.clock) == "expired" and not unbound(item, approvals.trail)
    )
    return max(found, key=lambda item: item.expires_at, default=None)


def blocked_by(
    scan: ScanStatus,
    name: SourceName,
    block_on: Level,
    accepted: frozenset[str] = frozenset(),
    *,
    track: Track | None = None,
    is_new: bool = False,
    signed: bool,
    has_scanner: bool = True,
) -> ScanBlocked | None:
    """Return the error for the findings of *scan* that policy blocks on, or None if there is none.

    *track* is what the source follows, *is_new*: it is not pinned to the commit yet, *signed*: policy names keys, so an
    approval takes a signature, *has_scanner*: a commit can be scanned.
    """
    ids, count = blocking_findings(scan, block_on, accepted)
    if not count:
        return None
    blocking = [item for item in scan.findings if item.id in ids]
    lines = [finding_line(item) for item in blocking][:SHOWN]
    more = [f"and {count - len(lines)} more"] if count > len(lines) and lines else []
    what, more_typed = (f"--to {scan.commit}", as_typed(*FOLLOWED_BY)) if is_new else ("--kind scan", "")
    to_pin, to_scan = f"git hybrid pin {name}{' --scan' if has_scanner else ''}", f"git hybrid scan {name}"
    # The audit log has ids and no places.
    is_bare = any(not item.rule for item in blocking)
    first = "what was found, and where" if is_bare else f"{_LEAVE_OUT}, then"
    return ScanBlocked(
        name=name,
        commit=(scan.commit or "")[:10],
        level=block_on,
        counted=counted(count, "finding"),
        findings=(*lines, *more),
        ids=ids,
        accept=f"git hybrid pin {name} {what} {approval_words(signed=signed)}{more_typed}" if len(ids) == count else "",
        move="" if is_new or track is None else _moving(track, to_pin),
        again=f"{first}: {to_pin if is_new else to_scan}{as_typed()}" if has_scanner else "",
        former="" if ids else ", none of which has an id that an approval could name",
        others=count - len(ids),
        rules=_rules(item for item in scan.findings if item.id in ids),
    )


def _moving(track: Track, again: str) -> str:
    """Return how a source comes to another commit; what a tag or a commit names does not move by itself."""
    key, _ = track_field(track)
    if key in ("branch", "version"):
        return f"once upstream has a newer commit: {again}"
    return f"follow another {key}: {again} --{key} {'TAG' if key == 'tag' else 'ID'}"


def finding_line(item: FindingRef | Finding) -> str:
    """Return one finding in words: its level, rule, place and id."""
    line = f":{item.line}" if isinstance(item, Finding) and item.line else ""
    words = (item.level, item.rule, f"{item.path}{line}" if item.path else "", f"({item.id})")
    return " ".join(word for word in words if word)


def finding_lines(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return *findings* in words, at most :data:`SHOWN` and how many there are besides."""
    lines = [finding_line(item) for item in findings[:SHOWN]]
    return (*lines, *([f"and {len(findings) - SHOWN} more"] if len(findings) > SHOWN else []))
