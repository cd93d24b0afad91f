"""``git hybrid bundle create``: pack the pinned commits with their history, for a network that has no other way."""

from __future__ import annotations

from git_hybrid.app.acquire import acquire_pin, gate_pinned_tree, require_digest
from git_hybrid.app.bundle_inside import Inside, pack_inside
from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_to_end
from git_hybrid.app.proving import is_known
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.waiving import waivers
from git_hybrid.core.bundles import Carried, Receipt, had, tip_of, with_carrier
from git_hybrid.core.errors import HybridError, OverrideEnded, ScanBlocked
from git_hybrid.core.governance import unbound
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.planner import pinned
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_bundle import BundleTool
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.value import Struct, replace


class Packed(Struct, frozen=True, kw_only=True):
    """One source of a bundle that is being made; ``file`` is its git bundle, None where none is needed."""

    carried: Carried
    file: str | None
    inside: Inside = Inside()


def pack_sources(rt: Runtime, tool: BundleTool, snapshot: Snapshot, receipt: Receipt) -> tuple[Report, list[Packed]]:
    """Pack every source, and return a row for each and what was packed; nothing of the workspace changes.

    Where one failed, the rows of the others say that they are in no bundle.
    Objects come from the clones; what is not there whole is fetched into quarantine as sync would fetch it.
    """
    rt = replace(rt, waived=waivers(snapshot))
    sources = tuple(snapshot.manifest.sources.values())
    pairs = run_to_end(
        rt, snapshot.manifest, "packing", lambda source: _attempt(rt, tool, snapshot, source, receipt), sources
    )
    rows, notes = [row for row, _ in pairs], list[str]()
    if any(row.error is not None for row in rows):
        rows = [row if row.error is not None else replace(row, outcome="not-bundled") for row in rows]
        notes.append("no bundle was written: it has every source or none")
    report = Report(command="bundle create", rows=tuple(rows), notes=tuple(notes))
    return report, [packed for _, packed in pairs if packed is not None]


def _attempt(
    rt: Runtime, tool: BundleTool, snapshot: Snapshot, source: Source, receipt: Receipt
) -> tuple[Row, Packed | None]:
    rt.progress("start", source.name, "pack")
    try:
        pin, told = _carried(snapshot, source)
        with of_source(source.name):
            giver, notes = _giver(rt, snapshot.manifest, source, pin)
            packed = _pack(rt, tool, giver, source, pin, receipt)
            inside = pack_inside(rt, tool, snapshot.manifest, source, giver, pin, had(receipt, pin))
            packed = replace(packed, inside=inside)
    except HybridError as error:
        entry, held = snapshot.state.sources.get(source.name), snapshot.lock.pins.get(source.name)
        return failed(source.name, with_carrier(error, entry, held)), None
    finally:
        rt.progress("done", source.name, "packed")
    row = Row(
        name=source.name,
        outcome="present" if packed.file is None else "bundled",
        before=next(iter(packed.carried.prerequisites), None),
        after=pin.commit,
        ref=pin.ref,
        notes=(*told, *notes),
        detail={"kind": packed.carried.kind},
    )
    return row, packed


def _carried(snapshot: Snapshot, source: Source) -> tuple[Pin, tuple[str, ...]]:
    """Return the pin of *source*, and a note if it is refused here by now: what was revoked has to end there too.

    Raises:
        HybridError: it may not be used, and no bundle could end what it rests on.
    """
    pin = pinned(snapshot, source)
    if not isinstance(pin, HybridError):
        return pin, ()
    held = snapshot.lock.pins.get(source.name)
    revoked = "" if held is None or not is_valid(held, source) else _revoked(snapshot, held, pin)
    if held is None or not revoked:
        raise pin
    return held, (f"its pin is refused here since {revoked} was revoked: the bundle carries that end",)


def _revoked(snapshot: Snapshot, pin: Pin, error: HybridError) -> str:
    """Return the override without which *error* refuses *pin*, if it was revoked; else nothing."""
    of_it = [item for item in snapshot.overrides.of(pin.source) if item.to_commit == pin.commit]
    if isinstance(error, OverrideEnded):
        of_it = [item for item in of_it if item.id == error.override]
    elif isinstance(error, ScanBlocked):
        of_it = [item for item in of_it if not set(error.ids).isdisjoint(item.findings)]
    else:
        return ""
    lasted = (item.id for item in of_it if item.status == "revoked" and not unbound(item, snapshot.trail))
    return next(lasted, "")


def _giver(rt: Runtime, manifest: Manifest, source: Source, pin: Pin) -> tuple[Stage, tuple[str, ...]]:
    """Return a repository with the pinned commit and all of its history, and notes about what it does not have.

    That a clone has the commit proves nothing: whoever looked at it there may have fetched it from anywhere.
    """
    seen = rt.clones.inspect(source.name, pin.commit)
    stage = rt.clones.as_stage(source.name)
    whole = isinstance(seen, Clone) and seen.has_pin and seen.complete and rt.objects.has_content(stage, pin.commit)
    # A sync whose commit is there already asks nobody for the tag that was put at it.
    tagged = pin.tag_object is None or (whole and rt.objects.kind(stage, pin.tag_object) == "tag")
    if not whole or not tagged or not (isinstance(seen, Clone) and is_known(rt, seen, pin)):
        stage = acquire_pin(rt, replace(source, history="full"), pin, manifest, borrow=whole).history
    tree = gate_pinned_tree(rt, stage, source, pin, manifest)
    require_digest(rt, pin, rt.objects.content_sha256(stage, tree.entries))
    return stage, tree.notes


def _pack(rt: Runtime, tool: BundleTool, giver: Stage, source: Source, pin: Pin, receipt: Receipt) -> Packed:
    there = had(receipt, pin)
    if there is not None and there.tip == tip_of(pin):
        return Packed(carried=Carried(name=pin.source, kind="present", prerequisites=(there.commit,)), file=None)
    # A clone without all of its history is made of what is fetched alone.
    if there is not None and source.history == "full" and rt.objects.has_commit(giver, there.commit):
        carried = Carried(name=pin.source, kind="thin", prerequisites=(there.commit,))
        return Packed(carried=carried, file=tool.write(giver, pin, since=there.commit))
    return Packed(carried=Carried(name=pin.source, kind="full"), file=tool.write(giver, pin, since=None))
