"""``check overrides``: every override is complete, bound and unexpired, and every pin that needs one has one. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from git_hybrid.core.checks import Facts, Violation
from git_hybrid.core.errors import OverrideEnded, OverrideUnrecorded
from git_hybrid.core.governance import governed, unbound
from git_hybrid.core.override import Approved, Override, person, phase, unmet
from git_hybrid.core.values import format_age, format_time

FILE = "state/sources-overrides.json"
CAPTURE = "--force --request ID --approver WHO --reason TEXT --expires WHEN"


def check_overrides(facts: Facts) -> tuple[Violation, ...]:
    """Return what does not hold of the overrides and of the pins that rest on them."""
    return (*_pins(facts), *(item for record in facts.overrides.records.values() for item in _record(record, facts)))


def _pins(facts: Facts) -> Iterator[Violation]:
    for name, pin in facts.lock.pins.items():
        error = governed(pin, facts.overrides, facts.trail, facts.clock)
        entry = f"source.{name}"
        if isinstance(error, OverrideUnrecorded):
            what = f"rests on {error.override}, {error.what}"
            why = "without its record nobody can tell who approved this pin"
            mend = f"restore it from git, or capture it again: git hybrid pin {name} --to {pin.commit} {CAPTURE}"
            yield Violation(file="state/sources.lock", entry=entry, what=what, why=why, mend=mend)
        elif isinstance(error, OverrideEnded):
            what = f"rests on {error.override}, which {error.how}"
            mend = f"git hybrid pin {name}"
            yield Violation(file="state/sources.lock", entry=entry, what=what, why="exceptions end", mend=mend)


def _record(record: Override, facts: Facts) -> Iterator[Violation]:
    def violation(what: str, why: str, mend: str) -> Violation:
        return Violation(file=FILE, entry=f"{record.id} ({record.source})", what=what, why=why, mend=mend)

    what = unbound(record, facts.trail)
    if what:
        why = "a record that the audit log does not bear out proves nothing"
        yield violation(f"is an override {what}", why, "restore it from git, then git hybrid audit verify")
        return
    word = phase(record, facts.clock)
    renew = f"git hybrid override renew {record.id} --expires WHEN --approver WHO --reason TEXT"
    if word == "expired":
        what = f"expired at {format_time(record.expires_at)}"
        yield violation(what, "exceptions end", f"git hybrid pin {record.source}, or {renew}")
    elif word == "expiring":
        left = format_age(record.expires_at - facts.clock)
        why = "its pin will be refused then"
        what = f"expires in {left}"
        entry = f"{record.id} ({record.source})"
        yield Violation(file=FILE, entry=entry, what=what, why=why, mend=renew, level="warn")
    if word in ("active", "expiring"):
        for problem in unmet(_approved(record), facts.manifest.policy):
            yield violation(problem, "policy does not allow it", renew)


def _approved(record: Override) -> Approved:
    last = max((item.at for item in record.approvers), default=record.created_at)
    current = [item for item in record.approvers if item.at == last]
    return Approved(
        request_id=record.request_id,
        requested_by=record.requested_by,
        approvers=tuple(item.id for item in current),
        signed=frozenset(person(item.id) for item in current if item.signature),
        since=last,
        until=record.expires_at,
    )
