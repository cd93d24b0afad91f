"""What a source is asked for by a pin, and what its move is judged against."""

from __future__ import annotations

from functools import cache, partial

from git_hybrid.app.bases import (
    Base,
    bases_before,
    bases_of,
    former_bases,
    left_bases,
    others_of_tag,
    sides_in_log,
    stood_before,
)
from git_hybrid.app.evidence import Wish
from git_hybrid.app.force import Forced, Objections
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.governance import governed
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Source
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.value import replace


def wish_for(
    rt: Runtime, snapshot: Snapshot, source: Source, *, to: str | None, move: bool, forced: Forced | None
) -> Wish:
    """Return the wish for the revision *to*, or for the newest that the manifest allows if the pin is to *move*."""
    lost, old = stood_before(rt, snapshot, source), snapshot.lock.pins.get(source.name)
    wish = _wish(snapshot, source, lost, to=to, move=move, forced=forced)
    sides = sides_in_log(rt, snapshot, source, to)
    # A pin without a name goes on with its override.
    plain = () if wish.objections.forced else sides.plain
    come_back = partial(former_bases, rt, snapshot, source, (old,) if old else lost)
    former = cache(lambda ref: (*come_back(ref), *((sides.taken,) if sides.taken else ())))
    # Whoever names the commit at which the pin stays decides for one side.
    anew = wish.anew or (to is not None and sides.split) or bool(plain)
    bases = (*wish.bases, *sides.chosen, *plain)
    return replace(
        wish,
        bases=bases,
        anew=anew,
        lost=lost,
        mirrors=rt.ledger.believed(snapshot.mirrors),
        former=former,
        plain=bool(plain),
        beside=sides.beside,
        # Whoever merges may choose the other side, by whatever way that came.
        left=() if sides.chosen else left_bases(rt, source, (old,) if old else lost),
        others=partial(others_of_tag, rt, snapshot, source),
    )


def _wish(
    snapshot: Snapshot, source: Source, lost: tuple[Pin, ...], *, to: str | None, move: bool, forced: Forced | None
) -> Wish:
    old = snapshot.lock.pins.get(source.name)
    bases = (Base(old),) if old else bases_before(snapshot, source, lost)
    if forced is not None:
        return Wish(to=to, move=True, bases=bases, objections=Objections(forced=True), anew=True)
    if old is None or old.override is None:
        return Wish(to=to, move=move, bases=bases, objections=Objections())
    if move or to is not None:
        return Wish(to=to, move=True, bases=bases_of(snapshot, old), objections=Objections(), anew=True)
    # Only the manifest entry changed: a pin whose override is in force keeps its commit and its override.
    if source.track == Commit(old.commit):
        # The manifest says now what the override was for: it allows the commit without one.
        return Wish(to=None, move=True, bases=bases_of(snapshot, old), objections=Objections(), anew=True)
    keeps = governed(old, snapshot.approvals) is None and same_repository(old.url, source.url)
    bases = bases if keeps else bases_of(snapshot, old)
    return Wish(to=old.commit if keeps else None, move=False, bases=bases, objections=Objections(forced=keeps))
