"""Status as people read it: one row a source, worst first, as much as the terminal is wide; and as scripts read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from git_hybrid.core.bundles import SERVED
from git_hybrid.core.condition import Condition, ScanWord, Served, needs_attention, resting
from git_hybrid.core.ids import short_ref
from git_hybrid.core.manifest import track_field
from git_hybrid.core.override import IN_FORCE, Override, approvers
from git_hybrid.core.report import Status
from git_hybrid.core.scans import counts_told
from git_hybrid.core.standing import accepts
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.values import format_age, format_time
from git_hybrid.core.words import counted
from git_hybrid.view.term import Style, fit, paint, safe, width
from git_hybrid.view.text import SHORT, WORD_STYLES, Look, person

NOTHING = "–"
_GAP = 2
_SCAN_STYLES: Mapping[str, Style] = {
    "findings": "bad",
    "error": "bad",
    "missing": "warn",
    "stale": "warn",
    "accepted": "warn",
}
_BAD_SCANS: Mapping[ScanWord, str] = {
    "error": "incomplete",
    "findings": "with findings",
    "missing": "missing",
    "stale": "stale",
}
_PHASE_STYLES: Mapping[str, Style] = {"expired": "bad", "expiring": "warn"}
# Which column gives way to a narrow terminal, and how far, in this order.
# Names come after all that is not an alarm: two of them must not become the same.
_GIVE_WAY = (("MOVED", 9), ("PINNED", 16), ("MOVED", 1), ("PINNED", 6), ("SOURCE", 6), ("SCAN", 5))
_USUAL = 80
"""Where there is no terminal the columns are those of one of this width, and each as wide as it needs."""


class Column(Struct, frozen=True):
    """One column: its title, a cell for each row, and how each cell is coloured."""

    title: str
    cells: tuple[str, ...]
    styles: tuple[Style | None, ...]

    @property
    def wide(self) -> int:
        """How wide it wants to be."""
        return max(map(width, (self.title, *self.cells)))


def status_lines(status: Status, look: Look, now: datetime, *, height: int | None = None) -> list[str]:
    """Return status as a table, worst first, with the reasons below the rows that need one.

    Rows that are calm are counted, not shown, where the table has more than *height* lines; verbose shows all.
    """
    if not status.rows:
        return ["no sources yet"]
    shown = status if height is None or look.verbose else _folded(status, now, height)
    columns = _columns(shown, look, now)
    shown_below = {column.title for column in columns}
    widths = _widths(columns, look.columns)
    head = "  ".join(fit(column.title, columns_) for column, columns_ in zip(columns, widths, strict=True))
    lines = [paint(head.rstrip(), "bold", color=look.color)]
    for index, row in enumerate(shown.rows):
        cells = (
            paint(fit(column.cells[index], wide), column.styles[index], color=look.color)
            for column, wide in zip(columns, widths, strict=True)
        )
        lines += ["  ".join(cells).rstrip(), *_below(row, now, shown_below, verbose=look.verbose)]
    if calm := len(status.rows) - len(shown.rows):
        lines.append(f"{'… and ' if shown.rows else ''}{counted(calm, 'source')} as pinned (-v shows each)")
    return lines + _served_lines(status)


def _folded(status: Status, now: datetime, height: int) -> Status:
    """Return *status*, without the rows that are calm where all of them have no room."""
    if sum(1 + len(_below(row, now, set(), verbose=False)) for row in status.rows) < height:
        return status
    rows = (row for row in status.rows if needs_attention(row) or resting(row)[0] is not None)
    return replace(status, rows=tuple(rows))


def _columns(status: Status, look: Look, now: datetime) -> list[Column]:
    """Return the columns: those that are always there, and of the others, in their order, as many as fit."""
    rows = status.rows
    columns = [
        _column("SOURCE", rows, lambda row: safe(row.name)),
        _column("STATE", rows, lambda row: row.word, lambda row: WORD_STYLES.get(row.word)),
        _column("PINNED", rows, _pinned),
        _column("MOVED", rows, lambda row: _moved(row, now)),
        _column("SCAN", rows, _scanned, lambda row: _SCAN_STYLES.get(row.scan)),
    ]
    extras = [_column("FROM", rows, _origin), _column("INSTALLED", rows, lambda row: _installed(row, now))]
    if any(resting(row)[0] is not None for row in rows):
        extras.insert(0, _column("OVERRIDE", rows, _overridden, lambda row: _PHASE_STYLES.get(resting(row)[1] or "")))
    for extra in extras:
        if sum(column.wide + _GAP for column in columns) + extra.wide > (look.columns or _USUAL):
            break
        columns.append(extra)
    return columns


def _column(
    title: str,
    rows: Sequence[Condition],
    cell: Callable[[Condition], str],
    style: Callable[[Condition], Style | None] = lambda _row: None,
) -> Column:
    return Column(title, tuple(cell(row) for row in rows), tuple(style(row) for row in rows))


def _pinned(row: Condition) -> str:
    if row.pin is not None:
        return f"{row.pin.commit[:SHORT]} {safe(short_ref(row.pin.ref))}"
    if row.source is None:
        return NOTHING
    key, value = track_field(row.source.track)
    return f"{NOTHING} {key} {safe(value[:40])}"


def _moved(row: Condition, now: datetime) -> str:
    if row.moved is None:
        return NOTHING
    return f"{format_age(now - row.moved.at)} ago, {safe(person(row.moved.by))}"


def _installed(row: Condition, now: datetime) -> str:
    if row.recorded is None:
        return NOTHING
    return f"{format_age(now - row.recorded.updated_at)} ago, {safe(person(row.recorded.updated_by))}"


def _scanned(row: Condition) -> str:
    if row.source is None:
        return NOTHING
    return row.scan if row.scan_age is None else f"{row.scan}, {format_age(row.scan_age)}"


def _overridden(row: Condition) -> str:
    override, word = resting(row)
    if override is None:
        return NOTHING
    if word in IN_FORCE:
        return f"until {format_time(override.expires_at)[:10]}"
    return f"{word} {format_time(override.closed_at or override.expires_at)[:10]}"


def _origin(row: Condition) -> str:
    if row.served is not None and row.served.name is not None:
        return f"mirror {safe(row.served.name)}"
    return safe(str(row.source.url).split("://", 1)[-1]) if row.source is not None else NOTHING


def _is_lost(row: Condition) -> bool:
    """Tell whether the lock lost the pin of *row*."""
    return row.word == "unpinned" and row.moved is not None


def _below(row: Condition, now: datetime, columns: set[str], *, verbose: bool) -> list[str]:
    """Return what stands under a row, indented; what has a column of its own is said again only when verbose."""
    lines = []
    if row.why and (row.word not in ("ok", "missing", "unpinned") or _is_lost(row)):
        lines.append(safe(row.why))
    # Also beside its column, which has no room for the hour, the request and who approved it.
    if row.override is not None and row.override_phase in IN_FORCE:
        lines.append(_forced("forced", row.override, row.override_phase, now))
        lines += [f"accepts: {what}"] if verbose and (what := accepts(row.override)) else []
    if row.accepted is not None:
        lines.append(_forced("findings accepted", row.accepted, row.accepted_phase, now))
        lines += [f"accepts: {accepts(row.accepted)}"] if verbose and row.accepted != row.override else []
    if row.recorded is not None and row.recorded.scan.counts and (row.scan == "findings" or verbose):
        lines.append(f"scan: {counts_told(row.recorded.scan)}")
    if row.scan_why:
        lines.append(f"scan {row.scan}: {safe(row.scan_why)}")
    if verbose and "FROM" not in columns and row.source is not None:
        lines.append(f"from {safe(str(row.source.url))}")
    if verbose and row.source is not None and row.source.groups:
        lines.append(f"in {', '.join(map(safe, row.source.groups))}")
    if verbose and "INSTALLED" not in columns and row.recorded is not None:
        lines.append(f"installed {_installed(row, now)}")
    return [f"    {line}" for line in lines]


def _forced(what: str, override: Override, word: str | None, now: datetime) -> str:
    """Return what a row says of the override by which *what* is allowed."""
    left = f", {format_age(override.expires_at - now)} left" if word == "expiring" else ""
    why = f"{override.request_id}, approved by {approvers(override)}"
    return safe(f"{what} until {format_time(override.expires_at)}{left} ({why})")


def _widths(columns: Sequence[Column], limit: int | None) -> list[int]:
    """Return the width of each column: as wide as needed, cut where the terminal ends."""
    wanted = {column.title: column.wide for column in columns}
    if limit is None:
        return list(wanted.values())
    over = sum(wanted.values()) + _GAP * (len(wanted) - 1) - limit
    for title, least in _GIVE_WAY:
        cut = min(max(over, 0), max(wanted.get(title, 0) - least, 0))
        if cut:
            wanted[title] -= cut
            over -= cut
    return list(wanted.values())


def _served_lines(status: Status) -> list[str]:
    """Return one line a mirror below the table: of how many sources it is, and how old the oldest of them is there."""
    groups: dict[str, list[tuple[str, Served]]] = {}
    for row in status.rows:
        if row.served is not None:
            groups.setdefault(row.served.name or row.served.url, []).append((row.name, row.served))
    lines = []
    for key, members in sorted(groups.items()):
        who = safe(members[0][0]) if len(members) == 1 else counted(len(members), "source")
        oldest = max((served.age for _, served in members if served.age is not None), default=None)
        if key.startswith(SERVED):
            lines.append(f"{who}: served by the bundle {safe(key.removeprefix(SERVED))[:SHORT]}…")
        elif oldest is None:
            lines.append(f"{who}: served by {safe(key)}, which is not in the inventory of mirrors")
        else:
            late = ", too old to pin from" if any(served.stale for _, served in members) else ""
            lines.append(f"{who}: served by mirror {safe(key)}, {format_age(oldest)} old{late}")
    return lines


def status_summary(status: Status) -> str:
    """Return one sentence about all rows; a folder that belongs to no source is counted apart."""
    sources = tuple(row for row in status.rows if row.word != "stray")
    said = _sources_summary(replace(status, rows=sources)) if sources or not status.rows else ""
    strays = counted(len(status.rows) - len(sources), "stray folder") if len(sources) < len(status.rows) else ""
    return "; ".join(filter(None, (said, strays)))


def _sources_summary(status: Status) -> str:
    total = len(status.rows)
    counts = Counter(row.word for row in status.rows)
    if total and counts["ok"] == total:
        first = "the one source is as pinned" if total == 1 else f"all {counted(total, 'source')} as pinned"
        return "; ".join([first, _scan_summary(status), *_override_summary(status)])
    if lost := sum(map(_is_lost, status.rows)):
        what = f"{counted(lost, 'pin')} gone from state/sources.lock, which the audit log has"
        return f"{counted(total, 'source')}: {what}"
    if total and counts["unpinned"] == total:
        declared = f"{counted(total, 'source')} declared, none pinned yet"
        return f"{declared}: pinning asks upstream and writes state/sources.lock"
    parts = [f"{number:,} {word}" for word, number in counts.items()]
    return f"{counted(total, 'source')}: {', '.join(parts)}"


def _scan_summary(status: Status) -> str:
    if not status.has_scanners:
        return "no scanner is configured"
    counts = Counter(row.scan for row in status.rows)
    if bad := [(counts[scan], words) for scan, words in _BAD_SCANS.items() if counts[scan]]:
        (number, words), *others = bad
        return ", ".join([f"{counted(number, 'scan')} {words}", *(f"{number:,} {words}" for number, words in others)])
    accepted = sum(row.scan == "accepted" for row in status.rows)
    return f"scans fresh, findings of {counted(accepted, 'source')} accepted" if accepted else "scans fresh and clean"


def _override_summary(status: Status) -> list[str]:
    ends = [item.expires_at for row in status.rows for item in row.in_force]
    if not ends:
        return []
    verb = "the next ends" if len(ends) > 1 else "ends"
    return [f"{counted(len(ends), 'override')} in force, {verb} {format_time(min(ends))[:10]}"]


def porcelain_lines(status: Status) -> list[str]:
    """Return status for scripts, version 1: state, name, pin, HEAD, changed files, scan; separated by tabs."""
    cells = (
        (row.word, safe(row.name), row.pin.commit if row.pin else "-", row.head or "-", str(row.dirty_count), row.scan)
        for row in status.rows
    )
    return ["\t".join(row) for row in cells]
