"""The options that every command has, before the command's name or after it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from git_hybrid.cli.common import HERE, Common, common_of
from git_hybrid.cli.jobs import MOST_JOBS
from git_hybrid.core.files import MANIFEST, MIRRORS, OVERRIDES

if TYPE_CHECKING:
    from git_hybrid.core.manifest import Manifest

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")
_SENTENCE = 1000
"""More than any first sentence has."""


def _store(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        context.find_root().ensure_object(Common).take(name, value)

    return callback


def common_options(command: F) -> F:
    """Add the options that every command has."""

    def option(*names: str, store: str, **settings: Any) -> None:
        nonlocal command
        command = click.option(*names, expose_value=False, callback=_store(store), **settings)(command)

    folder_help = "Work in DIR; may be given more than once, as in git."
    option("-C", "folders", store="folders", multiple=True, metavar="DIR", help=folder_help)
    option("-q", "--quiet", store="quiet", is_flag=True, help="Say nothing but errors.")
    option("-v", "--verbose", store="verbose", count=True, help="Say more: calm rows and each step.")
    option("--json", store="json", is_flag=True, help="Write one JSON document to stdout.")
    colors = click.Choice(["always", "auto", "never"])
    option("--color", store="color", type=colors, metavar="WHEN", help="Colour: always, auto or never.")
    option("--no-color", "no_color", store="no_color", is_flag=True, help="The same as --color=never.")
    option("--progress", store="progress", is_flag=True, help="Show progress also where stderr is no terminal.")
    option("--no-progress", "no_progress", store="no_progress", is_flag=True, help="Show no progress.")
    return command


class Number(click.IntRange):
    """A whole number in digits alone: int() would take a sign, a blank, ``_`` or other digits too."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return *value* as a number."""
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return super().convert(value, param, ctx)


def jobs_option(command: F) -> F:
    """Add ``-j``."""
    kind = Number(1, MOST_JOBS)
    return click.option("-j", "--jobs", type=kind, metavar="N", help="Work on N sources at a time.")(command)


def executor_option(command: F) -> F:
    """Add ``--executor``."""
    text = "Where the work is done: threads (here), or dask://HOST:PORT."
    return click.option("--executor", default=HERE, metavar="WHERE", help=text, shell_complete=_complete_executors)(
        command
    )


def _complete_executors(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return [word for word in (HERE, "dask://", "dask+tls://") if word.startswith(incomplete)]


def group_option(command: F) -> F:
    """Add ``--group``."""
    text = "Only sources of this group; may be given more than once."
    return click.option(
        "-g", "--group", "groups", multiple=True, metavar="GROUP", help=text, shell_complete=complete_groups
    )(command)


def takes_paths(command: F) -> F:
    """Let *command* take the paths of sources for their ``names``."""

    @wraps(command)
    def named(*arguments: Any, names: tuple[str, ...], **settings: Any) -> Any:
        from git_hybrid.cli.named import by_path

        names = by_path(common_of(click.get_current_context()), names)
        return command(*arguments, names=names, **settings)

    return cast("F", named)


def names_argument(command: F) -> F:
    """Add ``NAME…``."""
    add = click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_names)
    return add(takes_paths(command))


def required_names_argument(command: F) -> F:
    """Add ``NAME…`` where at least one is needed."""
    return click.argument("names", nargs=-1, metavar="NAME...", shell_complete=complete_names)(takes_paths(command))


def complete_names(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of sources that start with *incomplete*; nothing where the manifest cannot be read."""
    return [name for name in _manifest(context).sources if name.startswith(incomplete)]


def complete_groups(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the groups of the manifest that start with *incomplete*."""
    groups = {group for source in _manifest(context).sources.values() for group in source.groups}
    return sorted(group for group in groups if group.startswith(incomplete))


def complete_overrides(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of overrides that start with *incomplete*; nothing where they cannot be read."""
    from git_hybrid.store.overridefile import decode_overrides

    found = _decoded(context, OVERRIDES, decode_overrides)
    return [name for name in (found.records if found else ()) if name.startswith(incomplete)]


def complete_names_and_overrides(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return what :func:`complete_names` and :func:`complete_overrides` do."""
    return [found for each in (complete_names, complete_overrides) for found in each(context, parameter, incomplete)]


def complete_mirrors(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of mirrors that start with *incomplete*; nothing where they cannot be read."""
    from git_hybrid.store.mirrorfile import decode_mirrors

    found = _decoded(context, MIRRORS, decode_mirrors)
    return [name for name in (found.mirrors if found else ()) if name.startswith(incomplete)]


def _manifest(context: click.Context) -> Manifest:
    from git_hybrid.core.manifest import Manifest
    from git_hybrid.store.manifest import decode_manifest

    return _decoded(context, MANIFEST, decode_manifest) or Manifest()


def _decoded(context: click.Context, name: str, decode: Callable[[bytes], T]) -> T | None:
    """Return what the file *name* of the workspace says, None where it cannot be read: completion never complains."""
    from git_hybrid.core.errors import HybridError
    from git_hybrid.store.layout import find_root
    from git_hybrid.store.parsing import read_bytes

    common = context.find_root().obj
    try:
        folder = common.folder if isinstance(common, Common) else Path.cwd()
        return decode(read_bytes(find_root(folder).root / name, name) or b"")
    except (HybridError, OSError):
        return None


class Commands(click.Group):
    """A group whose help has the first sentence of each of its commands, whole: click cuts it where the line ends."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* start with; ``help`` shows what there is."""
        if args[0] == "help":
            click.echo(ctx.get_help())
            ctx.exit()
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with what each does."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, command.get_short_help_str(_SENTENCE)) for name, command in found if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def shows_help(context: click.Context) -> int:
    """Return 0 for a group that was called with a command; without any, print the help of the program and return 2.

    Raises:
        UsageError: there is none, and it is one of several groups, or the answer is to be a document.
    """
    if context.invoked_subcommand is None:
        if context.parent is not None and isinstance(context.command, click.Group):
            names = ", ".join(context.command.list_commands(context))
            raise click.UsageError(f"Missing command, one of: {names}.", context)
        if common_of(context).json:
            raise click.UsageError("Missing command.", context)
        click.echo(context.get_help(), err=True)
        return 2
    return 0
