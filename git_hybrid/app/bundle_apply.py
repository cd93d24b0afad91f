"""``git hybrid bundle apply``: take over what a bundle brings, after the same gates as a fetch, and sync to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from git_hybrid.app.bases import Base, bases_of, last_of_log, of_log, unless_allowed
from git_hybrid.app.bundle_verify import Opened, Proved, verify_bundle
from git_hybrid.app.edit import Editor
from git_hybrid.app.force import Objections, closing_events, superseded
from git_hybrid.app.pin import refuse_unfinished
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.sync import report_of, sync_selected
from git_hybrid.core.approval import Signatures, Verify, as_approved, doubtful, signers_of, unmet
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import (
    SERVED,
    BundleContent,
    Had,
    LogEnd,
    Receipt,
    changed_pins,
    edits,
    may_join,
    moved,
    tip_of,
)
from git_hybrid.core.canonical import Json
from git_hybrid.core.errors import HybridError, OldBundle, PolicyNotMet
from git_hybrid.core.governance import governed
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import Override, digest, event_of
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_bundle import BundleTool
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.resolve import Move, forbidden_move
from git_hybrid.core.scan_policy import accepted_findings, blocked_by
from git_hybrid.core.scans import scan_detail
from git_hybrid.core.state import SourceState
from git_hybrid.core.value import Struct, replace


class Applying(Struct, frozen=True, kw_only=True):
    """What ``apply`` is given besides the bundle: how the manifest is edited, and which end of a log was applied last.

    ``applied`` takes the id of a log; ``verify`` checks the signature of an approval.
    ``adopt``: the workspace is new, so the manifest of the bundle becomes its own, policy and all.
    """

    tool: BundleTool
    editor: Editor
    verify: Verify
    applied: Callable[[str], LogEnd | None]
    adopt: bool


def apply_bundle(rt: Runtime, bundle: Opened, how: Applying) -> tuple[Report, Receipt]:
    """Prove the bundle, record its pins, and bring the clones to them without any network.

    Either every source of the bundle may be taken over, or nothing is recorded. Returns the report, and what the
    workspace has now: the receipt for the next bundle.

    Raises:
        UnfinishedRun: an interrupted run has to be finished first.
        OldBundle: a newer bundle was applied already.
        BadBundle: the parts of the bundle do not agree.
    """
    content = bundle.content
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        refuse_unfinished(snapshot)
        _refuse_old(content, how.applied(content.log.log_id))
        manifest = content.manifest if how.adopt else snapshot.manifest
        proved = verify_bundle(rt, how.tool, bundle, manifest)
        refused = _refused(rt, content, snapshot, proved, how)
        if refused:
            rows = [refused.get(row.name, row) for row in proved.report.rows]
            return Report(command="bundle apply", rows=tuple(rows), run=rt.info.run), Receipt()
        decision = _decision(rt, content, snapshot, how)
        if decision.events:
            rt.ledger.record(rt.info, decision, ())
        served_as = SERVED + content.sha256
        inside = replace(rt, offline="bundle apply", bundles=bundle.file, served_as=served_as, cache=None)
        names = tuple(sorted(content.lock.pins))
        rows = sync_selected(inside, rt.ledger.snapshot(), names)
        report = report_of(rt, "bundle apply", rows, mended)
        if not report.pending:
            _take_scans(rt, content)
        return report, _receipt(rt)


def _refuse_old(content: BundleContent, applied: LogEnd | None) -> None:
    if applied is None or content.log.seq >= applied.seq:
        return
    raise OldBundle(path=content.path, found=str(content.log.seq), applied=str(applied.seq))


def _refused(
    rt: Runtime, content: BundleContent, snapshot: Snapshot, proved: Proved, how: Applying
) -> dict[SourceName, Row]:
    """Return the rows of the sources that may not be taken over."""
    rows = {row.name: row for row in proved.report.rows if row.error is not None}
    for name, error in ({} if how.adopt else may_join(content, snapshot.manifest)).items():
        rows.setdefault(name, failed(name, error))
    for name, pin in content.lock.pins.items():
        if name in rows:
            continue
        try:
            _judge(rt, content, snapshot, pin, proved, how)
        except HybridError as error:
            rows[name] = failed(name, error)
    return rows


def _judge(rt: Runtime, content: BundleContent, snapshot: Snapshot, new: Pin, proved: Proved, how: Applying) -> None:
    """Raise unless the pin may move as a plain ``pin`` may, or an override allows it on this side too."""
    old, source = snapshot.lock.pins.get(new.source), content.manifest.sources[new.source]
    if how.adopt:
        snapshot = replace(snapshot, manifest=replace(snapshot.manifest, policy=content.manifest.policy))
    _refuse_findings(content, snapshot, new, how.verify)
    if old == new and not _is_renewed(content, snapshot, new):
        return
    objections = Objections(forced=new.override is not None)
    lost = () if old else last_of_log(rt, snapshot, source)
    objections.meet(unless_allowed([moved(replace(pin, tag_object=_tag_of(pin, new)), new) for pin in lost]))
    objections.meet(moved(old, new))
    bases = bases_of(snapshot, old) if old else of_log(snapshot, lost)
    stage = proved.stages[new.source]
    objections.meet(unless_allowed([_forbidden(rt, stage, base, new, source) for base in bases]))
    if new.override is not None:
        _refuse_override(content, snapshot, new, how.verify)
        lifts = content.overrides.records[new.override].lifts
        for error in objections.lifted:
            if error.code not in lifts:
                raise error


def _tag_of(lost: Pin, new: Pin) -> Oid | None:
    """Return the tag object of a pin that is in the log alone, which does not tell it: of one commit it is the same."""
    return new.tag_object if lost.commit == new.commit else None


def _forbidden(rt: Runtime, stage: Stage, base: Base, new: Pin, source: Source) -> HybridError | None:
    old = base.pin
    known = rt.objects.has_commit(stage, old.commit)
    forward = known and rt.objects.is_ancestor(stage, old.commit, new.commit)
    backward = known and rt.objects.is_ancestor(stage, new.commit, old.commit)
    move = Move(old=old, new=new, old_is_ancestor=forward, new_is_ancestor=backward, than=base.than)
    return forbidden_move(move, source)


def _refuse_findings(content: BundleContent, snapshot: Snapshot, pin: Pin, verify: Verify) -> None:
    """Raise if the other side's scan of the pinned commit has findings that policy of this side blocks on.

    Raises:
        ScanBlocked: it has, and no override accepts them.
    """
    theirs = content.state.sources.get(pin.source)
    if theirs is None or theirs.scan.commit != pin.commit:
        return
    policy = snapshot.manifest.policy

    def doubt(record: Override) -> str:
        return doubtful(record, policy, _signatures(record, content, snapshot, verify))

    accepted = accepted_findings(snapshot.overrides, snapshot.trail, snapshot.clock, snapshot.doubt, pin)
    if pin.override is not None:
        accepted |= accepted_findings(content.overrides, content.trail, snapshot.clock, doubt, pin)
    error = blocked_by(theirs.scan, pin.source, policy.scan_block_on, accepted, is_new=True)
    if error is not None:
        raise error


def _is_renewed(content: BundleContent, snapshot: Snapshot, pin: Pin) -> bool:
    """Tell whether the bundle has another record of the override of *pin* than this side, such as a later expiry."""
    theirs, ours = (side.records.get(pin.override or "") for side in (content.overrides, snapshot.overrides))
    return theirs is not None and (ours is None or digest(theirs) != digest(ours))


def _refuse_override(content: BundleContent, snapshot: Snapshot, pin: Pin, verify: Verify) -> None:
    """Raise unless the override of *pin* is in force and policy of this side is met by it.

    Raises:
        OverrideUnrecorded, OverrideEnded: the bundle does not bring it, or it has ended.
        PolicyNotMet: with everything that policy of this side misses.
    """
    told = (content.overrides, content.trail, snapshot.clock)
    if (error := governed(pin, *told, lambda _record: "")) is not None:
        raise error
    record = content.overrides.records[str(pin.override)]
    asked = as_approved(record, _signatures(record, content, snapshot, verify))
    problems = unmet(replace(asked, since=snapshot.clock), snapshot.manifest.policy)
    if problems:
        raise PolicyNotMet(name=pin.source, problems=problems)


def _signatures(record: Override, content: BundleContent, snapshot: Snapshot, verify: Verify) -> Signatures:
    """Return what policy of this side makes of the signatures of a record that the bundle brings."""
    pin = content.lock.pins[record.source]
    signers = signers_of(record, (str(pin.url),), snapshot.manifest.policy, snapshot.overrides, verify)
    return Signatures(good=frozenset((record.id, who) for who in signers))


def _decision(rt: Runtime, content: BundleContent, snapshot: Snapshot, how: Applying) -> Decision:
    pins = changed_pins(content, snapshot.lock)
    edit = _edit(rt, content, snapshot, how)
    overrides = _overrides(rt, content, snapshot, pins)
    if not pins and not overrides and edit is None:
        return Decision()
    detail: dict[str, Json] = {
        "sha256": content.sha256,
        "log_id": content.log.log_id,
        "log_seq": content.log.seq,
        "log_heads": list(content.log.heads),
        "sources": sorted(pins),
    }
    if content.signer is not None:
        detail["signed_by"] = content.signer
    events = [Event(event="bundle-apply", after=content.sha256, detail=detail)]
    for name, pin in sorted(pins.items()):
        lost = last_of_log(rt, snapshot, content.manifest.sources[name])
        old = snapshot.lock.pins.get(name) or next(iter(lost), None)
        facts = {"url": str(pin.url), "ref": pin.ref, "tree": pin.tree, "content_sha256": pin.content_sha256}
        before = old.commit if old else None
        more: Mapping[str, Json] = {**facts, "bundle": content.sha256}
        events.append(Event(event="pin", source=name, before=before, after=pin.commit, detail=more))
    events += closing_events({key: item for key, item in overrides.items() if item.status == "superseded"})
    events += [event_of(item, "override") for item in overrides.values() if item.status == "active"]
    return Decision(events=events, pins=pins, manifest=edit, overrides=overrides)


def _overrides(
    rt: Runtime, content: BundleContent, snapshot: Snapshot, pins: Mapping[SourceName, Pin]
) -> dict[str, Override]:
    """Return the overrides that the pins of the bundle rest on, for the records of this side, and those that end."""
    found: dict[str, Override] = {}
    for name, pin in pins.items():
        found |= superseded(rt, snapshot, name, commit=pin.commit)
    for pin in content.lock.pins.values():
        if pin.override is not None and (pin.source in pins or _is_renewed(content, snapshot, pin)):
            found[pin.override] = content.overrides.records[pin.override]
    return found


def _edit(rt: Runtime, content: BundleContent, snapshot: Snapshot, how: Applying) -> ManifestEdit | None:
    text = rt.ledger.manifest_text()
    if how.adopt:
        edited = content.manifest_text
    else:
        gone, new = edits(content, snapshot.manifest)
        edited = how.editor.remove(text, gone) if gone else text
        edited = how.editor.add(edited, new) if new else edited
    if edited == text:
        return None
    return ManifestEdit(before_sha256=hashlib.sha256(text.encode("utf-8")).hexdigest(), text=edited)


def _take_scans(rt: Runtime, content: BundleContent) -> None:
    """Record how the other side scanned the commits that are installed now, where nothing newer is known here."""
    snapshot = rt.ledger.snapshot()
    entries: dict[SourceName, SourceState] = {}
    for name, entry in snapshot.state.sources.items():
        theirs = content.state.sources.get(name)
        if theirs is None or theirs.scan.scanned_at is None or theirs.scan.commit != entry.commit:
            continue
        known = entry.scan.scanned_at if entry.scan.commit == entry.commit else None
        if known is None or known < theirs.scan.scanned_at:
            entries[name] = replace(entry, scan=theirs.scan)
    if entries:
        events = [
            Event(
                event="bundle-scan",
                source=name,
                after=entry.commit,
                detail={**scan_detail(entry.scan), "bundle": content.sha256},
            )
            for name, entry in sorted(entries.items())
        ]
        rt.ledger.record(rt.info, Decision(events=events, entries=entries), ())


def _receipt(rt: Runtime) -> Receipt:
    """Return what stands here with all of its history: the next bundle may build on it."""
    snapshot = rt.ledger.snapshot()
    sources: dict[SourceName, Had] = {}
    for name, pin in snapshot.lock.pins.items():
        seen = rt.clones.inspect(name, pin.commit)
        if isinstance(seen, Clone) and seen.complete and seen.has_pin:
            sources[name] = Had(url=str(pin.url), tip=tip_of(pin), commit=pin.commit)
    return Receipt(sources=sources)
