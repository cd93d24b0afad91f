"""``git hybrid help``: the page of a command or of what they share, or what is known of an error."""

from __future__ import annotations

import sys

import click

from git_hybrid.cli.common import common_of
from git_hybrid.cli.main import open_page, page_text
from git_hybrid.cli.manual import error_entry, page_path, topics
from git_hybrid.cli.options import common_options
from git_hybrid.cli.output import Output
from git_hybrid.cli.tree import group, meant
from git_hybrid.core.condition import SEVERITY


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from git_hybrid.cli.remedies import REMEDIES

    return [
        word for word in (*group.list_commands(context), "files", "design", *REMEDIES) if word.startswith(incomplete)
    ]


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND|TOPIC|ERROR]", shell_complete=_complete)
@common_options
@click.pass_context
def command(context: click.Context, *, words: tuple[str, ...]) -> int:
    """Show the page of COMMAND, or of git hybrid; where man(1) or a terminal is missing, a short text.

    TOPIC is files or design. ERROR is the code of an error, such as moved-tag: what it means, its exit status, and what
    to do.
    """
    # As pages name each other.
    words = tuple(word.removeprefix("git-hybrid-") for word in words)
    common = common_of(context)
    name, *inner = words or ("",)
    told = None
    if name and not inner and name not in group.list_commands(context):
        if name in topics():
            if not common.json:
                return _topic(name)
            told = page_text(str(page_path(name))) or _without_man(name)
        elif (entry := error_entry(name)) is not None:
            told = f"{name}, exit {entry[0]}\n" + click.wrap_text(entry[1], 80, "    ", "    ")
        elif name in SEVERITY:
            words = (name := "status",)
    if told is None:
        found, shown = _found(context, words)
        page = f"git-hybrid-{name}" if name else "git-hybrid"
        if sys.stdout.isatty() and not common.json and (status := open_page(page)) is not None:
            return status
        told = found.get_help(shown)
    if common.json:
        Output(common).document({"command": "help", "topic": " ".join(words), "text": told})
    else:
        click.echo(told)
    return 0


def _found(context: click.Context, words: tuple[str, ...]) -> tuple[click.Command, click.Context]:
    """Return the command that *words* name, and the context that its help is made in.

    Raises:
        UsageError: there is none, with what may be meant.
    """
    found: click.Command = group
    shown = context.find_root()
    for word in words:
        known = found.list_commands(shown) if isinstance(found, click.Group) else []
        if word not in known:
            from git_hybrid.cli.remedies import REMEDIES

            more = (*topics(), *REMEDIES) if found is group else ()
            context.fail(f"No such command, topic or error: {' '.join(words)!r}.{meant(word, (*known, *more))}")
        assert isinstance(found, click.Group)
        inner = found.get_command(shown, word)
        assert inner is not None
        found, shown = inner, click.Context(inner, info_name=word, parent=shown)
    return found, shown


def _topic(name: str) -> int:
    """Show the page of what the commands share: man(1) makes text of it where there is no terminal."""
    if (status := open_page(f"git-hybrid-{name}")) is not None:
        return status
    path = str(page_path(name))
    if (status := open_page(path)) is not None:
        return status
    click.echo(_without_man(name))
    return 0


def _without_man(name: str) -> str:
    return f"git-hybrid-{name}(7) is read with man(1), which is missing; the page is {page_path(name)}"
