"""What ``git hybrid bundle apply`` records: pins, entries of the manifest, overrides, and that the bundle came."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from git_hybrid.app.bases import as_logged, last_of_log, left_bases
from git_hybrid.app.bundle_overrides import Brought
from git_hybrid.app.bundle_verify import Proved
from git_hybrid.app.edit import Editor, added
from git_hybrid.app.force import closing_events, superseded
from git_hybrid.app.held import is_held
from git_hybrid.app.judging import told_as
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.approval import Verify
from git_hybrid.core.audit import Event
from git_hybrid.core.bundles import SERVED, BundleContent, LogEnd, begun, changed_pins, edits
from git_hybrid.core.canonical import Json
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.override import Override, event_of
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports_bundle import BundleTool
from git_hybrid.core.reducer import Decision, ManifestEdit
from git_hybrid.core.removals import Removal, removed_there
from git_hybrid.core.value import Struct


class Applying(Struct, frozen=True, kw_only=True):
    """What ``apply`` is given besides the bundle: how the manifest is edited, and which end of a log was applied last.

    ``applied`` takes the end of a log in a bundle, and returns where that log ended in what was applied last;
    ``verify`` checks the signature of an approval. ``awaited`` is the manifest of a workspace that has none of its own
    yet: the bundle's becomes its own, policy and all. ``adopt`` tells that it is so here. ``begun_here`` returns when
    each source was added here (:func:`git_hybrid.core.removals.begun_here`).
    """

    tool: BundleTool
    editor: Editor
    verify: Verify
    applied: Callable[[LogEnd], LogEnd | None]
    awaited: str
    begun_here: Callable[[], Mapping[str, str]]
    adopt: bool = False


def decision_of(rt: Runtime, content: BundleContent, snapshot: Snapshot, proved: Proved, how: Applying) -> Decision:
    """Return what is recorded of a bundle that may be taken over whole; nothing where this side has all of it.

    That a newer one came is told also where it brings no pin: no older one may be applied after it.
    """
    pins = changed_pins(content, snapshot.lock)
    snapshot = as_logged(rt, snapshot, pins)
    edit = _edit(rt, content, snapshot, how)
    brought = Brought(content, snapshot, how.verify, rt.info.now)
    overrides = _overrides(rt, brought, pins)
    if not pins and not overrides and edit is None and not _is_newer(content.log, how.applied(content.log)):
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
    if removed := removed_over_there(content, snapshot, how):
        detail["removed"] = [item.plain() for item in removed]
    events = [Event(event="bundle-apply", after=content.sha256, detail=detail)]
    anew = (*begun(content, snapshot.manifest), *_unheld(content, snapshot))
    events += [added(source, bundle=content.sha256) for source in anew]
    for name, pin in sorted(pins.items()):
        lost = last_of_log(rt, snapshot, content.manifest.sources[name])
        old = snapshot.lock.pins.get(name) or next(iter(lost), None)
        before = old.commit if old else None
        source = content.manifest.sources[name]
        stood = (old,) if old else ()
        left = (base.pin for base in left_bases(rt, source, stood))
        more = told_as(rt, pin, source, (*stood, *left), proved.stages[name])
        more |= {"bundle": content.sha256, "served_by": SERVED + content.sha256}
        events.append(Event(event="pin", source=name, before=before, after=pin.commit, detail=more))
    ends = brought.ends()
    over = {key: item for key, item in overrides.items() if item.status == "superseded" and key not in ends}
    events += [*closing_events(over), *map(brought.end_of, ends.values())]
    events += [event_of(item, "override") for item in overrides.values() if item.status == "active"]
    return Decision(events=events, pins=pins, manifest=edit, overrides=overrides)


def removed_over_there(content: BundleContent, snapshot: Snapshot, how: Applying) -> tuple[Removal, ...]:
    """Return which sources of this side were removed on the other side; they stay here until somebody removes them."""
    begun = how.begun_here() if content.removed.keys() & snapshot.manifest.sources.keys() else {}
    return removed_there(content.removed, content.manifest, snapshot.manifest, begun)


def _is_newer(log: LogEnd, applied: LogEnd | None) -> bool:
    """Tell whether the *log* of a bundle ends elsewhere than where it had ended in what was *applied*."""
    return bool(log.log_id) and (applied is None or (log.seq, set(log.heads)) != (applied.seq, set(applied.heads)))


def _unheld(content: BundleContent, snapshot: Snapshot) -> list[Source]:
    """Return the sources that need an override here where they stand, and on the other side need none any more.

    They begin anew, as they did there: no plain pin leads there from what the override here came from.
    """
    pins = ((snapshot.lock.pins.get(name), pin) for name, pin in sorted(content.lock.pins.items()))
    declared, sources = snapshot.manifest.sources, content.manifest.sources
    pairs = ((old, new, sources[new.source]) for old, new in pins if old and new.source in declared)
    return [source for old, new, source in pairs if not new.override and is_held(snapshot, old, new, source)]


def _overrides(rt: Runtime, brought: Brought, pins: Mapping[SourceName, Pin]) -> dict[str, Override]:
    """Return the overrides that the bundle brings into the records of this side, and those that end."""
    content, found = brought.content, dict[str, Override]()
    for name, pin in pins.items():
        found |= superseded(rt, brought.snapshot, name, commit=pin.commit)
    for pin in content.lock.pins.values():
        if pin.override is not None:
            found.pop(pin.override, None)
            if brought.is_news(pin.override):
                found[pin.override] = content.overrides.records[pin.override]
        found |= {item.id: item for item in brought.acceptances(pin)}
    return found | dict(brought.ends())


def _edit(rt: Runtime, content: BundleContent, snapshot: Snapshot, how: Applying) -> ManifestEdit | None:
    text = rt.ledger.manifest_text()
    if how.adopt:
        edited = content.manifest_text
    else:
        gone, new = edits(content, snapshot.manifest)
        edited = how.editor.remove(text, gone) if gone else text
        edited = how.editor.add(edited, new) if new else edited
    return None if edited == text else ManifestEdit(before=text, text=edited)
