"""``git hybrid status``."""

from __future__ import annotations

import sys

import click

from git_hybrid.app.status import status
from git_hybrid.cli.options import common_of, common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.watching import watched
from git_hybrid.core.condition import needs_attention
from git_hybrid.core.report import Status
from git_hybrid.view.jsonout import status_document
from git_hybrid.view.status import porcelain_lines, status_lines, status_summary

SHOWN_SCANS = 5
SHOWN_ROWS = 5


@click.command("status")
@names_argument
@group_option
@jobs_option
@click.option("--exit-code", is_flag=True, help="Exit 1 if a source is not as it should be.")
@click.option(
    "--porcelain",
    is_flag=False,
    flag_value="v1",
    type=click.Choice(["v1"]),
    metavar="[=v1]",
    help="One line a source, for scripts.",
)
@click.option(
    "--watch",
    is_flag=False,
    flag_value=2,
    type=click.IntRange(1, 86400),
    metavar="[SECONDS]",
    help="Draw it again every SECONDS (2), until Ctrl-C.",
)
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    exit_code: bool,
    porcelain: str | None,
    watch: int | None,
) -> int:
    """Show every source, worst first: manifest, lock, state, disk and scan in one row.

    Changes nothing and waits for nobody.
    """
    if watch is not None:
        if porcelain or common_of(context).json:
            context.fail("--watch is for people: it goes with neither --json nor --porcelain")
        return watched(context, watch, lambda session: status(session.runtime, names, groups), jobs=jobs)
    with opened(context, jobs=jobs) as (session, output):
        found = status(session.runtime, names, groups)
        code = int(exit_code and any(needs_attention(row) for row in found.rows))
        if output.common.json:
            output.document(status_document(found, exit_code=code))
        elif porcelain:
            output.data(*porcelain_lines(found))
        else:
            height = output.common.lines if sys.stdout.isatty() and not names else None
            output.data(*status_lines(found, output.look, session.runtime.info.now, height=height))
            _tell(found, output)
        return code


def _tell(found: Status, output: Output) -> None:
    output.talk("" if not found.rows else status_summary(found))
    if found.unfinished is not None:
        output.talk(f"run {found.unfinished.run} ({found.unfinished.command}) is unfinished")
        output.hint("resume", "git hybrid resume")
    words = {row.word for row in found.rows}
    if not found.rows:
        output.hint("empty", "git hybrid add https://host/path/repository")
    if words & {"unpinned", "stale-pin"}:
        output.hint("no-pin", "git hybrid pin")
    if words & {"missing", "behind", "broken"} and found.unfinished is None:
        output.hint("sync", "git hybrid sync")
    for row in found.rows[:SHOWN_ROWS]:
        if row.word == "unapproved":
            output.hint("override", f"git hybrid pin {row.name}")
        if row.override is not None and row.override_phase in ("expiring", "expired"):
            renew = f"git hybrid override renew {row.override.id} --expires WHEN --approver WHO --reason TEXT"
            output.hint("override", renew)
        if row.word in ("dirty", "diverged"):
            output.hint("dirty", f"git hybrid diff {row.name}")
            output.hint("dirty", f"git hybrid reset {row.name}")
    _tell_scans(found, output)
    if "stray" in words:
        output.hint("stray", "git hybrid sync --prune")


def _tell_scans(found: Status, output: Output) -> None:
    """Name the sources whose scan says nothing good, each with the command that shows or renews it."""
    bad = [row for row in found.rows if row.source is not None and row.scan != "clean"]
    if not found.has_scanners:
        return
    for row in bad[:SHOWN_SCANS]:
        output.hint("scan", f"git hybrid scan {row.name}")
    if len(bad) > SHOWN_SCANS:
        output.hint("scan", "git hybrid scan --stale")
