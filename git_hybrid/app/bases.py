"""What the move of a pin is judged against: the pin in the lock, what its override came from, or the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import HybridError, IdentityChanged
from git_hybrid.core.governance import ASIDE, REPLACED, lifted
from git_hybrid.core.ids import Oid, RefName, SourceName, is_oid, short_ref
from git_hybrid.core.last_pins import pin_of
from git_hybrid.core.lock import UNREACHABLE, Pin, still_allowed, tells_tag, with_pins
from git_hybrid.core.manifest import Commit, Source, Tag, config_digest
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.resolve import is_older_version
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.versions import release_order


class Base(Struct, frozen=True):
    """One pin that a move may go on from. ``why`` says where it is from, as the end of a sentence about its commit."""

    pin: Pin
    why: str = ""

    @property
    def than(self) -> str:
        """What something is older than, in words."""
        return f"{self.pin.commit}, {self.why}" if self.why else f"the pinned {self.pin.commit}"


class Sides(Struct, frozen=True):
    """What counts besides where branches both moved a pin: that which may be ``chosen``, and what was decided.

    ``plain`` are those at the commit in the lock that rest on no override, where another branch had forced it; the pin
    goes back behind none of those ``beside``. ``taken`` is where the tag of the pin was before another branch took it
    to where that is. ``split``: some of them stand elsewhere than the lock.
    """

    chosen: tuple[Base, ...]
    plain: tuple[Base, ...]
    beside: tuple[tuple[Base, ...], ...]
    taken: tuple[Base, ...]
    split: bool


def as_logged(rt: Runtime, snapshot: Snapshot, names: Iterable[SourceName], stays: str | None = None) -> Snapshot:
    """Return *snapshot* without those pins of *names* that the audit log has elsewhere last.

    A revert, a merge or a hand that changes the lock is no record: where the log has the pin last counts, as if the
    lock had none. What a pick brought along does not, unless it is to be approved that the pin *stays* at a commit.

    Raises:
        InvalidFile: the log goes on from an archive that is not there, so that nobody knows where a pin stood.
    """
    rt.ledger.require_archives()
    known = set(names) & snapshot.manifest.sources.keys()
    pins = {name: pin for name, pin in snapshot.lock.pins.items() if name in known}
    moves = {name: pin for name, pin in pins.items() if pin.commit != stays}
    told = rt.ledger.leave_out(moves, {name: state.commit for name, state in snapshot.state.sources.items()})
    misplaced = rt.ledger.misplaced({name: pin for name, pin in pins.items() if name in told or name not in moves})
    return replace(snapshot, lock=with_pins(snapshot.lock, add={}, drop=misplaced)) if misplaced else snapshot


def commit_kept(rt: Runtime, snapshot: Snapshot, logged: Snapshot, source: Source) -> Oid | None:
    """Return the commit that a pin without a name asks for where *logged* left the pin out of *snapshot*.

    It is the one in the lock, or where that has none the one at which it stood last, if the manifest allows it: by the
    way no pin moves, and none is put back. A tag has one commit, and what an override allowed comes back with that.
    """
    old = snapshot.lock.pins.get(source.name)
    if old is None and not isinstance(source.track, Tag):
        lost = {pin.commit: pin for pin in stood_before(rt, snapshot, source)}
        pin = next(iter(lost.values())) if len(lost) == 1 else None
        return pin.commit if pin and pin.override is None and still_allowed(pin, source) else None
    if old is None or source.name in logged.lock.pins or not still_allowed(old, source):
        return None
    return old.commit


def last_of_log(rt: Runtime, snapshot: Snapshot, source: Source) -> tuple[Pin, ...]:
    """Return where the audit log has the pin of a declared source last, if the lock has none.

    A table that was taken out of the lock, or that a merge has lost, is no reason to take what was refused. What is
    only being added begins anew, and its ``add`` record says so.
    """
    if source.name in snapshot.lock.pins or source.name not in snapshot.manifest.sources:
        return ()
    return rt.ledger.last_pins(source.name, source.url)


def of_head(rt: Runtime, lost: Sequence[Pin]) -> tuple[Pin, ...]:
    """Return *lost*, the pins of one source by the log, with the roots that HEAD has of those that it tells none of."""
    if all(pin.root_commits for pin in lost):
        return tuple(lost)
    head = rt.head()
    if head is None or (had := head.pins.get(lost[0].source)) is None:
        return tuple(lost)
    return tuple(replace(pin, root_commits=had.root_commits) if pin.commit == had.commit else pin for pin in lost)


def stood_before(rt: Runtime, snapshot: Snapshot, source: Source) -> tuple[Pin, ...]:
    """Return where the pin of a declared source stood last, if the lock has none: by the log, or by another name.

    A source whose name changed in the manifest goes on from where it stood, and what an override had let in there is
    not let in by that: such a pin is the last one before it that was not forced.
    """
    lost = of_head(rt, last_of_log(rt, snapshot, source))
    if lost or source.name in snapshot.lock.pins or source.name not in snapshot.manifest.sources:
        return lost
    pins = {**(head.pins if (head := rt.head()) else {}), **snapshot.lock.pins}
    gone = [pin for name, pin in pins.items() if name not in snapshot.manifest.sources]
    same = [pin for pin in gone if same_repository(pin.url, source.url)]
    return tuple(base.pin for pin in same for base in bases_of(snapshot, pin) if base.pin.override is None)


def bases_before(snapshot: Snapshot, source: Source, stood: Sequence[Pin]) -> tuple[Base, ...]:
    """Return what a plain pin is judged against where it stood as :func:`stood_before` tells."""
    renamed = [pin for pin in stood if pin.source != source.name]
    found = (Base(pin, f"where it stood as {pin.source}, which the manifest has no more") for pin in renamed)
    return (*of_log(snapshot, [pin for pin in stood if pin not in renamed]), *found)


def sides_in_log(rt: Runtime, snapshot: Snapshot, source: Source, to: str | None) -> Sides:
    """Return what else counts where branches both moved a pin.

    The lock may have either side's, so whoever merges chooses, and needs no approval for what the other side had pinned
    in its turn, also without an override at the commit that this one had forced. Once the records of both are committed
    it is decided: from then on the pin goes back behind neither, as long as the manifest allows it. By one tag there is
    one commit, and nothing to choose: the branch counts that took it first.
    """
    sides = rt.ledger.sides(source.name) if source.name in snapshot.manifest.sources else ()
    # Where HEAD has no log, as on a branch that has no commit yet, they may have met elsewhere.
    head = (rt.head() or rt.met([str(record["hash"]) for record in sides])) if sides else None
    old = snapshot.lock.pins.get(source.name)
    here = old.commit if old else None
    stood = head.pins.get(source.name) if head else None
    own = [record for record in sides if record.get("after") == here]
    taken = head is not None and bool(own) and not any(head.has(record) for record in own)
    pinned = [pin_of(record, source.name, source.url) for record in own]
    # By the records of older versions no roots are known, and of one commit they are the same.
    pinned = [pin if old is None else replace(pin, root_commits=old.root_commits) for pin in pinned]
    is_merged = head is not None and all(head.has(record) for record in own)
    is_forced = any(pin.override for pin in pinned)
    plain = [pin for pin in pinned if is_forced and not is_merged and not pin.override]
    first = _taken_before(rt, snapshot, source, here) if sides else None
    moved = _taken_before(rt, snapshot, source, to) if sides else None
    chosen: list[Pin] = []
    decided: list[Pin] = []
    for record in sides:
        pin = pin_of(record, source.name, source.url)
        is_open = head is None or not head.has(record) or (taken and stood is not None and stood.commit == pin.commit)
        if old and pin.commit == to and moved is None and (is_open or first == to):
            chosen.append(pin)
        elif not is_open and pin.commit != here and still_allowed(pin, source):
            decided.append(pin)
    why = "where a branch that was merged had pinned it"
    beside = tuple(of_log(snapshot, [pin], why) for pin in decided)
    before = [pin_of(record, source.name, source.url) for record in sides if record.get("after") == first]
    split = any(record.get("after") != here for record in sides)
    return Sides(of_log(snapshot, chosen), of_log(snapshot, plain), beside, of_log(snapshot, before, why), split)


def _taken_before(rt: Runtime, snapshot: Snapshot, source: Source, commit: str | None) -> str | None:
    """Return where another branch had taken the tag of a pin before it was taken to *commit*; None if none had."""
    old = snapshot.lock.pins.get(source.name)
    if old is None or commit is None or not is_oid(commit):
        return None
    pin = replace(old, commit=Oid(commit), override=old.override if commit == old.commit else None)
    return rt.ledger.moved_tags({source.name: pin}, {source.name: source}).get(source.name)


def others_of_tag(rt: Runtime, snapshot: Snapshot, source: Source, ref: RefName) -> tuple[Pin, ...]:
    """Return the pins of other sources that say where the tag *ref* of the repository of *source* was.

    One that has another name since the last commit, or was taken out, counts as that has it. Whoever follows a commit
    is asked no tag.
    """
    if isinstance(source.track, Commit):
        return ()
    pins, sources = snapshot.lock.pins, snapshot.manifest.sources
    head = rt.head() if ref.startswith("refs/tags/") else None
    gone = {} if head is None else {name: pin for name, pin in head.pins.items() if name not in {*pins, *sources}}
    return tuple(
        pin
        for name, pin in {**gone, **pins}.items()
        if pin.ref == ref and name != source.name
        if tells_tag(pin, sources.get(name)) and same_repository(pin.url, source.url)
    )


def former_of_url(rt: Runtime, source: Source, stood: Sequence[Pin]) -> tuple[Pin, ...]:
    """Return where the pin of a source stood last by the URL of its entry, if all of *stood* are of another URL.

    The way to another repository is one that the manifest shows, and its pins are compared with nothing. The way back
    leaves nothing to see: the pin goes on from where it was.
    """
    if not stood or any(same_repository(pin.url, source.url) for pin in stood):
        return ()
    return rt.ledger.former_pins(source.name, source.url)


def former_bases(
    rt: Runtime, snapshot: Snapshot, source: Source, stood: Sequence[Pin], ref: RefName | None
) -> tuple[tuple[Base, ...], ...]:
    """Return what a pin that comes back to a URL or to *ref* is judged against besides *stood*: one of each will do.

    Otherwise the entry would only have to name the commit for a moment, and a moved tag is the tag again. A pin whose
    entry is as it was comes back from nowhere.
    """
    former = {"where it stood last by this URL": former_of_url(rt, source, stood)}
    edited = all(pin.config_digest != config_digest(source) for pin in stood)
    if stood and ref is not None and not isinstance(source.track, Commit) and edited:
        former[f"where it stood last by {short_ref(ref)}"] = rt.ledger.former_pins(source.name, source.url, ref)
    return tuple(of_log(snapshot, pins, why) for why, pins in former.items() if pins)


def left_bases(rt: Runtime, source: Source, stood: Sequence[Pin]) -> tuple[Base, ...]:
    """Return where a pin stood before its entry came to follow something else, where that was edited since *stood*.

    So it is where *stood* was forced. Of releases the newest counts, and the newest that the entry allows.
    """
    if not stood or any(pin.override is None and pin.config_digest == config_digest(source) for pin in stood):
        return ()
    newest, others = dict[bool, Pin](), dict[Oid, Pin]()
    names = {source.name, *(pin.source for pin in stood)}
    for pin in (pin for name in sorted(names) for pin in rt.ledger.left_pins(replace(source, name=name))):
        allowed = still_allowed(pin, source)
        if not pin.ref.startswith("refs/tags/") or release_order(short_ref(pin.ref)) is None:
            others[pin.commit] = pin
        elif allowed not in newest or is_older_version(pin.ref, newest[allowed].ref):
            newest[allowed] = pin
    here = {pin.commit for pin in stood}
    found = {pin.commit: pin for pin in (*newest.values(), *others.values()) if pin.commit not in here}
    return tuple(Base(pin, "where it stood before it followed something else") for pin in found.values())


def commit_before(rt: Runtime, snapshot: Snapshot, source: Source) -> Oid | None:
    """Return the commit that the pin of a source stands at, by the lock, or else stood at last; None if at none."""
    old = snapshot.lock.pins.get(source.name)
    stood = (old,) if old else stood_before(rt, snapshot, source)
    return next((pin.commit for pin in (*former_of_url(rt, source, stood), *stood)), None)


def of_log(
    snapshot: Snapshot, pins: Sequence[Pin], why: str = "where the audit log has its pin last"
) -> tuple[Base, ...]:
    """Return what a plain pin is judged against where the log alone has *pins*."""
    return tuple(Base(base.pin, base.why or why) for pin in pins for base in bases_of(snapshot, pin))


def bases_of(snapshot: Snapshot, old: Pin) -> tuple[Base, ...]:
    """Return what a plain pin is judged against: *old*, and the last pin before it that was not forced.

    What lay off the declared ref, or behind, is no step that a plain pin could go on from, nor is what nobody approved:
    there *old* does not count. Past a moved tag or a rewritten history, though they lead back, upstream may go on, or
    put things right again. What was let in of another repository is where that begins: so is what was forced on top.
    """
    trail, name, identity = snapshot.trail, old.source, old.override or ""
    is_other, before = False, tuple[Base, ...]()
    told = lifted(identity, name, snapshot.overrides, trail)
    lifts = frozenset(told.lifts if told else ())
    doubted = told is not None and bool(snapshot.doubts(identity))
    found = () if doubted or (ASIDE & lifts and not REPLACED & lifts) else (Base(old),)
    while told is not None and (told.lifts or doubted):  # What was forced without need is as good as what was not.
        if told.from_commit is None:
            return found
        # Where no override let in another repository, it was of the same as that which is pinned.
        if IdentityChanged.code in told.lifts and not is_other:
            is_other, found = True, (*found, *before)
        pin = _came_from(snapshot, old, told.from_commit, roots=() if is_other else old.root_commits)
        before = (Base(pin, "which its override came from"),)
        # The commit that it came from may itself have been forced.
        earlier = trail.rests.get((name, pin.commit), "")
        told = lifted(earlier, name, snapshot.overrides, trail) if earlier < identity else None
        identity, doubted = earlier, bool(snapshot.doubts(earlier))
    return (*found, *before)


def _came_from(snapshot: Snapshot, old: Pin, commit: Oid, *, roots: tuple[Oid, ...]) -> Pin:
    ref = RefName(snapshot.trail.refs.get((old.source, commit), "") or UNREACHABLE)
    return replace(old, commit=commit, ref=ref, root_commits=roots, tag_object=None, override=None)


def unless_allowed(errors: Sequence[HybridError | None]) -> HybridError | None:
    """Return the first of *errors*, which tell of one base each; None where one of the bases allows the move."""
    return None if None in errors or not errors else errors[0]
