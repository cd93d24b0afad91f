"""``check overrides``: every override is complete, bound and unexpired, and every pin that needs one has one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from git_hybrid.core.approval import as_approved, has_keys, unmet
from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.errors import OverrideEnded, OverrideUnsigned
from git_hybrid.core.governance import governed, unapproved, unbound, why_unapproved
from git_hybrid.core.override import Override, is_in_force, phase
from git_hybrid.core.values import format_age, format_time

FILE = "state/sources-overrides.json"
SLACK = timedelta(days=1)
"""How far two clocks may be apart."""

CAPTURE = "--force --request ID --approver WHO --reason TEXT --expires WHEN"


def check_overrides(facts: Facts) -> tuple[Violation, ...]:
    """Return what does not hold of the overrides and of the pins that rest on them."""
    return (*_pins(facts), *(item for record in facts.overrides.records.values() for item in _record(record, facts)))


def _pins(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        source = facts.manifest.sources.get(name)
        told = (facts.overrides, facts.trail, facts.clock, facts.doubt)
        error = governed(pin, *told) if source is None else unapproved(pin, source, *told)
        if error is None or isinstance(error, OverrideUnsigned):
            # Of an override in force its record tells all that policy misses.
            continue
        why, mend = "without its record nobody can tell who approved this pin", f"git hybrid pin {name}"
        if isinstance(error, OverrideEnded):
            why = "exceptions end"
        else:
            mend = f"restore it from git, or capture it again: git hybrid pin {name} --to {pin.commit} {CAPTURE}"
        what = why_unapproved(error)
        yield Violation(file="state/sources.lock", entry=f"source.{name}", what=what, why=why, mend=mend)


def _record(record: Override, facts: Facts) -> Iterator[Violation]:
    def violation(what: str, why: str, mend: str) -> Violation:
        return Violation(file=FILE, entry=f"{record.id} ({record.source})", what=what, why=why, mend=mend)

    if facts.now is not None and record.created_at > facts.now + SLACK:
        why = "the clock of whoever made it was wrong, so it would last longer than policy allows"
        mend = f"git hybrid override revoke {record.id} --reason TEXT"
        what = f"was made at {format_time(record.created_at)}, which is still to come"
        yield violation(what, why, mend)
    what = unbound(record, facts.trail)
    if what:
        why = "a record that the audit log does not bear out proves nothing"
        yield violation(f"is an override {what}", why, "restore it from git, then git hybrid audit verify")
        return
    word = phase(record, facts.clock)
    policy = facts.manifest.policy
    renew = f"git hybrid override renew {record.id} --expires WHEN --approver WHO --reason TEXT"
    renew += " --signature FILE" if has_keys(policy) else ""
    if word == "expired":
        what = f"expired at {format_time(record.expires_at)}"
        yield violation(what, "exceptions end", f"git hybrid pin {record.source}, or {renew}")
    elif word == "expiring":
        left = format_age(record.expires_at - facts.clock)
        why = "its pin will be refused then"
        what = f"expires in {left}"
        entry = f"{record.id} ({record.source})"
        yield Violation(file=FILE, entry=entry, what=what, why=why, mend=renew, level="warn")
    if is_in_force(record, facts.clock):
        for problem in unmet(as_approved(record, facts.signatures), policy):
            yield violation(problem, "policy does not allow it", renew)
