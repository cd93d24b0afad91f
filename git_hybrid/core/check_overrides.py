"""``check overrides``: every override is complete, bound and unexpired, and every pin that needs one has one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from git_hybrid.core.ahead import APART
from git_hybrid.core.approval import approved_at, as_approved, unlike, unmet
from git_hybrid.core.audit import detail_of, records_of
from git_hybrid.core.audit_archives import AGAIN
from git_hybrid.core.canonical import Json
from git_hybrid.core.checks import Facts, Violation, awaiting
from git_hybrid.core.errors import OffBranch, OverrideEnded, OverrideUnsigned
from git_hybrid.core.files import LOCK, OVERRIDES
from git_hybrid.core.governance import (
    Unapproved,
    governed,
    is_idle,
    mend_of,
    renewal,
    unapproved,
    unbound,
    why_unapproved,
    without,
)
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.override import Override, is_in_force, lost_overrides, phase, restoring
from git_hybrid.core.value import replace
from git_hybrid.core.values import format_age, format_time
from git_hybrid.core.words import BRING_BACK, PRUNE


def check_overrides(facts: Facts) -> tuple[Violation, ...]:
    """Return what does not hold of the overrides and of the pins that rest on them."""
    pins = tuple(_pins(facts))
    records = (item for record in facts.overrides.records.values() for item in _record(record, facts))
    lost = _lost(facts, frozenset(item.mend for item in pins))
    twins = tuple(_twins(facts))
    idle = _idle(facts, {item.entry for item in twins})
    return awaiting(facts, (*pins, *lost, *records, *_empty(facts), *twins, *idle))


def _lost(facts: Facts, told: Collection[str]) -> Iterator[Violation]:
    """Yield what the file has lost, unless the mend of a pin that rests on it was *told* already.

    As with one that expired, it is a warning where nothing rests on it any more.
    """
    for identity, record in lost_overrides(facts.overrides, facts.trail).items():
        mend = BRING_BACK if facts.trail.absent() else restoring(identity)
        if mend not in told:
            entry, what = f"{identity} ({record.get('source')})", "is open in the audit log and not in this file"
            why = "without its record nobody can tell who approved what, and until when"
            found = Violation(file=OVERRIDES, entry=entry, what=what, why=why, mend=mend)
            yield found if _accepts_alone(record, facts) else replace(found, level="warn")


def _accepts_alone(record: Mapping[str, Json], facts: Facts) -> bool:
    """Tell whether the audit record *record* accepts findings on a pinned commit that nothing in the file accepts."""
    pin = facts.lock.pins.get(SourceName(str(record.get("source"))))
    findings = detail_of(record).get("findings")
    if pin is None or pin.commit != record.get("after") or not isinstance(findings, list):
        return False
    kept = (item for item in facts.overrides.of(pin.source) if item.to_commit == pin.commit and item.status == "active")
    return not {str(name) for name in findings} <= {name for item in kept for name in item.findings}


def _pins(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        source = facts.manifest.sources.get(name)
        told = facts.approvals
        error = governed(pin, told) if source is None else unapproved(pin, source, told)
        if error is None or isinstance(error, OverrideUnsigned):
            # Of an override in force its record tells all that policy misses.
            continue
        why, mend = _mend(error, pin, facts)
        what = why_unapproved(error)
        yield Violation(file=LOCK, entry=f"source.{name}", what=what, why=why, mend=mend)


def _mend(error: Unapproved, pin: Pin, facts: Facts) -> tuple[str, str]:
    """Return why it matters that *pin* is not approved, and what mends it."""
    name, mend = pin.source, mend_of(error, pin, facts.approvals)
    if isinstance(error, OverrideEnded):
        return "exceptions end", mend if name in facts.manifest.sources else PRUNE
    if isinstance(error, OffBranch):
        return "no command pins so: the lock was edited by hand, or merged", mend
    if (name, pin.commit) not in facts.trail.rests:
        return "the audit log knows of no pin to this commit: the lock was edited, or merged", mend
    return "without its record nobody can tell who approved this pin", mend


def _rests(record: Override, facts: Facts) -> bool:
    """Tell whether a pin rests on *record*, or the scan of one, as the log bears it out, has findings it accepts."""
    pin = facts.lock.pins.get(record.source)
    if pin is None or pin.override == record.id or record.kind != "scan" or pin.commit != record.to_commit:
        return pin is not None and pin.override == record.id
    from git_hybrid.core.scan_policy import may_accept  # noqa: PLC0415
    from git_hybrid.core.scan_trail import scan_trail_of  # noqa: PLC0415

    entry = facts.state.sources.get(record.source)
    if entry is None or entry.scan.commit != pin.commit:
        return True
    unproved = scan_trail_of(records_of(facts.log), facts.state, facts.lock).unproved
    return record.source in unproved or may_accept(record, entry.scan, facts.manifest.policy.scan_block_on)


def _ending(record: Override, facts: Facts) -> str:
    """Return what ends *record*, by which findings were accepted; nothing where the last scan has them still."""
    entry = facts.state.sources.get(record.source)
    is_found = entry is not None and entry.scan.commit == record.to_commit and entry.scan.state == "findings"
    return "" if is_found else f"git hybrid override revoke {record.id} --reason TEXT"


def _twins(facts: Facts) -> Iterator[Violation]:
    """Yield what one signed approval made besides the override that is to be kept: two branches may each have used it.

    To end one spends the approval, so that the other one no longer counts either.
    """
    made: dict[tuple[object, ...], list[Override]] = {}
    for item in facts.overrides.records.values() if facts.has_keys else ():
        if is_in_force(item, facts.clock):
            asked = (item.kind, item.source, item.from_commit, item.to_commit, item.findings, item.waived)
            made.setdefault((*asked, item.request_id, item.reason, item.expires_at), []).append(item)
    for same in made.values():
        pin = facts.lock.pins.get(same[0].source)
        kept = next((item for item in same if pin is not None and item.id == pin.override), same[-1])
        renew = renewal(kept.id, signed=True)
        for item in (item for item in same if item is not kept):
            entry, what = f"{item.id} ({item.source})", f"was made by the approval that {kept.id} was made by too"
            why = "whoever ends one of them ends the approval of both"
            mend = f"let it last, or: {renew}, then: git hybrid override revoke {item.id} --reason TEXT"
            yield Violation(file=OVERRIDES, entry=entry, what=what, why=why, mend=mend, level="warn")


def _empty(facts: Facts) -> Iterator[Violation]:
    for item in facts.overrides.records.values():
        if item.kind == "scan" and item.status == "active" and not item.findings and not unbound(item, facts.trail):
            entry, why = f"{item.id} ({item.source})", "whoever reads it takes something for accepted that is not"
            mend = f"git hybrid override revoke {item.id} --reason TEXT"
            yield Violation(file=OVERRIDES, entry=entry, what="accepts no finding", why=why, mend=mend)


def _idle(facts: Facts, told: Collection[str]) -> Iterator[Violation]:
    """Yield what is in force and nothing rests on it, of whose entry nothing was *told* yet."""
    for name, pin in facts.lock.pins.items():
        if pin.override is not None and governed(pin, facts.approvals) is not None:
            # What mends the pin ends these too.
            continue
        for item in facts.overrides.of(name):
            entry = f"{item.id} ({name})"
            if entry not in told and is_idle(item, pin, facts.clock) and not unbound(item, facts.trail):
                what = f"lasts until {format_time(item.expires_at)}, and nothing rests on it"
                why = "its pin was put back, or a merge took the other side, and no record says that it ended"
                # A plain pin might not stay where another override has it.
                revoke = f"git hybrid override revoke {item.id} --reason TEXT"
                mend = f"git hybrid pin {name} --to {pin.commit}" if pin.override is None else revoke
                yield Violation(file=OVERRIDES, entry=entry, what=what, why=why, mend=mend, level="warn")


def _record(record: Override, facts: Facts) -> Iterator[Violation]:
    def violation(what: str, why: str, mend: str) -> Violation:
        return Violation(file=OVERRIDES, entry=f"{record.id} ({record.source})", what=what, why=why, mend=mend)

    revoke = f"git hybrid override revoke {record.id} --reason TEXT"
    if what := unbound(record, facts.trail):
        why = "a record that the audit log does not bear out proves nothing"
        known = record.id in facts.trail.latest
        mend = restoring(record.id) if known else f"restore both from git (git log -p -- state), or {AGAIN}"
        mend = BRING_BACK if facts.trail.absent() else mend
        yield violation(f"is an override {what}", why, mend)
        return
    if record.status != "active":
        return
    since = approved_at(record)
    if facts.now is not None and since > facts.now + APART:
        why = "the clock of whoever made it was wrong, so it would last longer than policy allows"
        what = f"was approved at {format_time(since)}, which is still to come"
        yield violation(what, why, revoke)
    word = phase(record, facts.clock)
    policy = facts.manifest.policy
    anew = bool(unlike(record.request_id, policy.request_pattern))
    renew = renewal(record.id, signed=facts.has_keys, anew=anew)
    rests = word in ("expired", "expiring") and _rests(record, facts)
    if word == "expired" and rests:
        what = f"expired at {format_time(record.expires_at)}"
        pin = facts.lock.pins[record.source]
        end = without(record, pin, facts.approvals) if record.source in facts.manifest.sources else PRUNE
        end = _ending(record, facts) if record.kind == "scan" else end
        yield violation(what, "exceptions end", ", or ".join(filter(None, (end, renew))))
    elif word == "expired":
        what = f"expired at {format_time(record.expires_at)}, and nothing rests on it"
        yield replace(violation(what, "exceptions end", revoke), level="warn")
    elif word == "expiring" and rests:
        left = format_age(record.expires_at - facts.clock)
        why = "its pin will be refused then" if record.kind == "pin" else "what it accepts will be refused then"
        what = f"expires in {left}"
        yield replace(violation(what, why, renew), level="warn")
    if is_in_force(record, facts.clock):
        for problem in unmet(as_approved(record, facts.signatures), policy):
            yield violation(problem, "policy does not allow it", renew)
