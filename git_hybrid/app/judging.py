"""Judge where a pin may move by what upstream has now, and its history says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from git_hybrid.app.bases import Base, unless_allowed
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.whereabouts import is_given_out
from git_hybrid.core.audit import RESTS_ON
from git_hybrid.core.canonical import Json
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import HybridError, IdentityChanged, MovedTag, Rollback
from git_hybrid.core.ids import RefName
from git_hybrid.core.last_pins import DESCENDS, pinned_as
from git_hybrid.core.last_told import BROUGHT
from git_hybrid.core.lock import UNREACHABLE, Pin, still_allowed
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import RemoteRefs, Stage
from git_hybrid.core.resolve import Candidate, Move, forbidden_move, is_older_version, moved_tag
from git_hybrid.core.value import replace


def moved_from(
    old: Pin | None, bases: Sequence[Base], candidate: Candidate, refs: RemoteRefs, source: Source
) -> HybridError | None:
    """Return the error if the tag of *candidate* is for none of *bases*, or for *old*, the object that was pinned."""
    pins = [base.pin for base in bases] or ([] if old is None else [old])
    # Of what is not in the lock any more the commit is known, and not the tag object.
    known = [pin if pin is old or pin.tag_object else replace(pin, tag_object=candidate.tag_object) for pin in pins]
    return unless_allowed([moved_tag(pin, candidate, refs, source) for pin in known])


def moved_beside(
    stood: Iterable[Pin],
    others: Callable[[RefName], Iterable[Pin]],
    ref: RefName | None,
    source: Source,
    judge: Callable[[Pin], HybridError | None],
) -> HybridError | None:
    """Return the error if *ref* is a tag by which none of *stood* was pinned, and *judge* has one for all *others*.

    One of those will do: an override may have let it take the tag where that is now.
    """
    if ref is None or any(pin.ref == ref and same_repository(pin.url, source.url) for pin in stood):
        return None
    pins = tuple(others(ref))
    error = unless_allowed([judge(pin) for pin in pins])
    if isinstance(error, MovedTag):
        error.held = f"{pins[0].source}, of the same repository, was pinned by it before"
    return error


def forbidden(
    rt: Runtime, source: Source, manifest: Manifest, refs: RemoteRefs, base: Base, new: Pin, history: Stage
) -> HybridError | None:
    """Return the error if *new* may not follow the pin of *base* without an override."""
    old = base.pin
    if base.why and old.ref == UNREACHABLE:
        # The log no longer tells by which ref it was pinned.
        at_tip = (ref for ref in sorted(refs.tips) if refs.commit(ref) == old.commit and ref.startswith("refs/tags/"))
        old = replace(old, ref=next((RefName(ref) for ref in at_tip), new.ref))
    if same_repository(old.url, new.url):
        there = is_there(rt, source, manifest, history, old)
    else:
        there = rt.objects.has_commit(history, old.commit)
    base = Base(old, base.why)
    return forbidden_in(rt, source, rooted(rt, base, history) if there else base, new, history, there=there)


def rooted(rt: Runtime, base: Base, history: Stage) -> Base:
    """Return *base* with the root commits that the whole *history* has of it, where nothing told them."""
    if not base.why or base.pin.root_commits:
        return base
    roots = rt.objects.facts(history, base.pin.commit, complete=True).root_commits
    return Base(replace(base.pin, root_commits=roots), base.why)


def forbidden_in(
    rt: Runtime, source: Source, base: Base, new: Pin, history: Stage, *, there: bool
) -> HybridError | None:
    """Return the error if *new* may not follow the pin of *base*, which is *there* in *history* or nowhere."""
    old = base.pin
    forward = there and rt.objects.is_ancestor(history, old.commit, new.commit)
    backward = there and rt.objects.is_ancestor(history, new.commit, old.commit)
    move = Move(old=old, new=new, old_is_ancestor=forward, new_is_ancestor=backward, than=base.than)
    error = forbidden_move(move, source)
    is_told = there or not base.why or bool(old.root_commits)
    if error is None and not is_told and old.commit != new.commit and same_repository(old.url, new.url):
        return _unknown(source, old, new)
    return error


def _unknown(source: Source, old: Pin, new: Pin) -> IdentityChanged:
    """Return the error for *new*, of which nothing tells whether it is of the repository that *old* was of."""
    return IdentityChanged(
        name=source.name,
        url=str(source.url),
        old=("unknown",),
        new=new.root_commits or ("unknown",),
        what="nothing tells whether the same repository is served",
        untold=f"no record tells the root commits of {old.commit}, which neither upstream nor a clone has any more",
    )


def behind_left(
    rt: Runtime,
    source: Source,
    left: Sequence[Base],
    move: tuple[Pin | None, Pin],
    history: Stage,
    has: Callable[[Pin], bool],
) -> Rollback | None:
    """Return the error if *move* goes back behind one of *left*, as no pin may by way of another ref.

    *has* tells which of these there are. An older version that goes on from the old pin is one of another series, which
    the entry follows by now: it goes back only where the entry allows the newer one still.
    """
    old, new = move
    there = {base: has(base.pin) for base in left if base.pin.commit != new.commit}
    if not there:
        return None
    tips = [base.pin.commit for base, is_there in there.items() if is_there]
    is_behind = bool(tips) and rt.objects.is_behind(history, new.commit, tips)
    goes_on = old is not None and has(old) and rt.objects.is_ancestor(history, old.commit, new.commit)
    for base, is_there in there.items():
        is_older = is_older_version(base.pin.ref, new.ref) and (not goes_on or still_allowed(base.pin, source))
        if is_behind or is_older:
            error = forbidden_in(rt, source, base, new, history, there=is_there)
            if isinstance(error, Rollback):
                # What the manifest named there is not what the lock has.
                error.back = ""
                return error
    return None


def is_there(rt: Runtime, source: Source, manifest: Manifest, history: Stage, pin: Pin) -> bool:
    """Tell whether the commit of *pin*, which was of the repository of *source*, is in *history* or given out."""
    return rt.objects.has_commit(history, pin.commit) or is_given_out(rt, source, manifest, history, pin.commit)


def told_as(rt: Runtime, new: Pin, source: Source, before: Sequence[Pin], history: Stage) -> dict[str, Json]:
    """Return the details with which a record tells of *new*, which follows the pins *before*.

    An override that is cut off from the end of the log is missed, since the record before it names it. What only
    objects show, and a check of the log has to know, is told where it is unusual.
    """
    detail = pinned_as(new, source)
    if new.override is not None:
        detail[RESTS_ON] = new.override
    above = [old.commit for old in before if old.commit != new.commit and is_older_version(old.ref, new.ref)]
    there = (commit for commit in above if rt.objects.has_commit(history, commit))
    if any(rt.objects.is_ancestor(history, commit, new.commit) for commit in there):
        detail[DESCENDS] = True
    if left_out := rt.ledger.left_out(new.source):
        detail[BROUGHT] = sorted(left_out)
    return detail
