"""``git hybrid resume``."""

from __future__ import annotations

import click

from git_hybrid.app.resume import resume
from git_hybrid.cli.options import common_options, jobs_option
from git_hybrid.cli.output import opened


@click.command("resume")
@jobs_option
@click.option("--abort", is_flag=True, help="Give the run up: go back to the recorded state.")
@common_options
@click.pass_context
def command(context: click.Context, *, jobs: int | None, abort: bool) -> int:
    """Finish what an interrupted run left, at the commits that are pinned now."""
    with opened(context, jobs=jobs) as (session, output):
        return output.report(resume(session.runtime, abort=abort))
