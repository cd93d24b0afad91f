"""Overrides as people read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.governance import Governed, is_idle
from git_hybrid.core.ids import SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.override import Kind, Override, approvers, phase, why_closed
from git_hybrid.core.standing import accepts, doubted, forbidden, regained
from git_hybrid.core.values import format_age, format_time
from git_hybrid.view.term import Style, fit, paint, safe, width
from git_hybrid.view.text import SHORT, Look

_STYLES: dict[str, Style] = {"expired": "bad", "expiring": "warn", "active": "good"}
_KINDS: dict[Kind, str] = {"pin": "forced pin", "scan": "accepted scan of"}


def override_lines(
    found: Sequence[Override],
    around: Governed,
    look: Look,
    pins: Mapping[SourceName, Pin] = {},
    *,
    placed: Callable[[str], str] = str,
) -> list[str]:
    """Return some lines an override: what it is and until when, who approved it and why, and why it was revoked.

    What it accepts is told too, and so is where policy of the workspace *around* does not allow it; of one that none of
    *pins* rests on, that. *placed* returns a command as it is typed where this is read.
    """
    now, trail, check = around.clock, around.trail, placed("git hybrid check overrides")
    names = max((width(safe(item.source)) for item in found), default=0)
    lines: list[str] = []
    for item in found:
        word = phase(item, now)
        before, after = (item.from_commit or "")[:SHORT], item.to_commit[:SHORT]
        moved = f"{before} → {after}" if before and item.from_commit != item.to_commit else after
        shown = paint(fit(word, 10), _STYLES.get(word, "dim"), color=look.color)
        lines.append(f"{shown}  {fit(safe(item.source), names)}  {_KINDS[item.kind]} {moved}  {_until(item, now)}")
        told = f"    {item.id}  {item.request_id}, approved by {approvers(item)}"
        lines += [safe(told), f"    {safe(item.reason)}" + (f" ({safe(item.incident)})" if item.incident else "")]
        lines += [f"    accepts: {what}"] if (what := accepts(item)) else []
        because = why_closed(item, trail)
        lines += [f"    {item.status}: {safe(because)}"] if because else []
        if what := doubted(item, around):
            mend = check if item.id in around.overrides.records else placed(regained(item.id, around))
            lines.append(f"    it is an override {what}: {mend}")
        lines += [f"    policy does not allow it: {safe(what)}: {check}"] if (what := forbidden(item, around)) else []
        lines += [f"    nothing rests on it: {check}"] if is_idle(item, pins.get(item.source), now) else []
    return lines


def _until(item: Override, now: datetime) -> str:
    word = phase(item, now)
    if word in ("active", "expiring"):
        return f"until {format_time(item.expires_at)}, {format_age(item.expires_at - now)} left"
    if word == "expired":
        return f"since {format_time(item.expires_at)}, {format_age(now - item.expires_at)} ago"
    closed_at = format_time(item.closed_at) if item.closed_at else "?"
    return f"at {closed_at} by {safe(item.closed_by or '?')}"


def override_details(row: Mapping[str, str]) -> list[str]:
    """Return every cell of one override, one a line."""
    names = max(width(key) for key in row)
    return [f"{fit(key, names)}  {safe(value)}" for key, value in row.items() if value]
