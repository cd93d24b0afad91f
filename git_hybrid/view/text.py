"""Reports as people read them. Everything that a stranger wrote passes through :func:`git_hybrid.view.term.safe`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from git_hybrid.core.ids import short_ref
from git_hybrid.core.ports import Range
from git_hybrid.core.report import Report, Row
from git_hybrid.core.value import Struct
from git_hybrid.core.words import counted, lasting, typed
from git_hybrid.view.term import Style, fit, paint, safe, width

SHORT = 10
WORD_STYLES: dict[str, Style] = {
    "ok": "good",
    "unchanged": "dim",
    "current": "dim",
    "kept": "dim",
    "same": "dim",
    "unapproved": "bad",
    "blocked": "bad",
    "failed": "bad",
    "broken": "bad",
    "unreadable": "bad",
    "foreign": "bad",
    "diverged": "bad",
    "dirty": "bad",
    "busy": "bad",
    "refused": "bad",
    "interrupted": "warn",
    "running": "warn",
    "stale-pin": "warn",
    "unpinned": "warn",
    "behind": "warn",
    "missing": "warn",
    "stray": "warn",
    "outdated": "warn",
    "not-added": "warn",
    "not-applied": "warn",
    "not-bundled": "warn",
    "differs": "warn",
    "both": "warn",
    "findings": "bad",
    "error": "bad",
}
_CALM = frozenset({"unchanged", "kept", "current", "same", "ours"})
_UNDONE = frozenset({"failed", "blocked", "interrupted", "error", "not-added", "not-applied", "not-bundled"})
_COUNTED = {"findings": ("with findings", "with findings"), "differs": ("differs", "differ")}
"""How a word stands behind one source, and behind several, where it is not as it stands in a row."""
_DONE = {
    "init": ("added", "source"),
    "add": ("added", "source"),
    "remove": ("removed", "source"),
    "sync": ("synced", "source"),
    "resume": ("resumed", "source"),
    "reset": ("reset", "source"),
    "pin": ("pinned", "source"),
    "scan": ("scanned", "source"),
    "diff": ("compared", "source"),
    "outdated": ("asked about", "source"),
    "merge": ("compared", "source"),
    "sbom": ("looked at", "source"),
    "mirror update": ("mirrored", "source"),
    "mirror verify": ("verified", "copy"),
    "bundle create": ("bundled", "source"),
    "bundle verify": ("verified", "source"),
    "bundle apply": ("applied", "source"),
}


class Look(Struct, frozen=True, kw_only=True):
    """How to draw: whether in colour, how many columns wide (None: nothing is cut), whether calm rows are shown."""

    color: bool
    columns: int | None
    verbose: bool


def report_lines(report: Report, look: Look, placed: Callable[[str], str] = str) -> list[str]:
    """Return the rows of *report* as lines; rows where nothing happened and nothing is noted only when verbose.

    Of what a signal kept from being begun the last line tells. *placed* returns a command as it is typed where this is
    read.
    """
    reached = [row for row in report.rows if row.was_reached]
    rows = [row for row in reached if look.verbose or row.outcome not in _CALM or row.notes]
    names = max((width(row.name) for row in rows), default=0)
    words = max((width(row.outcome) for row in rows), default=0)
    lines: list[str] = []
    for row in rows:
        word = paint(fit(row.outcome, words), WORD_STYLES.get(row.outcome, "good"), color=look.color)
        lines.append(f"{fit(safe(row.name), names)}  {word}  {_movement(row)}".rstrip())
        lines += [f"    {line}" for line in _details(row, placed, verbose=look.verbose)]
    return lines


def _movement(row: Row) -> str:
    if row.error is not None:
        return row.error.code
    ref = f"({safe(short_ref(row.ref))})" if row.ref else ""
    return f"{moved(row.before, row.after)} {ref}".strip()


def moved(before: str | None, after: str | None) -> str:
    """Return from which commit a source moved to which, or the one that there is."""
    old, new = (before or "")[:SHORT], (after or "")[:SHORT]
    return f"{old} → {new}" if old and new and old != new else new or old


def person(operator: str) -> str:
    """Return the name of an *operator*, without the address."""
    return operator.split(" <", 1)[0]


def _details(row: Row, placed: Callable[[str], str], *, verbose: bool) -> list[str]:
    lines = [safe(note) for note in row.notes]
    if verbose and (release := row.detail.get("newer_release")):
        # Which range would be meant nobody can tell.
        go = ""
        if row.detail["follows"] == "tag":
            go = f"; to follow it: {placed(f'git hybrid pin {row.name} --tag {typed(release)}')}"
        lines.append(safe(f"newer than the manifest allows: {release}{go}"))
    if row.range is not None:
        lines += _range_lines(row.range)
    return lines


def _range_lines(found: Range) -> list[str]:
    ways = ((found.ahead, "ahead"), (found.behind, "behind"))
    counts = [f"{counted(number, 'commit')} {way}" for number, way in ways if number]
    counts += [] if found.files is None else [f"{counted(found.files, 'file')} changed"]
    lines = [", ".join(counts)]
    lines += [f"{line.commit[:SHORT]} {safe(line.subject)}" for line in found.commits]
    more = found.ahead - len(found.commits)
    return lines + ([f"… and {more} more"] if more > 0 else [])


def summary_line(report: Report, *, seconds: float) -> str:
    """Return the last line: what was done, in how long; of all commands in the same pattern."""
    if not report.rows:
        return ""
    verb, thing = _DONE.get(report.command, (report.command, "source"))
    reached = [row for row in report.rows if row.was_reached]
    counts = Counter(row.outcome for row in reached)
    if report.dry_run:
        verb = "looked at"
    elif report.gave_up:
        verb = "gave up"
    missed = len(report.rows) - len(reached)
    undone = missed + sum(counts[word] for word in _UNDONE)
    what = counted(len(report.rows), thing)
    if undone:
        what = f"{len(report.rows) - undone or 'none'} of {what}"
    line = f"{verb} {what} in {lasting(seconds)}"
    if set(counts) - {verb}:
        parts = [
            f"{number:,} {_COUNTED.get(word, (word, word))[number > 1]}"
            for word, number in sorted(counts.items(), key=lambda item: item[0] in _CALM)
        ]
        line += f": {', '.join(parts)}"
    line += f"; interrupted: {missed:,} not reached" if missed else ""
    return f"{line}; nothing was written" if report.dry_run else line
