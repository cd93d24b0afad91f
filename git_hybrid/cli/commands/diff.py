"""``git hybrid diff``."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout

import click

from git_hybrid.app.upstream import diff
from git_hybrid.cli.common import common_of, wants_color
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import Output, opened
from git_hybrid.cli.streams import reporting, stop_if_unheard
from git_hybrid.cli.wiring import Session
from git_hybrid.core.difference import Difference
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import SourceName
from git_hybrid.core.words import sized


@click.command("diff")
@names_argument
@group_option
@jobs_option
@click.option("--upstream", is_flag=True, help="Compare the lock with upstream instead of with the disk.")
@click.option("-p", "--patch", is_flag=True, help="Write the difference as a patch, as git diff does.")
@click.option("--stat", is_flag=True, help="Write which files change, and how much, as git diff does.")
@click.option("--name-only", is_flag=True, help="Write the names of the files that change alone.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if anything differs.")
@common_options
@click.pass_context
def command(
    context: click.Context,
    *,
    names: tuple[str, ...],
    groups: tuple[str, ...],
    jobs: int | None,
    upstream: bool,
    patch: bool,
    stat: bool,
    name_only: bool,
    exit_code: bool,
) -> int:
    """Show what stands between lock and disk, or with --upstream between lock and upstream, as commits and files.

    With --patch, --stat or --name-only the difference itself goes to stdout, and the rest to stderr.
    """
    forms = {"--patch": patch, "--stat": stat, "--name-only": name_only}
    asked = [form for form, is_asked in forms.items() if is_asked]
    if name_only and len(asked) > 1:
        raise BadArgument(what="--name-only", value=asked[0], reason="ask for one of them")
    if asked and common_of(context).json:
        raise BadArgument(what="--json", value=asked[0], reason="what git writes is no JSON document")
    changes: dict[SourceName, Difference] | None = {} if asked else None
    with opened(context, jobs=jobs, reads=not upstream) as (session, output):
        report = diff(session.runtime, names, groups, upstream=upstream, changes=changes)
        differs = exit_code and any(row.outcome != "same" for row in report.rows)
        if changes is None:
            code = output.report(report, differs=differs)
        else:
            color, output.color = output.color, wants_color(output.common, tty=sys.stderr.isatty())
            with redirect_stdout(sys.stderr):
                code = output.report(report, wrote=True, differs=differs)
            lacking = (
                row.name for row in report.rows if row.outcome in ("differs", "dirty") and row.name not in changes
            )
            for name in lacking:
                output.talk(f"note: {name}: no patch: one of the two commits is not here")
            for name in sorted(changes):
                _write(session, output, changes[name], asked, color=color)
        if not report.rows:
            output.no_sources()
        return code


def _write(session: Session, output: Output, found: Difference, forms: list[str], *, color: bool) -> None:
    """Write *found* to stdout: as it is, or where a person reads it, in lines that no byte of upstream's steers."""
    from git_hybrid.git.difference import LARGEST, write_difference
    from git_hybrid.view.patch import Shown

    shown = Shown(color=color)
    is_read = color or sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE") == "true"
    columns = output.common.limit

    def take(data: bytes) -> None:
        if is_read:
            output.data(*shown.lines(data))
            return
        with reporting(output.common):
            sys.stdout.flush()
            sys.stdout.buffer.write(data)

    options = [f"--stat={columns}" if form == "--stat" and columns else form for form in forms]
    large = write_difference(session.runner, session.layout.root, found, options, take)
    output.data(*shown.close())
    if large:
        output.talk(f"note: {found.name}: no lines of what is larger than {sized(LARGEST)}: {', '.join(large)}")
    stop_if_unheard()
