"""What ``git hybrid status`` does, whoever read its command line."""

from __future__ import annotations

import sys

from git_hybrid.app.status import status
from git_hybrid.cli.common import Common
from git_hybrid.cli.output import Output, opened_for
from git_hybrid.core.condition import Condition, awaits_archive, needs_attention, needs_scan, resting, scan_mend
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.governance import renewal
from git_hybrid.core.plan import Unfinished
from git_hybrid.core.report import Status, run_words
from git_hybrid.core.words import BRING_BACK, PRUNE, hints_of, pinning_head
from git_hybrid.view.status import porcelain_lines, status_lines, status_summary

SHOWN_SCANS = 5
SHOWN_ROWS = 5
_IO = 74


def show_status(
    common: Common,
    *,
    names: tuple[str, ...] = (),
    groups: tuple[str, ...] = (),
    jobs: int | None = None,
    exit_code: bool = False,
    porcelain: str | None = None,
) -> int:
    """Show the selected sources once.

    Return 0, or 1 where *exit_code* asks for it and one is not as it should be; 74 if one could not be looked at.

    Raises:
        BadArgument: two forms of the output are asked for.
    """
    if porcelain and common.json:
        raise BadArgument(what="--porcelain", value=porcelain, reason="is one form of the output, and --json another")
    with opened_for(common, jobs=jobs, reads=True) as (session, output):
        found = status(session.runtime, names, groups)
        code = int(exit_code and (found.is_half_written or any(needs_attention(row) for row in found.rows)))
        if any(row.word == "unreadable" for row in found.rows):
            code = _IO
        if common.json:
            from git_hybrid.view.jsonout import status_document

            output.document(status_document(found, exit_code=code))
        elif porcelain:
            output.data(*porcelain_lines(found))
        else:
            height = common.lines if sys.stdout.isatty() and not names else None
            output.data(*status_lines(found, output.look, session.runtime.info.now, height=height))
            _tell(found, output)
        return code


def _tell_override(row: Condition, output: Output, *, signed: bool) -> None:
    if row.word == "unapproved" and not awaits_archive(row):
        for hint in hints_of(row.mend):
            output.hint("override", hint)
    override, phase = resting(row)
    renew = "" if override is None else renewal(override.id, signed=signed)
    # Of a pin that its record does not bear out the record's end says nothing.
    if renew not in ("", row.mend) and phase in ("expired",) + ("expiring",) * (row.word != "unapproved"):
        output.hint("override", renew)


def _tell(found: Status, output: Output) -> None:
    output.talk("" if not found.rows or found.is_half_written else status_summary(found))
    _tell_run(found.unfinished, output)
    words = {row.word for row in found.rows}
    if not found.rows:
        output.hint("empty", "git hybrid add https://host/path/repository")
    if words & {"unpinned", "stale-pin"}:
        lost = (row.mend for row in found.rows if row.word == "unpinned" and row.mend)
        output.hint("no-pin", next(lost, "git hybrid pin"))
    if words & {"missing", "behind", "broken"} and found.unfinished is None:
        output.hint("sync", "git hybrid sync")
    if any(map(awaits_archive, found.rows)):
        output.hint("archive", BRING_BACK)
    for row in found.rows[:SHOWN_ROWS]:
        if not found.is_half_written:
            _tell_override(row, output, signed=found.has_keys)
        if row.word in ("unreadable", "foreign", "busy") or (row.word == "refused" and row.blocked is None):
            from git_hybrid.core.diagnosis import remedy_of

            output.hint(row.word, remedy_of(row))
        if row.word in ("dirty", "diverged"):
            _tell_work(row, output)
    _tell_scans(found, output)
    strays = dict.fromkeys(row.mend for row in found.rows if row.word == "stray")
    kept = [mend for mend in strays if mend != PRUNE]
    for hint in (*kept[:SHOWN_ROWS], *((PRUNE,) if PRUNE in strays else ())):
        output.hint("stray", hint)


def _tell_work(row: Condition, output: Output) -> None:
    output.hint("dirty", f"git hybrid diff {row.name}")
    output.hint("dirty", f"git hybrid reset {row.name}")
    if row.word == "diverged" and row.head:
        output.hint("diverged", pinning_head(row.name, row.head))


def _tell_run(run: Unfinished | None, output: Output) -> None:
    if run is not None:
        output.talk(run_words(run))
        if not run.held_by:
            output.hint("resume", "git hybrid resume")


def _tell_scans(found: Status, output: Output) -> None:
    """Name what mends the scans that say nothing good: a new one of a source, or an override for what was found."""
    rows = found.rows
    old = [row for row in rows if needs_scan(row)] if found.has_scanners else []
    hints = [f"git hybrid scan {row.name}" for row in old[:SHOWN_SCANS]]
    if len(old) > SHOWN_SCANS:
        hints.append("git hybrid scan --stale")
    blocked = [row for row in rows if row.word == "refused" and row.blocked is not None and not awaits_archive(row)]
    hints = [*(scan_mend(row) or f"git hybrid scan {row.name}" for row in blocked[:1]), *hints]
    if len(blocked) > 1:
        hints.append("git hybrid check scans")
    # What was found may be blocked on, and the scan too old as well: one new scan is the answer to both, unless an
    # override accepted it, which is renewed.
    for hint in dict.fromkeys(hints):
        output.hint("scan", hint)
