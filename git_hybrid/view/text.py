"""Reports as people read them. Everything that a stranger wrote passes through :func:`git_hybrid.view.term.safe`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from git_hybrid.core.bundles import SERVED
from git_hybrid.core.condition import Condition, Served
from git_hybrid.core.ids import short_ref
from git_hybrid.core.manifest import track_field
from git_hybrid.core.override import Override
from git_hybrid.core.ports import Range
from git_hybrid.core.report import Report, Row, Status
from git_hybrid.core.value import Struct
from git_hybrid.core.values import format_age, format_time
from git_hybrid.view.term import Style, fit, paint, safe, width

SHORT = 10
_STYLES: dict[str, Style] = {
    "ok": "good",
    "unchanged": "dim",
    "current": "dim",
    "kept": "dim",
    "same": "dim",
    "unapproved": "bad",
    "blocked": "bad",
    "failed": "bad",
    "broken": "bad",
    "foreign": "bad",
    "diverged": "bad",
    "dirty": "bad",
    "busy": "bad",
    "refused": "bad",
    "interrupted": "warn",
    "stale-pin": "warn",
    "unpinned": "warn",
    "behind": "warn",
    "missing": "warn",
    "stray": "warn",
    "outdated": "warn",
    "differs": "warn",
    "findings": "bad",
    "error": "bad",
}
_SCAN_STYLES: dict[str, Style] = {"findings": "bad", "error": "bad", "missing": "warn", "stale": "warn"}
_CALM = frozenset({"unchanged", "kept", "current", "same"})


class Look(Struct, frozen=True, kw_only=True):
    """How to draw: whether in colour, how many columns wide, whether calm rows are shown."""

    color: bool
    columns: int
    verbose: bool


def report_lines(report: Report, look: Look) -> list[str]:
    """Return the rows of *report* as lines; rows where nothing happened only when verbose."""
    rows = [row for row in report.rows if look.verbose or row.outcome not in _CALM]
    names = max((width(row.name) for row in rows), default=0)
    words = max((width(row.outcome) for row in rows), default=0)
    lines: list[str] = []
    for row in rows:
        word = paint(fit(row.outcome, words), _STYLES.get(row.outcome, "good"), color=look.color)
        lines.append(f"{fit(safe(row.name), names)}  {word}  {_movement(row)}".rstrip())
        lines += [f"    {line}" for line in _details(row)]
    return lines


def _movement(row: Row) -> str:
    if row.error is not None:
        return row.error.code
    before, after = (row.before or "")[:SHORT], (row.after or "")[:SHORT]
    moved = f"{before} → {after}" if before and after and before != after else after or before
    ref = f"({safe(short_ref(row.ref))})" if row.ref else ""
    return f"{moved} {ref}".strip()


def _details(row: Row) -> list[str]:
    lines = [safe(note) for note in row.notes]
    if row.range is not None:
        lines += _range_lines(row.range)
    return lines


def _range_lines(found: Range) -> list[str]:
    ways = ((found.ahead, "ahead"), (found.behind, "behind"))
    counts = [f"{_count(number, 'commit')} {way}" for number, way in ways if number]
    lines = [", ".join([*counts, f"{_count(found.files, 'file')} changed"])]
    lines += [f"{line.commit[:SHORT]} {safe(line.subject)}" for line in found.commits]
    more = found.ahead - len(found.commits)
    return lines + ([f"… and {more} more"] if more > 0 else [])


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def summary_line(report: Report, *, seconds: float) -> str:
    """Return the last line: what was done, in how long."""
    if not report.rows:
        return ""
    counts = Counter(row.outcome for row in report.rows)
    parts = [f"{number} {word}" for word, number in sorted(counts.items(), key=lambda item: item[0] in _CALM)]
    what = f"{report.command}: {', '.join(parts)}"
    return f"{what} ({seconds:.1f} s)" + (" — nothing was written" if report.dry_run else "")


class _Cells(Struct, frozen=True):
    name: str
    word: str
    pin: str
    moved: str
    scan: str


def status_lines(status: Status, look: Look, now: datetime) -> list[str]:
    """Return status as a table, worst first, with the reasons below the rows that need one."""
    if not status.rows:
        return ["no sources yet"]
    cells = [_cells(row, now) for row in status.rows]
    header = _Cells("SOURCE", "STATE", "PINNED", "INSTALLED", "SCAN")
    widths = _widths([header, *cells], look.columns)
    lines = [paint(_line(header, widths).rstrip(), "bold", color=look.color)]
    for row, cell in zip(status.rows, cells, strict=True):
        plain = _line(cell, widths)
        before, after = plain[: widths[0] + 2], plain[widths[0] + 2 + widths[1] :]
        word = paint(fit(cell.word, widths[1]), _STYLES.get(row.word), color=look.color)
        lines.append((before + word + _painted_scan(after, row, look)).rstrip())
        if row.word not in ("ok", "missing", "unpinned") and row.why:
            lines.append(f"    {safe(row.why)}")
        if row.override is not None and row.override_phase in ("active", "expiring"):
            lines.append(f"    {_forced(row.override, row.override_phase, now)}")
        if row.scan_why:
            lines.append(f"    scan {row.scan}: {safe(row.scan_why)}")
    return lines + _served_lines(status)


def _served_lines(status: Status) -> list[str]:
    """Return one line a mirror below the table: of how many sources it is, and how old the oldest of them is there."""
    groups: dict[str, list[tuple[str, Served]]] = {}
    for row in status.rows:
        if row.served is not None:
            groups.setdefault(row.served.name or row.served.url, []).append((row.name, row.served))
    lines = []
    for key, members in sorted(groups.items()):
        who = safe(members[0][0]) if len(members) == 1 else f"{len(members)} sources"
        oldest = max((served.age for _, served in members if served.age is not None), default=None)
        if key.startswith(SERVED):
            lines.append(f"{who}: served by the bundle {safe(key.removeprefix(SERVED))[:SHORT]}…")
        elif oldest is None:
            lines.append(f"{who}: served by {safe(key)}, which is not in the inventory of mirrors")
        else:
            late = ", too old to pin from" if any(served.stale for _, served in members) else ""
            lines.append(f"{who}: served by mirror {safe(key)}, {format_age(oldest)} old{late}")
    return lines


def _forced(override: Override, word: str, now: datetime) -> str:
    """Return what a row says of the override that its pin rests on."""
    people = ", ".join(item.id for item in override.approvers)
    left = f", {format_age(override.expires_at - now)} left" if word == "expiring" else ""
    told = f"forced until {format_time(override.expires_at)}{left} ({override.request_id}, approved by {people})"
    return safe(told)


def _painted_scan(after: str, row: Condition, look: Look) -> str:
    style = _SCAN_STYLES.get(row.scan)
    return after if style is None else after.replace(row.scan, paint(row.scan, style, color=look.color))


def _cells(row: Condition, now: datetime) -> _Cells:
    pin = "–"
    if row.pin is not None:
        pin = f"{row.pin.commit[:SHORT]} {safe(short_ref(row.pin.ref))}"
    elif row.source is not None:
        key, value = track_field(row.source.track)
        pin = f"– {key} {safe(value[:40])}"
    moved = "–"
    if row.recorded is not None:
        moved = f"{format_age(now - row.recorded.updated_at)} ago, {safe(_who(row.recorded.updated_by))}"
    scan: str = row.scan if row.source is not None else "–"
    if row.scan_age is not None:
        scan = f"{scan}, {format_age(row.scan_age)}"
    return _Cells(safe(row.name), row.word, pin, moved, scan)


def _who(operator: str) -> str:
    return operator.split(" <", 1)[0]


def _widths(rows: Sequence[_Cells], columns: int) -> tuple[int, ...]:
    """Return the width of each column: as wide as needed, cut where the terminal ends."""
    wanted = [max(width(getattr(row, name)) for row in rows) for name in _Cells.__struct_fields__]
    over = sum(wanted) + 2 * (len(wanted) - 1) - columns
    for index, least in ((3, 9), (2, 16), (0, 14), (3, 1), (2, 6), (0, 6), (4, 5)):
        cut = min(max(over, 0), max(wanted[index] - least, 0))
        wanted[index] -= cut
        over -= cut
    return tuple(wanted)


def _line(cells: _Cells, widths: Sequence[int]) -> str:
    parts = (getattr(cells, name) for name in _Cells.__struct_fields__)
    return "  ".join(fit(part, columns) for part, columns in zip(parts, widths, strict=True))


def status_summary(status: Status) -> str:
    """Return one sentence about all rows."""
    total = len(status.rows)
    counts = Counter(row.word for row in status.rows)
    calm = counts["ok"]
    if total and calm == total:
        scans = Counter(row.scan for row in status.rows)
        bad = sum(scans[word] for word in ("findings", "error", "missing", "stale"))
        tail = f"; {_count(bad, 'scan')} missing, stale or with findings" if bad else ""
        tail = tail if status.has_scanners else "; no scanner is configured"
        return f"all as pinned ({_count(total, 'source')}){tail}"
    if total and counts["unpinned"] == total:
        return (
            f"{_count(total, 'source')} declared, none pinned yet: pinning asks upstream and writes state/sources.lock"
        )
    parts = [f"{number} {word}" for word, number in counts.items()]
    return f"{_count(total, 'source')}: {', '.join(parts)}"


def porcelain_lines(status: Status) -> list[str]:
    """Return status for scripts, version 1: state, name, pin, HEAD, changed files, scan; separated by tabs."""
    return [
        "\t".join(
            (
                row.word,
                safe(row.name),
                row.pin.commit if row.pin else "-",
                row.head or "-",
                str(row.dirty_count),
                row.scan,
            )
        )
        for row in status.rows
    ]
