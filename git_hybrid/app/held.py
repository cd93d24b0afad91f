"""Pins that a plain ``pin`` leaves to the override that they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from git_hybrid.app.bases import Base, bases_of
from git_hybrid.app.evidence import Resolved, Wish
from git_hybrid.app.force import closing_events
from git_hybrid.core.endpoints import same_repository
from git_hybrid.core.errors import HybridError, OffBranch, OverrideEnded, Rollback, TooYoung, Unreachable
from git_hybrid.core.governance import REPLACED, Lifted, governed, lifted, unapproved, without
from git_hybrid.core.ids import SourceName, short_ref
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.manifest import Commit, Source, config_digest, track_field
from git_hybrid.core.override import Override
from git_hybrid.core.plan import Snapshot
from git_hybrid.core.reducer import Decision
from git_hybrid.core.report import Row, failed
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_time
from git_hybrid.core.words import PICKED, approval_words, typed

_AT_A_COMMIT = OffBranch | Unreachable | TooYoung
"""The errors about one commit that an override lifts, besides a rollback: for others a pin may go on from its own."""


def unless_held(snapshot: Snapshot, found: Resolved | Pin, source: Source, wish: Wish) -> Resolved | Pin:
    """Return *found*, or the old pin where a plain one may not take the place of its override.

    A pin that the lock does not have, or no longer, or of an entry that was edited, goes on with its override.

    Raises:
        OverrideEnded, OverrideUnrecorded, OverrideUnsigned: the override is not in force either.
    """
    if isinstance(found, Pin) or (held := held_by(snapshot, found, source, wish)) is None:
        return found
    if (ended := governed(held, snapshot.approvals)) is not None:
        raise ended if held is found.old or held in wish.lost else _of_former(ended, held, snapshot, source)
    if held is found.old and held.config_digest == found.pin.config_digest:
        return held
    return replace(found, pin=replace(found.pin, override=held.override))


def _of_former(error: HybridError, held: Pin, snapshot: Snapshot, source: Source) -> HybridError:
    """Return *error*, that an override has ended, as of *held*, which the pin of *source* left long ago.

    Nothing has to have been picked or merged for that, and only an entry that follows its ref again needs it anew.
    """
    if isinstance(error, OverrideEnded) and error.how.endswith(PICKED):
        error.pinned, error.how = f"its last pin by {short_ref(held.ref)} at", error.how.removesuffix(PICKED)
        error.way, error.leave = without(snapshot.overrides.records[error.override], held, snapshot.approvals), ""
        key, value = track_field(source.track)
        words = typed("git", "hybrid", "pin", source.name, f"--{key}", value, "--to", held.commit)
        error.hint = f"{words} {approval_words(signed=snapshot.has_keys)}"
    return error


def refused_pins(snapshot: Snapshot, names: Iterable[SourceName]) -> tuple[Row, ...]:
    """Return a row for each of *names* whose valid pin may not be used; ``sync`` refuses it in the same words."""
    known = ((snapshot.manifest.sources[name], snapshot.lock.pins.get(name)) for name in names)
    valid = ((source, pin) for source, pin in known if pin is not None and is_valid(pin, source))
    errors = ((pin.source, unapproved(pin, source, snapshot.approvals)) for source, pin in valid)
    return tuple(failed(name, error) for name, error in errors if error is not None)


def resting(snapshot: Snapshot, names: Iterable[SourceName]) -> tuple[Row, ...]:
    """Return a row for each of *names* whose valid pin rests on an override in force: it stays where all are moved."""
    known = ((snapshot.manifest.sources[name], snapshot.lock.pins.get(name)) for name in names)
    return tuple(
        replace(row, notes=(*row.notes, f"a plain pin takes its place: git hybrid pin {pin.source}"))
        for source, pin in known
        if pin is not None and is_valid(pin, source) and override_of(snapshot, pin) is not None
        for row, _ in (kept(snapshot, pin, {}),)
    )


def override_of(snapshot: Snapshot, pin: Pin) -> Override | None:
    """Return the override in force that *pin* rests on; None if there is none."""
    record = snapshot.overrides.records.get(pin.override or "")
    return record if record is not None and governed(pin, snapshot.approvals) is None else None


def rests_still(snapshot: Snapshot, source: Source, error: HybridError) -> Pin | None:
    """Return the pin of *source* if *error* refuses the commit where it stands for what its override lifts; else None.

    None too where the override is not in force, or the entry was edited: then there is something to be done.
    """
    old = snapshot.lock.pins.get(source.name)
    if old is None or old.override is None or old.config_digest != config_digest(source):
        return None
    commit = error.new if isinstance(error, Rollback) else error.commit if isinstance(error, _AT_A_COMMIT) else ""
    told = lifted(old.override, source.name, snapshot.overrides, snapshot.trail)
    is_lifted = commit == old.commit and told is not None and error.code in told.lifts
    return old if is_lifted and governed(old, snapshot.approvals) is None else None


def kept(snapshot: Snapshot, old: Pin, ended: Mapping[str, Override]) -> tuple[Row, Decision]:
    """Return the row and the decision where the pin *old* stays; the overrides *ended* come to nothing with that."""
    record = snapshot.overrides.records.get(old.override or "")
    rests = () if record is None else (rests_on(record),)
    notes = (*rests, *(f"{key} is superseded" for key in ended))
    row = Row(name=old.source, outcome="kept", before=old.commit, after=old.commit, ref=old.ref, notes=notes)
    return row, Decision(events=closing_events(ended), overrides=ended)


def with_override(snapshot: Snapshot, row: Row, pin: Pin) -> Row:
    """Return *row* with the override in force that *pin* rests on, if there is one."""
    if (record := override_of(snapshot, pin)) is None:
        return row
    return replace(row, notes=(*row.notes, rests_on(record)), detail={**row.detail, "override": record.id})


def rests_on(record: Override) -> str:
    """Return what is said of a pin that rests on the override *record*."""
    return f"rests on {record.id} until {format_time(record.expires_at)}"


def held_by(snapshot: Snapshot, found: Resolved, source: Source, wish: Wish) -> Pin | None:
    """Return the pin with an override, old or former, that *found* would be without one; None if there is none."""
    before = wish.lost if found.old is None else () if wish.plain else (found.old,)
    former = (_forced(bases, found.pin) for bases in wish.former(found.pin.ref))
    pins = (*before, *(pin for pins in former for pin in pins))
    return next((pin for pin in pins if is_held(snapshot, pin, found.pin, source)), None)


def _forced(bases: Sequence[Base], new: Pin) -> Sequence[Pin]:
    """Return the pins of *bases* with an override; none where one of them is *new* without one."""
    pins = [base.pin for base in bases]
    is_plain = any(pin.override is None and pin.commit == new.commit for pin in pins)
    return () if is_plain else [pin for pin in pins if pin.override is not None]


def is_held(snapshot: Snapshot, old: Pin, new: Pin, source: Source) -> bool:
    """Tell whether *new* would make for good what only the override of *old* allows: upstream's own past is gone.

    A moved tag looks like any other once it is pinned. Who wants to stay with it says so in the manifest.
    """
    if old.override is None or (old.commit, old.ref) != (new.commit, new.ref):
        return False
    if not same_repository(old.url, new.url):
        return False
    told = lifted(old.override, old.source, snapshot.overrides, snapshot.trail)
    if isinstance(source.track, Commit) or _is_put_right(snapshot, old, new, told):
        return False
    return told is None or bool(REPLACED & set(told.lifts))


def _is_put_right(snapshot: Snapshot, old: Pin, new: Pin, told: Lifted | None) -> bool:
    """Tell whether upstream is again what was pinned before anything was forced, so that there is no exception.

    A tag that was only made anew, at the commit that it had, is so once it moved again; the log tells no tag object.
    """
    is_seen = snapshot.lock.pins.get(old.source) is old and old.tag_object != new.tag_object
    if told is not None and told.from_commit == old.commit and not is_seen:
        return False
    return any(base.why and base.pin.commit == new.commit for base in bases_of(snapshot, old))
