"""``git hybrid mirror update``: fill and refresh a folder of bare repositories from where the sources come from."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from git_hybrid.app.acquire import gate_content, gate_pin
from git_hybrid.app.blaming import blaming
from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_slowest_first
from git_hybrid.app.mirror_filling import Filling, Mirrored, Proved, Wanted, mirrored
from git_hybrid.app.permitting import require_host
from git_hybrid.app.proving import belongs, prove
from git_hybrid.app.remote import answered, fetch_lfs, going_on
from git_hybrid.app.runtime import Runtime, no_bundles
from git_hybrid.app.spreading import carried_out, errands_of
from git_hybrid.app.submodules import DEPTH_LIMIT, judge_submodules
from git_hybrid.app.waiving import waivers
from git_hybrid.core.endpoints import DIRECT, repository_path
from git_hybrid.core.errors import (
    HybridError,
    Interrupted,
    MirrorAlone,
    RemoteError,
    SubmoduleUnreachable,
    ToolTooOld,
    Unreachable,
    WorkerLost,
)
from git_hybrid.core.ids import Oid, SourceName, Url
from git_hybrid.core.lock import Pin, no_pin
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.mirror_refs import claims_of
from git_hybrid.core.mirrors import unwell
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_mirror import Claim, MirrorFolder
from git_hybrid.core.ports_spread import Errand, Spread
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.value import replace
from git_hybrid.core.words import some

_Result = tuple[Row, tuple[Mirrored, ...]]


def update_mirror(
    rt: Runtime, folder: MirrorFolder, own: Collection[str], claims: Mapping[str, Sequence[Claim]]
) -> tuple[Report, tuple[Mirrored, ...]]:
    """Bring every source into *folder*, and return a row for each and what each repository holds.

    *own* are those base URLs among the mirrors in use that are the folder itself, which is not asked for itself;
    *claims* is what the locks of other workspaces need of the repositories there, by their paths.

    Raises:
        MirrorAlone: it is the only one.
    """
    snapshot = rt.ledger.snapshot()
    asking = rt.for_many(len(snapshot.manifest.sources)).asking(*_others(rt, own))
    asking = replace(asking, waived=waivers(snapshot))
    doubted = unwell(snapshot.mirrors)
    pins, claims = snapshot.lock.pins, _all_claims(snapshot, claims)
    filling = Filling(
        rt=asking,
        folder=folder,
        manifest=snapshot.manifest,
        pins=pins,
        doubted=doubted,
        claims=claims,
        # What a check of mirrors finds meanwhile is not recorded, and what it hints at is this.
        thorough=snapshot.unfinished is not None,
    )
    done = {} if rt.spread is None else _elsewhere(filling, rt.spread, snapshot)
    sources = tuple(source for source in snapshot.manifest.sources.values() if source.name not in done)
    jobs = rt.jobs or snapshot.manifest.defaults.jobs
    rt.progress("begin", "filling the mirror", str(len(sources)))
    results = run_slowest_first(
        lambda source: _attempt(filling, source), sources, rt=rt, jobs=jobs, name=lambda item: item.name, kind="mirror"
    )
    stopped = Interrupted(signal=rt.cancelled(), begun=False)
    for source, result in zip(sources, results, strict=True):
        done[source.name] = result or (failed(source.name, stopped), ())
    pairs = [done[name] for name in snapshot.manifest.sources]
    report = Report(command="mirror update", rows=tuple(row for row, _ in pairs), interrupted=rt.cancelled())
    return report, tuple(item for _, items in pairs for item in items)


def _all_claims(snapshot: Snapshot, others: Mapping[str, Sequence[Claim]]) -> dict[str, list[Claim]]:
    """Return what each lock needs, the own one too, by the path of the repository."""
    claims = {path: list(found) for path, found in others.items()}
    for path, claim in claims_of(snapshot.manifest, snapshot.lock):
        claims.setdefault(path, []).append(claim)
    return claims


def _others(rt: Runtime, own: Collection[str]) -> tuple[str, ...]:
    """Return what of the list of mirrors may be asked for the mirror that *own* of them are."""
    entries = rt.mirrors.entries
    others = tuple(base for base in entries if base not in own)
    if entries and not others and not rt.offline:
        raise MirrorAlone(base_url=entries[0], wider=",".join((*entries, DIRECT)))
    return others


def _elsewhere(filling: Filling, spread: Spread, snapshot: Snapshot) -> dict[SourceName, _Result]:
    """Let workers update what is one repository a source; submodules may be shared by sources, and are done here."""
    groups: dict[str, list[SourceName]] = {}
    for source in snapshot.manifest.sources.values():
        if not source.submodules:
            groups.setdefault(repository_path(source.url), []).append(source.name)
    rt, folder = filling.rt, filling.folder
    known, where = snapshot.mirrors, folder.announce()
    errands = errands_of(rt, spread, snapshot, groups.values(), waived=rt.waived, folder=where, inventory=known)
    errands = tuple(
        replace(errand, claims={path: filling.claims.get(path, ())}, thorough=filling.thorough)
        for path, errand in zip(groups, errands, strict=True)
    )
    told = carried_out(rt, spread, mirror_errand, errands)
    done = {name: (failed(name, it), ()) if isinstance(it, HybridError) else it for name, it in told.items()}
    # Of two sources of one repository, the one that came last tells what is there.
    last = {item.path: item.holding for _, items in done.values() for item in items}
    for name, (_, items) in done.items():
        try:
            is_there = all(folder.holding(item.path) == last[item.path] for item in items)
        except HybridError as error:
            done[name] = (failed(name, error), ())
        else:
            if not is_there:
                why = "what it says it mirrored is not in the folder here"
                done[name] = (failed(name, WorkerLost(name=name, why=why)), ())
    return done


def mirror_errand(rt: Runtime, errand: Errand) -> dict[SourceName, _Result]:
    """Bring the sources of *errand* into the mirror folder, on whatever machine."""
    assert rt.mirror is not None, "an errand of mirror update names a folder"
    asking = replace(rt, bundles=no_bundles)
    doubted = unwell(errand.inventory)
    filling = Filling(
        rt=asking,
        folder=rt.mirror,
        manifest=errand.manifest,
        pins=errand.pins,
        doubted=doubted,
        claims=errand.claims,
        thorough=errand.thorough,
    )
    return {name: _attempt(filling, errand.manifest.sources[name]) for name in errand.names}


def _attempt(filling: Filling, source: Source) -> _Result:
    filling.rt.progress("start", source.name, "mirror")
    pin = filling.pins.get(source.name)
    done: list[Mirrored] = []
    try:
        require_host(filling.manifest.policy, source)
        if pin is not None and pin.url != source.url:
            raise no_pin(source, pin)
        with of_source(source.name):
            done.append(_mirror(filling, source, pin))
            if source.submodules and pin is not None:
                done += _submodules(filling, source, pin.commit)
        row = Row(
            name=source.name,
            outcome="updated" if any(item.changed for item in done) else "current",
            after=pin.commit if pin else None,
            ref=pin.ref if pin else None,
            notes=tuple(note for item in done for note in _notes(item)),
        )
    except HybridError as error:
        row = failed(source.name, error)
    filling.rt.progress("done", source.name, row.outcome)
    return row, tuple(done)


def _notes(item: Mirrored) -> tuple[str, ...]:
    kept = (f"kept, since only a mirror was asked: {some(item.kept)}",) if item.kept else ()
    needed = (f"kept as it was, since a lock needs it: {some(item.needed)}",) if item.needed else ()
    taken = (f"no longer as another pin needs it: {some(item.taken)}",) if item.taken else ()
    whose = "upstream" if item.base is None else f"the mirror {item.base}"
    back = (f"taken back, for {whose} does not have it: {some(item.withdrawn)}",) if item.withdrawn else ()
    return (*(f"missing: {text}" for text in item.missing), *kept, *needed, *taken, *back)


def _mirror(filling: Filling, source: Source, pin: Pin | None) -> Mirrored:
    wanted = Wanted(
        source=source,
        pin=pin,
        commit=pin.commit if pin else None,
        waived=filling.rt.waived.get(source.name, ()),
        prove=partial(_prove_pin, filling.manifest, source, pin),
    )
    return going_on(filling.rt, source, lambda rt: mirrored(replace(filling, rt=rt), wanted), after=(Unreachable,))


def _prove_pin(
    manifest: Manifest, source: Source, pin: Pin | None, rt: Runtime, stage: Stage, served_by: str
) -> Proved:
    """Show that *stage* leads to the pin and has its content, and fetch the LFS content."""
    if pin is None:
        return Proved()
    if pin.override is None:
        with answered(rt, source, served_by), blaming(rt, pin):
            prove(rt, stage, source, pin)
    notes = gate_pin(rt, stage, source, pin, manifest)
    missing = tuple(note for note in notes if "LFS" not in note or source.lfs == "fetch")
    lacking = _lfs(rt, manifest, source, stage, pin.commit) if source.lfs == "fetch" else ()
    return Proved(missing=(*missing, *lacking), lfs=source.lfs == "fetch" and not lacking)


def _lfs(rt: Runtime, manifest: Manifest, source: Source, stage: Stage, commit: Oid) -> tuple[str, ...]:
    """Fetch the LFS content of *commit* into *stage*; return why that was not possible."""
    try:
        fetch_lfs(rt, source, manifest, stage, commit)
    except (RemoteError, ToolTooOld) as error:
        return (f"LFS content ({error.code})",)
    return ()


def _submodules(filling: Filling, source: Source, commit: Oid) -> list[Mirrored]:
    """Mirror the repositories of the submodules that *commit* of the mirrored *source* names, once for each commit."""
    rt, manifest, folder = filling.rt, filling.manifest, filling.folder
    done: dict[tuple[Url, Oid], Mirrored] = {}
    level = [(source, commit)]
    # The uppermost first: what is seen again then stands no higher, so no limit of depth cuts off what is below it.
    for _ in range(DEPTH_LIMIT):
        below: list[tuple[Source, Oid]] = []
        for outer, of in level:
            look = folder.stage(outer.name, repository_path(outer.url), borrow=True, oid_length=len(of))
            for inside, oid, url in judge_submodules(rt, outer, manifest, look, of, besides=len(done)):
                if (url, oid) not in done:
                    inner = replace(outer, url=url, track=Commit(oid), history="full", lfs="pointer")
                    done[url, oid] = _mirror_submodule(filling, inner, inside, oid)
                    below.append((inner, oid))
        level = below
    return list(done.values())


def _mirror_submodule(filling: Filling, source: Source, inside: str, oid: Oid) -> Mirrored:
    """Mirror all branches and tags of the repository of the submodule *inside*, one of which must lead to *oid*."""
    by = partial(_prove_submodule, filling.manifest, source, inside, oid)
    wanted = Wanted(source=source, pin=None, commit=oid, prove=by)
    after = (SubmoduleUnreachable,)
    return going_on(filling.rt, source, lambda rt: mirrored(replace(filling, rt=rt), wanted), after=after)


def _prove_submodule(
    manifest: Manifest, source: Source, inside: str, oid: Oid, rt: Runtime, stage: Stage, served_by: str
) -> Proved:
    with answered(rt, source, served_by):
        if not belongs(rt, stage, oid):
            raise SubmoduleUnreachable(name=source.name, path=inside, commit=oid, url=served_by)
    gate_content(rt, stage, source, oid, manifest)
    return Proved()
