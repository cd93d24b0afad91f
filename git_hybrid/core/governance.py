"""Whether a pin rests on an override that is in force. Pure; planner, ``check`` and the hooks share it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import assert_never

from git_hybrid.core.approval import Approvals, Signatures, doubtful, has_keys
from git_hybrid.core.audit import detail_of
from git_hybrid.core.errors import (
    OffBranch,
    OverrideEnded,
    OverrideUnrecorded,
    OverrideUnsigned,
    ScanBlocked,
    TooYoung,
)
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin, is_valid, otherwise, pin_digest, put_right, still_allowed
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.override import CLOSINGS, Override, Overrides, Trail, binds, is_in_force, phase
from git_hybrid.core.value import Struct, field
from git_hybrid.core.values import format_time, later
from git_hybrid.core.words import BRING_BACK, JOINED, PICKED, approval_words, signature_words

Unapproved = OffBranch | OverrideEnded | OverrideUnrecorded | OverrideUnsigned


class Governed(Struct, frozen=True, kw_only=True):
    """A workspace as far as it says which overrides are in force.

    ``clock`` is the later of the present time and that of the newest audit record: a clock set back helps nobody.
    """

    manifest: Manifest
    overrides: Overrides = field(default_factory=Overrides)
    trail: Trail = field(default_factory=Trail)
    signatures: Signatures = field(default_factory=Signatures)
    clock: datetime

    def doubt(self, record: Override) -> str:
        """Return what the keys of policy do not bear out in the approvals of *record*, as a clause, or nothing."""
        return doubtful(record, self.manifest.policy, self.signatures)

    @property
    def has_keys(self) -> bool:
        """Whether policy names keys of approvers, so that an approval takes a signature."""
        return has_keys(self.manifest.policy)

    @property
    def approvals(self) -> Approvals:
        """What says which overrides are in force."""
        age = self.manifest.policy.min_release_age
        return Approvals(self.overrides, self.trail, self.clock, self.doubt, self.has_keys, age)


ASIDE = frozenset({"off-branch", "unreachable", "rollback"})
"""What an override lifts for a commit that no plain pin could go on from: it lay off the declared ref, or behind."""

REPLACED = frozenset({"moved-tag", "rewritten-history", "identity-changed"})
"""What an override lifts where upstream's own past is gone: once it is pinned, the commit looks like any other."""

MALFORMED = "fsck-refused"
"""What an override lifts where git's fsck complains: it does so at each plain pin that has the same objects."""


def unapproved(pin: Pin, source: Source, approvals: Approvals) -> Unapproved | None:
    """Return why *pin*, which was made from *source*, may not be used without an approval; None if it may.

    A pin that names no override has the ref that the manifest declares: no command makes another one.
    """
    if (error := governed(pin, approvals)) is not None:
        return error
    if pin.override is not None or not is_valid(pin, source):
        return None
    if still_allowed(pin, source) and pin.ref.startswith(("refs/heads/", "refs/tags/")):
        return None
    locked, ref = otherwise(pin, source)
    return OffBranch(name=pin.source, commit=pin.commit, ref=ref, edited=True, locked=locked)


def why_unapproved(error: Unapproved) -> str:
    """Return what :func:`unapproved` found, as the end of a sentence about the pin."""
    match error:
        case OffBranch(ref=ref, locked=locked):
            return f"has {locked}, and the manifest {ref}"
        case OverrideEnded(override=override, how=how):
            return f"rests on {override}, which {how}"
        case OverrideUnrecorded(override=override, what=what) | OverrideUnsigned(override=override, what=what):
            return f"rests on {override}, {what}"
        case _:  # pragma: no cover
            assert_never(error)


def governed(pin: Pin, approvals: Approvals) -> OverrideEnded | OverrideUnrecorded | OverrideUnsigned | None:
    """Return why *pin* may not be used though it rests, or should rest, on an override; None if it may."""
    if pin.override is None:
        return _unnamed(pin, approvals)
    record = approvals.overrides.records.get(pin.override)
    if record is None:
        what = "which has no record in state/sources-overrides.json"
        return _unrecorded(pin, pin.override, what, approvals, lost=True)
    if record.kind != "pin" or record.source != pin.source or record.to_commit != pin.commit:
        told = approvals.trail.pinned_by(record.id) == (pin.source, pin.commit)
        if told and (what := unbound(record, approvals.trail)):
            return _unrecorded(pin, record.id, what, approvals, lost=True)
        error = _unrecorded(pin, record.id, "which was given for something else", approvals)
        return _joined(error, pin, approvals.trail) if record.source == pin.source else error
    if what := unbound(record, approvals.trail):
        return _unrecorded(pin, record.id, what, approvals, lost=True)
    return ended(pin, record, approvals) or _unsigned(pin, record, approvals)


def unbound(record: Override, trail: Trail) -> str:
    """Return what does not tie *record* to the audit log, as a clause; nothing if it is tied."""
    told = trail.latest.get(record.id)
    if told is not None and binds(told, record):
        return ""
    if absent := trail.absent():
        return f"whose record may be in {absent}"
    if told is None:
        return "of which the audit log knows nothing"
    has_end = told["event"] in CLOSINGS and record.status == "active"
    # The log is one for all branches, and the file is that of this one.
    end = f": an end at {told['at']}{PICKED}" if has_end else ""
    return f"whose record is not what the audit log tells{end}"


def in_force(name: SourceName, approvals: Approvals) -> tuple[Override, ...]:
    """Return the overrides of the source *name* that last still, and that the audit log bears out."""
    lasting = (item for item in approvals.overrides.of(name) if is_in_force(item, approvals.clock))
    return tuple(item for item in lasting if not unbound(item, approvals.trail))


class Lifted(Struct, frozen=True):
    """What the override of a pin lifts, and which commit the pin came from."""

    lifts: tuple[str, ...]
    from_commit: Oid | None


def lifted(identity: str | None, name: SourceName, overrides: Overrides, trail: Trail) -> Lifted | None:
    """Return what an override of a pin of *name* lifts; None if the audit log knows of no such override.

    A record that is lost, or that was edited, changes nothing of that: then it is what the log tells.
    """
    told = trail.latest.get(identity or "")
    if told is None or told.get("source") != name or detail_of(told).get("kind") == "scan":
        return None
    record = overrides.records.get(identity or "")
    if record is not None and binds(told, record):
        return Lifted(record.lifts, record.from_commit)
    lifts, before = detail_of(told).get("lifts"), told.get("before")
    codes = tuple(str(item) for item in lifts) if isinstance(lifts, list) else ()
    return Lifted(codes, None if before is None else Oid(str(before)))


def _unnamed(pin: Pin, approvals: Approvals) -> OverrideUnrecorded | None:
    """Return what is wrong with a pin that names no override, though the last pin of its commit rests on one.

    One that is to the letter what a record has that needed none may be that: the log is one for all branches, and on
    another one the commit may have been forced later. Whether it may stand there again is for the moves of the lock.
    """
    key, identity = (pin.source, pin.commit), approvals.trail.rests.get((pin.source, pin.commit), "")
    if not identity:
        own = (item for item in approvals.overrides.of(pin.source) if item.kind == "pin" and item.status == "active")
        identity = next((item.id for item in own if item.to_commit == pin.commit), "")
    plain = approvals.trail.plain.get(key) if identity else None
    if not identity or (plain and pin_digest(pin) in plain):
        return None
    if identity not in approvals.overrides.records:
        what = "whose record is not in state/sources-overrides.json"
        return _unrecorded(pin, identity, what, approvals, lost=True)
    return _unrecorded(pin, identity, "which the lock no longer names", approvals)


def renewal(override: str, *, signed: bool, anew: bool = False) -> str:
    """Return the command that lets *override* go on; *signed*: policy names keys, so it takes signatures.

    *anew*: policy does not take the request that it has.
    """
    request = " --request ID" if anew else ""
    words = f"git hybrid override renew {override}{request} --expires WHEN --approver WHO --reason TEXT"
    return f"{words}{signature_words(signed=signed)}"


def ended(pin: Pin, record: Override, approvals: Approvals) -> OverrideEnded | None:
    """Return the error for *pin* if *record*, which it rests on, is no longer in force; None if it is.

    An end by another pin leaves nothing that rests on it, but where that end alone came from another branch: there to
    leave the pin is not the first thing to do.
    """
    way, leave = without(record, pin, approvals), ""
    match phase(record, approvals.clock):
        case "expired":
            how = f"expired at {format_time(record.expires_at)}"
            hint = renewal(record.id, signed=approvals.signed)
        case "revoked" | "superseded" as word:
            when = "" if record.closed_at is None else f" at {format_time(record.closed_at)}"
            how = f"was {word}{when} by {record.closed_by or 'somebody'}"
            if word == "superseded":
                how += f" for another pin{PICKED}"
                way, leave = "", way and f"or leave it: {way}"
            hint = f"git hybrid pin {pin.source} --to {pin.commit} {approval_words(signed=approvals.signed)}"
        case _:
            return None
    return OverrideEnded(
        name=pin.source, override=record.id, how=how, commit=pin.commit, way=way, hint=hint, leave=leave
    )


def without(record: Override, pin: Pin, approvals: Approvals) -> str:
    """Return what brings *pin*, which rests on *record*, to order without an approval; nothing if nothing surely does.

    Where it lay aside, a plain pin leaves it. Elsewhere that only finds the same commit again, which is refused where
    git's fsck complains, a scan has found something or it is too new; and where upstream's own past is gone.
    """
    plain, lifts = f"git hybrid pin {record.source}", set(record.lifts)
    if ASIDE & lifts:
        return "" if {*REPLACED, MALFORMED} & lifts else plain
    if {MALFORMED, ScanBlocked.code} & lifts:
        return ""
    old_enough = later(pin.first_seen, approvals.age)
    is_late = TooYoung.code in lifts and old_enough > approvals.clock
    plain += f" --commit {pin.commit}" if REPLACED & lifts else ""
    return f"wait until {format_time(old_enough)}, then: {plain}" if is_late else plain


def _unsigned(pin: Pin, record: Override, approvals: Approvals) -> OverrideUnsigned | None:
    if not (what := approvals.doubt(record)):
        return None
    way = without(record, pin, approvals)
    return OverrideUnsigned(name=pin.source, override=record.id, what=what, commit=pin.commit, way=way)


def _unrecorded(pin: Pin, override: str, what: str, approvals: Approvals, *, lost: bool = False) -> OverrideUnrecorded:
    """Return the error for a pin whose override is not what it should be; *lost*: the log may know what it was."""
    hint = again(pin, approvals.trail, signed=approvals.signed)
    waits = hint == BRING_BACK
    if lost and override in approvals.trail.latest and not waits:
        hint = f"git hybrid override restore {override}"
    error = OverrideUnrecorded(name=pin.source, override=override, what=what, commit=pin.commit, hint=hint)
    error.find = "" if waits else error.find
    return error


def _joined(error: OverrideUnrecorded, pin: Pin, trail: Trail) -> OverrideUnrecorded:
    """Return *error* of a pin that names the override of another commit, with what mends it where a merge did that."""
    if error.hint == BRING_BACK:
        return error
    if trail.rests.get((pin.source, pin.commit), "unknown") == "":
        # Its last pin needed no approval.
        error.hint = f"git hybrid pin {pin.source} --to {pin.commit}"
    error.hint = f"{JOINED}{error.hint}"
    return error


def again(pin: Pin, trail: Trail, *, signed: bool) -> str:
    """Return what brings a pin whose approval is not known to order; one that nobody made is not to be approved."""
    if trail.absent():
        return BRING_BACK
    if trail.newest is not None and (pin.source, pin.commit) not in trail.rests:
        return f"git hybrid pin {pin.source}, or find the pin that was: git log -p -- state/sources.lock"
    return f"git hybrid pin {pin.source} --to {pin.commit} {approval_words(signed=signed)}"


def mend_of(error: Unapproved, pin: Pin, approvals: Approvals) -> str:
    """Return what brings *pin*, which *error* refuses, to order: by the approval that it had, where it had one."""
    if isinstance(error, OffBranch):
        return put_right(pin.source)
    if isinstance(error, OverrideEnded):
        return error.way or ", ".join(filter(None, (error.hint, error.leave)))
    if isinstance(error, OverrideUnsigned):
        return renewal(error.override, signed=True)
    if (pin.source, pin.commit) in approvals.trail.rests:
        return error.hint
    return again(pin, approvals.trail, signed=approvals.signed)


def is_idle(override: Override, pin: Pin | None, clock: datetime) -> bool:
    """Tell whether *override* is in force and forces nothing: the *pin* of its source was put back, or merged away.

    Of one that was given for the commit of a pin that names none it is told that the pin no longer names it.
    """
    if override.kind != "pin" or not is_in_force(override, clock) or pin is None:
        return False
    return pin.commit != override.to_commit if pin.override is None else pin.override != override.id


def expiring(overrides: Overrides, clock: datetime, names: Collection[str]) -> tuple[str, ...]:
    """Return one sentence for each override of the sources *names* that ends within seven days.

    Commands that change something on these sources tell it.
    """
    return tuple(
        f"{item.id} of {item.source} expires at {format_time(item.expires_at)}"
        for item in overrides.records.values()
        if item.source in names and phase(item, clock) == "expiring"
    )
