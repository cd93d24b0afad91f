"""``git hybrid diff`` and ``outdated``: hold the lock against disks and upstreams, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from git_hybrid.app.acquire import EVERY_REF, fetch_history, gate_tree
from git_hybrid.app.age import held_by_age
from git_hybrid.app.bases import Base, bases_of, unless_allowed
from git_hybrid.app.blaming import ACCUSING, blamed, blaming, is_edited
from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_to_end
from git_hybrid.app.judging import forbidden_in, moved_from
from git_hybrid.app.lagging import came_before
from git_hybrid.app.listing import listed
from git_hybrid.app.observe import observe
from git_hybrid.app.on_disk import SHOWN_COMMITS, disk_row
from git_hybrid.app.patching import to_disk, to_upstream
from git_hybrid.app.proving import belongs, containing_ref
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.select import select
from git_hybrid.app.spreading import batches, carried_out, errands_of
from git_hybrid.app.unpinned import unpinned
from git_hybrid.core.bundles import with_carrier
from git_hybrid.core.difference import Difference
from git_hybrid.core.endpoints import DIRECT, Endpoint, Mirrors
from git_hybrid.core.errors import HybridError, RemoteError, RewrittenHistory, Rollback, Unreachable
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.instead import instead
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Manifest, Source, track_field
from git_hybrid.core.mirrors import NO_MIRRORS, Inventory
from git_hybrid.core.plan import Looked, Snapshot
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_spread import Errand
from git_hybrid.core.report import Report, Row, failed, moved_note, refused
from git_hybrid.core.resolve import Candidate, is_older_release, newer_release, newest_allowed, pinned_tag_gone
from git_hybrid.core.value import Struct, replace

ASKED_TOGETHER = 16
"""So many upstreams make one errand: they share connections, and the cost of handing them over."""


def diff(
    rt: Runtime,
    names: Sequence[str] = (),
    groups: Sequence[str] = (),
    *,
    upstream: bool = False,
    changes: dict[SourceName, Difference] | None = None,
) -> Report:
    """Return what stands between lock and disk, or with *upstream* between lock and the newest upstream.

    *changes* gets both sides of each difference that a patch can be made of, until the end of the run.

    Raises:
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun, InvalidFile, NewerSchema: a run was stopped while it wrote the files, or one cannot be read.
    """
    snapshot = rt.whole_snapshot()
    selected = select(snapshot.manifest, names, groups)
    seen: dict[SourceName, Looked] = {} if upstream else observe(rt, snapshot, selected)
    asking, mirrors = rt.for_many(len(selected)), _known_mirrors(rt, snapshot) if upstream else NO_MIRRORS

    def work(name: SourceName) -> Row:
        source, pin = snapshot.manifest.sources[name], snapshot.lock.pins.get(name)
        if pin is None:
            return failed(name, unpinned(rt, snapshot, source))
        rt.progress("start", name, "compare")
        try:
            with of_source(name), blaming(rt, pin):
                if upstream:
                    return _upstream_row(asking, snapshot, source, pin, mirrors, changes)
                row = disk_row(rt, source, pin, seen[name])
                if changes is not None and (found := to_disk(rt, source, pin, row, seen[name])) is not None:
                    changes[name] = found
                return row
        except HybridError as error:
            return failed(name, with_carrier(error, snapshot.state.sources.get(name), None))
        finally:
            rt.progress("done", name, "compared")

    title = "asking upstream" if upstream else "comparing"
    return Report(command="diff", rows=run_to_end(rt, snapshot.manifest, title, work, selected))


def _known_mirrors(rt: Runtime, snapshot: Snapshot) -> Inventory:
    """Return the inventory as far as the log bears it out, which is read only where a mirror may be asked."""
    is_asked = any(entry != DIRECT for entry in rt.mirrors.entries)
    return rt.ledger.believed(snapshot.mirrors) if is_asked else NO_MIRRORS


def _upstream_row(
    rt: Runtime,
    snapshot: Snapshot,
    source: Source,
    pin: Pin,
    mirrors: Inventory,
    changes: dict[SourceName, Difference] | None,
) -> Row:
    bases = bases_of(snapshot, pin)
    found = _newest(rt, source, snapshot.manifest, pin, bases, mirrors)
    newest = found.newest
    if newest.commit is None or newest.commit == pin.commit:
        return Row(name=source.name, outcome="same", before=pin.commit, after=pin.commit, ref=pin.ref)
    # At the same URL another object format is another repository, which the fetch tells.
    length = len(pin.commit if pin.url == source.url else newest.commit)
    wanted, commit = (newest.ref,) if newest.ref else EVERY_REF, newest.commit
    satisfied = partial(rt.objects.has_commit, oid=commit) if newest.ref else partial(belongs, rt, commit=commit)
    stage, served_by = fetch_history(rt, source, snapshot.manifest, wanted, oid_length=length, satisfied=satisfied)
    ref = newest.ref or containing_ref(rt, stage, commit)
    row = Row(name=source.name, outcome="differs", before=pin.commit, after=newest.commit, ref=ref)
    if ref is None:
        return refused(row, Unreachable.code, "no branch and no tag has it")
    if rt.objects.has_commit(stage, pin.commit):
        # Of a history that is not full the commits alone are there.
        full = source.history == "full"
        if full:
            gate_tree(rt, stage, source, newest.commit, snapshot.manifest)
        ranged = rt.objects.between(stage, pin.commit, newest.commit, limit=SHOWN_COMMITS, files=full)
        row = replace(row, range=ranged)
    if changes is not None:
        change = to_upstream(rt, source, snapshot.manifest, pin, (commit, ref), (stage, served_by))
        changes |= {} if change is None else {source.name: change}
    row = _unless_behind(rt, source, row, newest, found.endpoint, pin)
    new = replace(pin, url=source.url, commit=newest.commit, ref=ref, root_commits=())
    return row if "refused" in row.detail else _unless_refused(rt, source, row, (pin, new), bases, stage)


def _unless_refused(
    rt: Runtime, source: Source, row: Row, move: tuple[Pin, Pin], bases: Sequence[Base], stage: Stage
) -> Row:
    """Return *row*; where the history in *stage* leads from none of *bases* to the new pin of *move*, it says so.

    Raises:
        RewrittenHistory: it does not, and the lock alone has the old pin of *move*.
    """
    old, new = move
    there = [rt.objects.has_commit(stage, base.pin.commit) for base in bases]
    pairs = zip(bases, there, strict=True)
    found = [forbidden_in(rt, source, base, new, stage, there=is_there) for base, is_there in pairs]
    error = unless_allowed(found)
    if isinstance(error, Rollback):
        return refused(row, error.code, f"older than {error.than}")
    if isinstance(error, RewrittenHistory):
        if is_edited(rt, old):
            raise error
        how = "it was rewritten" if any(there) else "it was rewritten, or went back"
        return refused(row, error.code, f"{short_ref(error.ref)} no longer has {error.old}: {how}")
    return row


class _Listed(Struct, frozen=True, kw_only=True):
    """The newest that the manifest allows, the server that lists it, and the newer release that it does not allow."""

    newest: Candidate
    endpoint: Endpoint
    release: str | None
    moved: str


def _newest(
    rt: Runtime, source: Source, manifest: Manifest, pin: Pin | None, bases: Sequence[Base], mirrors: Inventory
) -> _Listed:
    """Return the newest that the manifest allows, as the first server lists it that is neither stale nor behind.

    Where nothing here tells whether a mirror is, upstream itself is asked too, if it may be. Its tag is held against
    *bases*, as ``pin`` does, or where there are none against *pin*.

    Raises:
        MovedTag, RefMissing: what is pinned or declared is not there as it was.
        StaleMirror: policy calls all of them stale.
        HybridError: what the servers answered.
    """
    found = _newest_listed(rt, source, manifest, pin, bases, mirrors)
    if pin is None or found.endpoint.base is None or came_before(rt, source, found.newest, pin) is not None:
        return found
    if DIRECT in rt.mirrors.left and not rt.offline:
        with suppress(RemoteError):
            return _newest_listed(replace(rt, mirrors=Mirrors((DIRECT,))), source, manifest, pin, bases, mirrors)
    return found


def _newest_listed(
    rt: Runtime, source: Source, manifest: Manifest, pin: Pin | None, bases: Sequence[Base], mirrors: Inventory
) -> _Listed:
    listing = listed(rt, source, manifest, pin, head=False, mirrors=mirrors)
    with listing as (refs, endpoint), instead(pin, refs, source):
        newest = newest_allowed(source, refs)
        gone = moved_from(pin, bases, newest, refs, source)
        if gone is None and pin is not None:
            gone = pinned_tag_gone(pin, newest, refs, source)
        if gone is not None:
            raise gone
    moved = refs.at if endpoint.base is None else ""
    return _Listed(newest=newest, endpoint=endpoint, release=newer_release(newest, refs), moved=moved)


def _unless_behind(rt: Runtime, source: Source, row: Row, newest: Candidate, endpoint: Endpoint, pin: Pin) -> Row:
    """Return *row*; where a mirror alone was asked that is behind the pin, it says so."""
    behind = False if endpoint.base is None else came_before(rt, source, newest, pin)
    if behind is None:
        maybe = f"the mirror {endpoint.base} may be behind: no clone here tells which of the two is newer"
        return replace(row, notes=(*row.notes, maybe))
    why = f"the mirror {endpoint.base} is behind: what it has came before the pin"
    return refused(row, "mirror-behind", why) if behind else row


def outdated(rt: Runtime, names: Sequence[str] = (), groups: Sequence[str] = ()) -> Report:
    """Return for each source whether upstream has something newer that the manifest allows. Fetches nothing.

    Raises:
        UnknownSource: a name or group is not in the manifest.
        UnfinishedRun, InvalidFile, NewerSchema: a run was stopped while it wrote the files, or one cannot be read.
    """
    snapshot = rt.whole_snapshot()
    selected = select(snapshot.manifest, names, groups)
    # What a pin that was forced is judged against stands in the log, which no other machine has.
    known = ((name, snapshot.lock.pins.get(name)) for name in selected)
    bases = {name: tuple(base.pin for base in bases_of(snapshot, pin)) for name, pin in known if pin and pin.override}
    mirrors = _known_mirrors(rt, snapshot)
    if rt.spread is None:
        rows = newer_upstream(rt, snapshot.manifest, snapshot.lock.pins, selected, bases, mirrors)
    else:
        together = batches(selected, ASKED_TOGETHER)
        errands = errands_of(rt, rt.spread, snapshot, together, bases=bases, inventory=mirrors)
        found = carried_out(rt, rt.spread, ask_upstreams, errands)
        rows = tuple(failed(name, row) if isinstance(row, HybridError) else row for name, row in found.items())
        rt.stop_if_cancelled()
    rows = tuple(_of_lock(rt, snapshot, row) for row in rows)
    if snapshot.manifest.policy.min_release_age:
        rows = tuple(held_by_age(rt, snapshot, row) for row in rows)
    return Report(command="outdated", rows=rows)


def _of_lock(rt: Runtime, snapshot: Snapshot, row: Row) -> Row:
    """Return *row* with what its pin rests on; where it accuses upstream of what the lock alone has, it says so."""
    pin = snapshot.lock.pins.get(row.name)
    if row.error is not None:
        with_carrier(row.error, snapshot.state.sources.get(row.name), None)
    elif pin is not None and pin.override is not None:
        from git_hybrid.app.held import with_override

        return with_override(snapshot, row, pin)
    if pin is None or not isinstance(row.error, ACCUSING):
        return row
    return failed(row.name, blamed(rt, pin, row.error))


def ask_upstreams(rt: Runtime, errand: Errand) -> dict[SourceName, Row]:
    """Return the rows of an errand, on whatever machine."""
    rows = newer_upstream(rt, errand.manifest, errand.pins, errand.names, errand.bases, errand.inventory)
    return {row.name: row for row in rows}


def newer_upstream(
    rt: Runtime,
    manifest: Manifest,
    pins: Mapping[SourceName, Pin],
    selected: Sequence[SourceName],
    bases: Mapping[SourceName, Sequence[Pin]],
    mirrors: Inventory,
) -> tuple[Row, ...]:
    """Return for each of *selected* whether upstream has something newer that the manifest allows.

    Raises:
        Interrupted: a signal came.
    """
    asking = rt.for_many(len(selected))

    def work(name: SourceName) -> Row:
        source, pin = manifest.sources[name], pins.get(name)
        rt.progress("start", name, "ask")
        try:
            with of_source(name):
                found = _newest(asking, source, manifest, pin, [Base(base) for base in bases.get(name, ())], mirrors)
        except HybridError as error:
            return failed(name, error)
        finally:
            rt.progress("done", name, "asked")
        newest, release = found.newest, found.release
        detail = {"newer_release": release, "follows": track_field(source.track)[0]} if release else {}
        notes = (moved_note(found.moved),) if found.moved else ()
        detail |= {"moved_to": found.moved} if found.moved else {}
        if pin is None:
            return Row(name=name, outcome="unpinned", after=newest.commit, ref=newest.ref, notes=notes, detail=detail)
        word = "current" if newest.commit == pin.commit else "outdated"
        detail = {"pinned_ref": pin.ref, **detail}
        # Whoever follows a commit follows no ref: neither one that is listed with it nor that of the old pin.
        follows = newest.ref or pin.ref
        ref = None if word == "outdated" and isinstance(source.track, Commit) else follows
        row = Row(name=name, outcome=word, before=pin.commit, after=newest.commit, ref=ref, notes=notes, detail=detail)
        is_older = word == "outdated" and newest.ref is not None and is_older_release(pin.ref, newest.ref)
        if is_older:
            return refused(row, "rollback", "older than what is pinned: nothing newer is allowed")
        return _unless_behind(rt, source, row, newest, found.endpoint, pin) if word == "outdated" else row

    return run_to_end(rt, manifest, "asking upstream", work, selected)
