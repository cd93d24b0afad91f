"""``git hybrid reset``."""

from __future__ import annotations

import click

from git_hybrid.app.reset import reset
from git_hybrid.cli.options import common_options, group_option, jobs_option, required_names_argument
from git_hybrid.cli.output import opened


@click.command("reset")
@required_names_argument
@group_option
@jobs_option
@common_options
@click.pass_context
def command(context: click.Context, *, names: tuple[str, ...], groups: tuple[str, ...], jobs: int | None) -> int:
    """Save all local work of the named sources below refs/hybrid/saved/, then go to their pins.

    Saved are HEAD, the index, changed and untracked files. To get them back: git checkout REF -- PATH in the source.
    """
    if not names and not groups:
        raise click.UsageError("name the sources to reset", ctx=context)
    with opened(context, jobs=jobs) as (session, output):
        return output.report(reset(session.runtime, names, groups))
