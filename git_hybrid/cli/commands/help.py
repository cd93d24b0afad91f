"""``git hybrid help``: the page of a command, or what is known of an error."""

from __future__ import annotations

import sys

import click

from git_hybrid.cli.main import open_page
from git_hybrid.cli.manual import error_entry
from git_hybrid.cli.options import common_options
from git_hybrid.cli.tree import group


@click.command("help")
@click.argument("name", required=False, metavar="[COMMAND|ERROR]")
@common_options
@click.pass_context
def command(context: click.Context, *, name: str | None) -> int:
    """Show the page of COMMAND, or of git hybrid; where man(1) or a terminal is missing, a short text.

    ERROR is the code of an error, such as moved-tag: what it means, its exit status, and what to do.
    """
    found = group if name is None else group.get_command(context, name)
    if found is None:
        if (entry := error_entry(str(name))) is not None:
            click.echo(f"{name}, exit {entry[0]}\n" + click.wrap_text(entry[1], 80, "    ", "    "))
            return 0
        group.resolve_command(context, [str(name)])
    assert found is not None
    page = "git-hybrid" if name is None else f"git-hybrid-{name}"
    if sys.stdout.isatty() and (status := open_page(page)) is not None:
        return status
    parent = context.find_root()
    inner = parent if name is None else click.Context(found, info_name=name, parent=parent)
    click.echo(found.get_help(inner))
    return 0
