"""``git hybrid bundle apply``: take over what a bundle brings, after the same gates as a fetch, and sync to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from git_hybrid.app.age import seen_now, too_young
from git_hybrid.app.bases import (
    Base,
    as_logged,
    bases_of,
    former_bases,
    last_of_log,
    left_bases,
    of_head,
    of_log,
    others_of_tag,
    unless_allowed,
)
from git_hybrid.app.bringing import bring_lfs
from git_hybrid.app.bundle_inside import standing_inside
from git_hybrid.app.bundle_overrides import Brought
from git_hybrid.app.bundle_scans import known_scans, take_scans
from git_hybrid.app.bundle_taking import Applying, decision_of, removed_over_there
from git_hybrid.app.bundle_verify import Opened, Proved, verify_bundle
from git_hybrid.app.force import Objections
from git_hybrid.app.judging import behind_left, forbidden_in, moved_beside, rooted
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.settling import refuse_unfinished
from git_hybrid.app.sync import (
    broken_off,
    finish_first,
    left_over,
    merge,
    report_of,
    sync_selected,
    without_left,
)
from git_hybrid.core.bundles import (
    SERVED,
    BundleContent,
    Had,
    LogEnd,
    Receipt,
    as_seen,
    changed_pins,
    goes_on,
    may_join,
    moved,
    tip_of,
)
from git_hybrid.core.errors import DecidedOnly, ForeignFolder, HybridError, OldBundle, TooYoung
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import Override
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_bundle import BundleFile, Bundles, BundleTool, plain_bundle
from git_hybrid.core.reducer import Decision, intent_of
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.words import typed


class Applied(Struct, frozen=True, kw_only=True):
    """What ``apply`` came to; ``reports`` has the digests of the reports to keep (:func:`take_scans`)."""

    report: Report
    receipt: Receipt = Receipt()
    reports: Mapping[SourceName, str | None] = field(default_factory=dict)


def apply_bundle(rt: Runtime, bundle: Opened, how: Applying) -> Applied:
    """Prove the bundle, record its pins, and bring the clones to them without any network.

    Either every source of the bundle may be taken over, or nothing is recorded, but that what is too new was seen, and
    what was revoked on the other side. The receipt, for the next bundle, says what the workspace has now.

    Raises:
        UnfinishedRun: an interrupted run has to be finished first, and it is none of this bundle.
        OldBundle: a newer bundle was applied already.
        BadBundle: the parts of the bundle do not agree.
    """
    content = bundle.content
    with rt.ledger.writer(rt.info) as mended:
        snapshot = rt.ledger.snapshot()
        content = replace(content, lock=as_seen(content.lock, snapshot.lock))
        if snapshot.unfinished is not None and not goes_on(content, snapshot.lock, snapshot.unfinished):
            refuse_unfinished(snapshot)
        # Under the lock: an earlier run may have taken a bundle over by now.
        how = replace(how, adopt=rt.ledger.manifest_text() == how.awaited)
        if how.adopt:
            snapshot = replace(snapshot, manifest=replace(snapshot.manifest, policy=content.manifest.policy))
        _refuse_old(content, how.applied(content.log))
        manifest = content.manifest if how.adopt else snapshot.manifest
        proved = verify_bundle(rt, how.tool, bundle, manifest)
        refused = _refused(rt, content, snapshot, proved, how)
        brought = Brought(content, snapshot, how.verify, rt.info.now)
        if refused:
            return Applied(report=_refusal(rt, proved, refused, brought))
        served_as = SERVED + content.sha256
        inside = replace(rt, offline="bundle apply", bundles=_carried(bundle), served_as=served_as, cache=None)
        names = tuple(sorted(content.lock.pins))
        rows, notes = list[Row](), (*mended, *_notes(brought, brought.ends().values()))
        notes += tuple(
            f"{item.source} {item.words}, and stays here until: git hybrid remove {item.source}"
            for item in removed_over_there(content, snapshot, how)
        )
        try:
            rows, now, waited = finish_first(inside, snapshot, names)
            notes += waited
            if (decision := decision_of(rt, content, snapshot, proved, how)).events:
                rt.ledger.record(rt.info, decision, left_over(now))
            now = rt.ledger.snapshot()
            rows = merge(rows, sync_selected(inside, now, without_left(now, names)))
            _keep_objects(inside, proved, rows, bundle)
            report = report_of(rt, "bundle apply", rows, notes)
            reports = take_scans(rt, content)
        except DecidedOnly as error:
            return Applied(report=broken_off(rt, "bundle apply", rows, notes, error))
        return Applied(report=report, receipt=_receipt(rt, how.tool), reports=reports)


def _carried(bundle: Opened) -> Bundles:
    def files(name: str) -> Sequence[BundleFile]:
        file = bundle.file(name)
        return () if file is None else (plain_bundle(file),)

    return files


def _refuse_old(content: BundleContent, applied: LogEnd | None) -> None:
    if applied is not None and content.log.seq < applied.seq:
        raise OldBundle(path=content.path, found=str(content.log.seq), applied=str(applied.seq))


def _refused(
    rt: Runtime, content: BundleContent, snapshot: Snapshot, proved: Proved, how: Applying
) -> dict[SourceName, Row]:
    """Return the rows of the sources that may not be taken over."""
    rows = {row.name: row for row in proved.report.rows if row.error is not None}
    snapshot = as_logged(rt, snapshot, changed_pins(content, snapshot.lock))
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
    brought = Brought(content, snapshot, how.verify, rt.info.now)
    brought.refuse_closed(new)
    brought.refuse_findings(new, known_scans(rt, snapshot, new))
    if old == new and not brought.is_news(new.override):
        return
    objections = Objections(forced=new.override is not None)
    lost = () if old else of_head(rt, last_of_log(rt, snapshot, source))
    objections.meet(unless_allowed([moved(_of_log(pin, new), new) for pin in lost]))
    objections.meet(moved(old, new))
    bases = bases_of(snapshot, old) if old else of_log(snapshot, lost)
    stage = proved.stages[new.source]
    former = former_bases(rt, snapshot, source, (old,) if old else lost, new.ref)
    for pins in former:
        objections.meet(unless_allowed([moved(_of_log(base.pin, new), new) for base in pins]))
    others = (*others_of_tag(rt, snapshot, source, new.ref), *brought.forced_beside(new))
    stood = [base.pin for bases in (bases, *former) for base in bases]
    objections.meet(moved_beside(stood, lambda _ref: others, new.ref, source, partial(moved, new=new)))
    for pins in (bases, *former):
        objections.meet(unless_allowed([_forbidden(rt, stage, base, new, source) for base in pins]))
    left = left_bases(rt, source, (old,) if old else lost)
    objections.meet(
        behind_left(rt, source, left, (old, new), stage, lambda pin: rt.objects.has_commit(stage, pin.commit))
    )
    if new.override is None or old is None or old.commit != new.commit:
        seen = rt.ledger.first_seen(new.source, new.commit) or rt.info.now
        young = None if how.adopt else too_young(rt, snapshot, new, old, seen=seen, bundle=content.path)
        objections.meet(young)
    if new.override is not None:
        record = brought.refuse_override(new)
        for error in objections.lifted:
            if error.code not in record.lifts:
                raise error


def _keep_objects(rt: Runtime, proved: Proved, rows: Iterable[Row], bundle: Opened) -> None:
    """Pour what came of the sources in *rows* that failed into their clones: their pins moved, and nobody else has it.

    Where there is no clone only the bundle has it, and the error says so.
    """
    for row in rows:
        stage, clone = proved.stages.get(row.name), rt.clones.as_stage(row.name)
        if row.error is None or stage is None:
            continue
        if isinstance(row.error, ForeignFolder):
            row.error.command = f"bundle apply {typed(bundle.content.path)}"
        elif isinstance(rt.clones.inspect(row.name, None), Clone):
            if stage != clone:
                rt.writer.pour(stage, clone, boundaries=False)
            source, pin = bundle.content.manifest.sources[row.name], bundle.content.lock.pins[row.name]
            if source.lfs == "fetch":
                # The row tells what is wrong.
                with suppress(HybridError):
                    bring_lfs(rt, source, pin.commit, bundle.content.manifest)


def _refusal(rt: Runtime, proved: Proved, refused: Mapping[SourceName, Row], brought: Brought) -> Report:
    """Return what is told of a bundle with sources that are *refused*, and record what counts all the same.

    What is too new was seen: otherwise its time would never run. And what was revoked on the other side ends here.
    """
    is_whole = all(row.error is None for row in proved.report.rows)
    revoked = [item for item in brought.ends().values() if is_whole and item.status == "revoked"]
    young = [seen_now(rt, row.error) for row in refused.values() if isinstance(row.error, TooYoung)]
    events = [event for decision in young for event in decision.events] + [brought.end_of(item) for item in revoked]
    if events:
        decision = Decision(events=events, overrides={item.id: item for item in revoked})
        if left := left_over(brought.snapshot):
            rt.ledger.begin(rt.info, left, intent_of(rt.info, decision))
        rt.ledger.record(rt.info, decision, left)
    rows = tuple(refused.get(row.name, replace(row, outcome="not-applied")) for row in proved.report.rows)
    return Report(command="bundle apply", rows=rows, run=rt.info.run, notes=_notes(brought, revoked))


def _notes(brought: Brought, ended: Iterable[Override]) -> tuple[str, ...]:
    """Return what a report says of the overrides that ended because they did on the other side."""
    told = ((item, brought.why_ended(item)) for item in ended if item.status == "revoked")
    return tuple(
        f"{item.id} of {item.source} was revoked on the other side, and ends here{f': {why}' if why else ''}"
        for item, why in told
    )


def _of_log(pin: Pin, new: Pin) -> Pin:
    """Return a pin that is in the log alone, which does not tell the tag object: of one commit it is the same."""
    return replace(pin, tag_object=new.tag_object if pin.commit == new.commit else None)


def _forbidden(rt: Runtime, stage: Stage, base: Base, new: Pin, source: Source) -> HybridError | None:
    there = rt.objects.has_commit(stage, base.pin.commit)
    # A clone may lack where its history begins.
    is_whole = there and stage != rt.clones.as_stage(new.source)
    return forbidden_in(rt, source, rooted(rt, base, stage) if is_whole else base, new, stage, there=there)


def _receipt(rt: Runtime, tool: BundleTool) -> Receipt:
    """Return what stands here with all of its history: the next bundle may build on it."""
    snapshot = rt.ledger.snapshot()
    sources: dict[SourceName, Had] = {}
    for name, pin in snapshot.lock.pins.items():
        seen = rt.clones.inspect(name, pin.commit)
        if isinstance(seen, Clone) and seen.complete and seen.has_pin:
            sources[name] = had = Had(url=str(pin.url), tip=tip_of(pin), commit=pin.commit)
            if (source := snapshot.manifest.sources.get(name)) is not None:
                # What cannot be read here is carried once more.
                with suppress(HybridError):
                    submodules, contents = standing_inside(rt, tool, source, pin)
                    sources[name] = replace(had, submodules=submodules, contents=contents)
    return Receipt(sources=sources)
