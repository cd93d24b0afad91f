"""The dashboard: one page that needs nothing but itself. The only module that knows jinja2.

Everything that a stranger wrote passes :func:`git_hybrid.view.term.safe` and is escaped, wherever it stands: jinja2
does it to each expression. Style and script are allowed by their hash alone (CSP Level 3), so text that got through as
markup could still do nothing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup

from git_hybrid.core.condition import Condition, resting
from git_hybrid.core.dashboard import Dashboard, OverrideLine, SourceLine
from git_hybrid.core.timeline import Mark, timeline
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_age, format_time
from git_hybrid.core.words import counted
from git_hybrid.view.term import safe
from git_hybrid.view.text import SHORT, person

_NEWEST = 25
_LANE = 26
_STATE_STYLES = {
    "ok": "good",
    "missing": "warn",
    "behind": "warn",
    "busy": "warn",
    "unpinned": "warn",
    "running": "warn",
    "stale-pin": "warn",
    "stray": "warn",
}
_SCAN_STYLES = {
    "clean": "good",
    "accepted": "warn",
    "findings": "bad",
    "error": "bad",
    "stale": "warn",
    "missing": "warn",
}
_PHASE_STYLES = {"active": "warn", "expiring": "warn", "expired": "bad"}


class Tile(Struct, frozen=True):
    """One fact about the fleet: its name, the value in large, more in small, and how good it is."""

    name: str
    value: str
    more: str
    style: str


class Part(Struct, frozen=True):
    """One piece of a bar, in thousandths of its length."""

    x: float
    width: float
    style: str


class Age(Struct, frozen=True):
    """How many scans are of one age; ``width`` in thousandths."""

    name: str
    count: int
    width: float
    style: str


def dashboard_page(page: Dashboard) -> str:
    """Return the whole page as HTML."""
    css, js = _resource("dashboard.css"), _resource("dashboard.js")
    environment = Environment(
        loader=DictLoader({"page": _resource("dashboard.html.j2"), "css": css, "js": js}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_inert,
    )
    environment.filters.update(_FILTERS)
    pinned = sum(line.row.pin is not None for line in page.sources)
    return (
        environment.get_template("page").render(
            page=page,
            policy=_policy(css, js),
            attention=sum(line.attention for line in page.sources),
            bar=_bar(page),
            tiles=_tiles(page),
            drawing=timeline(page.moves, now=page.generated_at),
            newest=page.moves[::-1][:_NEWEST],
            ages=_ages(page),
            scanned_of=pinned,
            scan_counts=page.scan_words,
        )
        + "\n"
    )


def _resource(name: str) -> str:
    return (files("git_hybrid.view") / "page" / name).read_text(encoding="utf-8").rstrip("\n")


def _inert(value: Any) -> Any:
    """Return what an expression of the template came to, so that it steers nothing."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else safe(value)


def _policy(css: str, js: str) -> str:
    directives = {
        "default-src": "'none'",
        "style-src": f"'{_hash(css)}'",
        "script-src": f"'{_hash(js)}'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _bar(page: Dashboard) -> list[Part]:
    parts: list[Part] = []
    at, total = 0.0, len(page.sources)
    for word, count in page.words:
        width = 1000 * count / total
        parts.append(Part(round(at, 1), round(max(width, 4.0), 1), _STATE_STYLES.get(word, "bad")))
        at += width
    return parts


def _tiles(page: Dashboard) -> list[Tile]:
    return [_scan_tile(page), _override_tile(page), _mirror_tile(page), _check_tile(page), _audit_tile(page)]


def _scan_tile(page: Dashboard) -> Tile:
    if not page.scanners:
        return Tile("Scans", "none", "no scanner is configured", "warn")
    counts = dict(page.scan_words)
    total, clean = sum(counts.values()), counts.get("clean", 0)
    wrong = [f"{count:,} {word}" for word, count in counts.items() if word != "clean"]
    style = "bad" if {"findings", "error"} & set(counts) else "warn" if wrong else "good"
    return Tile("Scans fresh and clean", f"{clean} of {total}", ", ".join(wrong) or "nothing to do", style)


def _override_tile(page: Dashboard) -> Tile:
    known = [line for line in page.overrides if not line.unrecorded]
    counts = {word: sum(line.phase == word for line in known) for word in ("expired", "expiring")}
    counts["unrecorded"] = len(page.overrides) - len(known)
    counts["not allowed"] = sum(bool(line.unmet) for line in known)
    told = [f"{count:,} {word}" for word, count in counts.items() if count]
    wrong = any(counts[word] for word in ("expired", "unrecorded", "not allowed"))
    style = "bad" if wrong else "warn" if page.in_force else "good"
    return Tile("Overrides in force", str(page.in_force), ", ".join(told) or "none ends within 7 days", style)


def _mirror_tile(page: Dashboard) -> Tile:
    bad = sum(bool(mirror.bad) or mirror.verified_at is None for mirror in page.mirrors)
    more = f"{bad} behind or not verified" if bad else "all verified" if page.mirrors else "none is recorded"
    return Tile("Mirrors", str(len(page.mirrors)), more, "warn" if bad else "good" if page.mirrors else "rest")


def _check_tile(page: Dashboard) -> Tile:
    failing = [line.name for line in page.checks if line.failures]
    if failing:
        return Tile("Checks", f"{len(failing)} of {len(page.checks)} fail", ", ".join(failing), "bad")
    warnings = sum(line.warnings for line in page.checks)
    more = counted(warnings, "warning") if warnings else "all that there are"
    return Tile("Checks", f"{len(page.checks)} pass", more, "warn" if warnings else "good")


def _audit_tile(page: Dashboard) -> Tile:
    audit = page.check("audit")
    more = counted(page.records, "record") + (f", last {format_time(page.last.at)[:10]}" if page.last else "")
    if audit is None:
        return Tile("Audit log", "not looked at", more, "warn")
    return Tile("Audit log", "broken" if audit.failures else "whole", more, "bad" if audit.failures else "good")


def _ages(page: Dashboard) -> list[Age]:
    """Return how old scans are, against what policy allows."""
    limit, text = page.scan_max_age, format_age(page.scan_max_age)
    found = [line.row.scan_age for line in page.sources if line.row.pin is not None]
    ages = [age for age in found if age is not None]
    half = limit / 2
    groups = (
        (f"up to {format_age(half)}", sum(age <= half for age in ages), "good"),
        (f"up to {text}, due soon", sum(half < age <= limit for age in ages), "warn"),
        (f"older than {text}", sum(age > limit for age in ages), "bad"),
        ("never scanned", len(found) - len(ages), "bad"),
    )
    most = max(1, *(count for _, count, _ in groups))
    return [Age(name, count, round(1000 * count / most, 1), style) for name, count, style in groups]


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _day(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d")


def _bare(url: str) -> str:
    return url.split("://", 1)[-1]


def _lane(name: str) -> str:
    return name if len(name) <= _LANE else name[: _LANE - 1] + "…"


def _told(mark: Mark) -> str:
    last = mark.moves[-1]
    moved = f"{last.before[:SHORT]} → {last.after[:SHORT]}" if last.before else f"new at {last.after[:SHORT]}"
    forced = ", forced" if last.forced else ""
    more = f" (and {len(mark.moves) - 1} more)" if len(mark.moves) > 1 else ""
    return f"{last.source}: {moved}, {_minute(last.at)}, {person(last.by)}{forced}{more}"


def _scan_style(row: Condition) -> str:
    return "rest" if row.scan == "missing" and not row.scan_wanted else _SCAN_STYLES[row.scan]


def _scan_age_key(line: SourceLine) -> str:
    """Return what sorts scans that are alike: the oldest first."""
    age = line.row.scan_age
    return "" if age is None else f"{10**9 - int(age.total_seconds()):010d}"


def _scan_told(row: Condition) -> str:
    """Return how old a scan is, why it does not count, and what it found."""
    counts: Mapping[str, int] = (row.recorded.scan.counts or {}) if row.recorded else {}
    found = [f"{counts[level]:,} {level}" for level in ("high", "medium", "low") if counts.get(level)]
    why = row.scan_why.removeprefix("it is ")
    age = "" if row.scan_age is None or why.endswith(" old") else f"{format_age(row.scan_age)} old"
    return "; ".join(part for part in (age, why, ", ".join(found)) if part)


def _left(line: OverrideLine) -> str:
    match line.phase:
        case "active" | "expiring":
            return f"{format_age(line.left)} left"
        case "expired":
            return f"{format_age(timedelta(0) - line.left)} ago"
        case _:
            closed = line.record.closed_at
            return f"{line.phase} {_day(closed)}" if closed else line.phase


_FILTERS = {
    "resting": resting,
    "age": format_age,
    "bare": _bare,
    "day": _day,
    "iso": format_time,
    "lane": _lane,
    "left": _left,
    "minute": _minute,
    "n": "{:,}".format,
    "person": person,
    "phase_style": lambda word: _PHASE_STYLES.get(word, "rest"),
    "scan_age_key": _scan_age_key,
    "scan_style": _scan_style,
    "scan_told": _scan_told,
    "state_style": lambda word: _STATE_STYLES.get(word, "bad"),
    "told": _told,
}
