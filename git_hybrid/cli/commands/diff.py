"""``git hybrid diff``."""

from __future__ import annotations

import click

from git_hybrid.app.upstream import diff
from git_hybrid.cli.options import common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.output import opened


@click.command("diff")
@names_argument
@group_option
@jobs_option
@click.option("--upstream", is_flag=True, help="Compare the lock with upstream instead of with the disk.")
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
    exit_code: bool,
) -> int:
    """Show what stands between lock and disk, or with --upstream between lock and upstream, as commits and files."""
    with opened(context, jobs=jobs, reads=not upstream) as (session, output):
        report = diff(session.runtime, names, groups, upstream=upstream)
        code = output.report(report, differs=exit_code and any(row.outcome != "same" for row in report.rows))
        if not report.rows:
            output.no_sources()
        return code
