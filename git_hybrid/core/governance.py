"""Whether a pin rests on an override that is in force. Pure; planner, ``check`` and the hooks share it."""

from __future__ import annotations

from datetime import datetime

from git_hybrid.core.errors import OverrideEnded, OverrideUnrecorded
from git_hybrid.core.lock import Pin
from git_hybrid.core.override import Override, Overrides, Trail, binds, phase
from git_hybrid.core.values import format_time


def governed(
    pin: Pin, overrides: Overrides, trail: Trail, clock: datetime
) -> OverrideEnded | OverrideUnrecorded | None:
    """Return why *pin* may not be used though it rests, or should rest, on an override; None if it may.

    *clock* is the later of the present time and that of the newest audit record.
    """
    if pin.override is None:
        return _unnamed(pin, overrides, trail)
    record = overrides.records.get(pin.override)
    if record is None:
        return _unrecorded(pin, pin.override, "which has no record in state/sources-overrides.json")
    if record.kind != "pin" or record.source != pin.source or record.to_commit != pin.commit:
        return _unrecorded(pin, record.id, "which was given for something else")
    what = unbound(record, trail)
    return _unrecorded(pin, record.id, what) if what else _ended(pin, record, clock)


def unbound(record: Override, trail: Trail) -> str:
    """Return what does not tie *record* to the audit log, as a clause; nothing if it is tied."""
    told = trail.latest.get(record.id)
    if told is None:
        return "of which the audit log knows nothing"
    return "" if binds(told, record) else "whose record is not what the audit log tells"


def _unnamed(pin: Pin, overrides: Overrides, trail: Trail) -> OverrideUnrecorded | None:
    for record in overrides.of(pin.source):
        if record.kind == "pin" and record.status == "active" and record.to_commit == pin.commit:
            return _unrecorded(pin, record.id, "which the lock no longer names")
    for identity, told in trail.latest.items():
        gone = identity not in overrides.records and told["event"] in ("override", "override-renewed")
        if gone and (told.get("source"), told.get("after")) == (pin.source, pin.commit):
            return _unrecorded(pin, identity, "whose record was taken out of state/sources-overrides.json")
    return None


def _ended(pin: Pin, record: Override, clock: datetime) -> OverrideEnded | None:
    match phase(record, clock):
        case "expired":
            how = f"expired at {format_time(record.expires_at)}"
        case "revoked" | "superseded" as word:
            when = "" if record.closed_at is None else f" at {format_time(record.closed_at)}"
            how = f"was {word}{when} by {record.closed_by or 'somebody'}"
        case _:
            return None
    return OverrideEnded(name=pin.source, override=record.id, how=how, commit=pin.commit)


def _unrecorded(pin: Pin, override: str, what: str) -> OverrideUnrecorded:
    return OverrideUnrecorded(name=pin.source, override=override, what=what, commit=pin.commit)


def expiring(overrides: Overrides, clock: datetime) -> tuple[str, ...]:
    """Return one sentence for each override that ends within seven days, for every command that works on sources."""
    return tuple(
        f"{item.id} of {item.source} expires at {format_time(item.expires_at)}"
        for item in overrides.records.values()
        if phase(item, clock) == "expiring"
    )
