"""Durations and times as they stand in files and options."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.pattern import pattern, remembered

_DURATION = pattern(r"([0-9]+)(ms|s|m|h|d|w)")
_DIGITS = 15
"""More of them are more than 100 years, and int() takes 4,300 at most."""
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_TIME = pattern(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z")
_DATE = pattern(r"\d{4}-\d{2}-\d{2}")
_LIMIT = timedelta(days=36500)
_FALSE = ("0", "false", "no", "off", "")


def is_false(text: str) -> bool:
    """Tell whether *text* says no, as git reads a setting: one that is empty does, one without a value does not."""
    return text.strip().lower() in _FALSE


def parse_duration(text: str) -> timedelta:
    """Return *text*, such as ``30s`` or ``14d``, as a duration.

    Raises:
        InvalidText: it is not ``<int>(ms|s|m|h|d|w)`` or more than 100 years.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise InvalidText("not a duration: write a whole number and one of ms, s, m, h, d, w, such as 30s or 14d")
    digits = match[1].lstrip("0")
    if len(digits) > _DIGITS:
        raise InvalidText("more than 100 years")
    try:
        duration = int(digits or "0") * _UNITS[match[2]]
    except OverflowError as error:
        raise InvalidText("more than 100 years") from error
    if duration > _LIMIT:
        raise InvalidText("more than 100 years")
    return duration


@remembered
def parse_time(text: str) -> datetime:
    """Return *text*, RFC 3339 in UTC with ``Z``, as an aware time.

    Raises:
        InvalidText: it is not such a time.
    """
    if _TIME.fullmatch(text) is None:
        raise InvalidText("not a time: write RFC 3339 in UTC, such as 2026-07-16T11:03:04Z")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidText(f"not a time: {error}") from error


def parse_moment(text: str, *, now: datetime, back: bool = False) -> datetime:
    """Return *text*, a date, a time or a duration from *now* on, or *back* from it; a date begins at midnight UTC.

    Raises:
        InvalidText: it is none of these.
    """
    if _DATE.fullmatch(text):
        return parse_time(f"{text}T00:00:00Z")
    if _DURATION.fullmatch(text):
        return now - parse_duration(text) if back else now + parse_duration(text)
    try:
        return parse_time(text)
    except InvalidText as error:
        span = "how long ago" if back else "how long from now"
        reason = f"write a date (2026-12-01), a time (2026-12-01T18:00:00Z) or {span} (14d)"
        raise InvalidText(f"not a time: {reason}") from error


def later(moment: datetime, duration: timedelta) -> datetime:
    """Return *moment* and *duration* together, or the end of all calendars where that comes first."""
    try:
        return moment + duration
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def format_time(moment: datetime) -> str:
    """Return *moment* as RFC 3339 in UTC, whole seconds, with ``Z``."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def format_age(duration: timedelta) -> str:
    """Return *duration* as people say it in a table: ``5 s``, ``3 min``, ``2 h``, ``4 d``."""
    seconds = max(int(duration.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
