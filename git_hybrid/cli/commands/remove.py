"""``git hybrid remove``."""

from __future__ import annotations

import click

from git_hybrid.app.edit import remove
from git_hybrid.cli.options import common_options, required_names_argument
from git_hybrid.cli.output import opened


@click.command("remove")
@required_names_argument
@common_options
@click.pass_context
def command(context: click.Context, *, names: tuple[str, ...]) -> int:
    """Take sources out of manifest, lock and state, and remove their clones. A clone that holds work stays (exit 3)."""
    if not names:
        raise click.UsageError("name the sources to remove", ctx=context)
    with opened(context) as (session, output):
        return output.report(remove(session.runtime, session.editor, names))
