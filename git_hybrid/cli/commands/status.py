"""``git hybrid status``."""

from __future__ import annotations

import click

from git_hybrid.app.status import status
from git_hybrid.cli.common import common_of
from git_hybrid.cli.options import Number, common_options, group_option, jobs_option, names_argument
from git_hybrid.cli.showing import show_status
from git_hybrid.cli.watching import watched


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
    type=Number(1, 86400),
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
    common = common_of(context)
    return show_status(common, names=names, groups=groups, jobs=jobs, exit_code=exit_code, porcelain=porcelain)
