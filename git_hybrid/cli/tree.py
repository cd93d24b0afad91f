"""The click tree: one lazy group. ``git hybrid -h`` imports no command, no pygit2, no adapter."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import click
from click.shell_completion import CompletionItem

from git_hybrid import __version__
from git_hybrid.cli.boundary import usage
from git_hybrid.cli.common import Common, own_words
from git_hybrid.cli.options import common_options, shows_help

COMMANDS: Mapping[str, Mapping[str, str]] = {
    "start a workspace": {
        "init": "make this folder a workspace",
        "add": "add a repository and pin it",
        "remove": "take a source out, unless work would be lost",
        "demo": "see it all work on small upstreams of its own",
    },
    "every day": {
        "sync": "bring the clones to their pins; never moves a pin",
        "status": "show every source, worst first",
        "diff": "show what stands between lock and disk, or lock and upstream",
        "foreach": "run a command in each source",
        "dashboard": "write a page about the whole workspace",
        "check": "check the files of the workspace, as the hooks do",
        "cache": "look after the objects that workspaces share",
    },
    "move pins": {
        "outdated": "show what upstream has that is newer",
        "pin": "pin a source, or move its pin",
    },
    "look for trouble": {
        "scan": "run the scanners on the pinned commits",
    },
    "govern": {
        "override": "show, renew, revoke, restore and export approved exceptions",
        "audit": "show, verify, export and rotate the audit log",
        "sbom": "write an SBOM of what is pinned",
        "hooks": "run the checks on every commit or push",
    },
    "cross an air gap": {
        "bundle": "carry sources in one file",
        "mirror": "keep the inventory of mirrors, check them, fill them",
    },
    "help": {
        "help": "show the page of a command",
        "config": "show the settings in force, and where each comes from",
        "schema": "print the JSON Schema of a file or of an output",
        "completion": "print the completion script of a shell",
        "install-man": "put the manual pages where man finds them",
    },
    "mend": {
        "diag": "look at everything that can be wrong, each with what mends it",
        "reset": "save local work, then go to the pin",
        "resume": "finish, or give up, what was interrupted",
        "merge": "put together what a merge left in conflict in state/",
    },
}
# What other tools call it.
_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(("fetch", "install", "pull", "repair", "checkout"), "sync"),
    **dict.fromkeys(("bump", "freeze", "lock", "update", "upgrade"), "pin"),
    **dict.fromkeys(("info", "list", "ls", "show", "st"), "status"),
    **dict.fromkeys(("blame", "history", "log"), "audit log"),
    **dict.fromkeys(("deinit", "delete", "drop", "rm", "uninstall"), "remove"),
    **dict.fromkeys(("restore", "undo"), "reset"),
    **dict.fromkeys(("lint", "validate", "verify"), "check"),
    **dict.fromkeys(("doctor", "fix"), "diag"),
    "clone": "add",
    "continue": "resume",
    "export": "bundle create",
    **dict.fromkeys(("forall", "run"), "foreach"),
    "grep": "foreach -- git grep",
    "import": "init --import",
    "manifest": "help files",
    # Its page says how.
    **dict.fromkeys(("move", "mv", "rename"), "help remove"),
    **{word: f"override {word}" for word in ("renew", "request", "revoke")},
    "approve": "override request",
    "force": "pin --force",
    "prune": "sync --prune",
    "rotate": "audit rotate",
    "remote": "mirror",
    "start": "init",
    "submodule": "sync",
    "version": "--version",
}
_TAKING_AWAY = ("remove", "reset")
_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class NoSuchCommand(click.UsageError):
    """A ``word`` that is no command."""

    def __init__(self, word: str, meant: str, context: click.Context) -> None:
        super().__init__(f"No such command {word!r}.{meant}", context)
        self.word = word


class LazyGroup(click.Group):
    """Imports a command when it is called, not when it is listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*, or None if there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"git_hybrid.cli.commands.{cmd_name.replace('-', '_')}").command
        assert isinstance(command, click.Command)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the options and commands that start with *incomplete*, without importing a command."""
        found = click.Command.shell_complete(self, ctx, incomplete)
        pairs = [pair for section in COMMANDS.values() for pair in section.items()]
        return [CompletionItem(name, help=text) for name, text in pairs if name.startswith(incomplete)] + found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that *args* start with; a word that is none gets its nearest neighbour told."""
        word = args[0]
        if not (word.startswith("-") or ctx.resilient_parsing or word in self.list_commands(ctx)):
            raise NoSuchCommand(word, meant(word, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for."""
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(section.items()))


def meant(word: str, known: Sequence[str]) -> str:
    """Return which command, or other of the *known* words, may be meant by *word*, as a sentence; nothing if none."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.65)
    # Of short words two that begin differently are others: clean is no scan. What takes something away is no guess.
    if near and (near[0][:1] != word[:1] or near[0] in _TAKING_AWAY):
        near = get_close_matches(word, near, cutoff=0.8)
    found = _ELSEWHERE.get(word) or (near[0] if near else "")
    return f" Did you mean {found!r}?" if found else ""


def _version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"git-hybrid version {__version__}")
        context.exit(0)


@click.group(
    "git hybrid", cls=LazyGroup, context_settings=_SETTINGS, no_args_is_help=False, invoke_without_command=True
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version.")
@common_options
@click.pass_context
def group(context: click.Context) -> int:
    """Exact, durable, governed copies of other people's git repositories."""
    return shows_help(context)


def run(common: Common, argv: Sequence[str]) -> int:
    """Run the command that *argv* names and return its exit status.

    Raises:
        HybridError: what stopped it.
        KeyboardInterrupt: the user did.
    """
    try:
        result = group.main(args=spelt_out(argv), prog_name="git hybrid", standalone_mode=False, obj=common)
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.UsageError as error:
        # click names no command where an option lacks its value.
        hint = f"{error.ctx.command_path} -h" if error.ctx is not None else help_of(argv)
        return usage(_in_words(_with_near(error).format_message()), (*_instead(error, argv, common), hint), common)
    except click.Abort as error:
        # click says so of every interrupt; which signal it was is known by what it came from.
        raise (error.__cause__ if isinstance(error.__cause__, KeyboardInterrupt) else KeyboardInterrupt) from None
    return result if isinstance(result, int) else 0


def _instead(error: click.UsageError, argv: Sequence[str], common: Common) -> Sequence[str]:
    word = error.word if isinstance(error, NoSuchCommand) else ""
    word = error.option_name if isinstance(error, click.NoSuchOption) else word
    if not word:
        return ()
    from git_hybrid.cli.gestures import hints_instead

    return hints_instead(named(argv), word, common.folder)


def _with_near(error: click.UsageError) -> click.UsageError:
    """Return *error* without the options that are none of what was meant: the dashes alone make any two alike."""
    from difflib import get_close_matches

    if not isinstance(error, click.NoSuchOption):
        return error
    given = error.option_name.lstrip("-")
    bare = {name.lstrip("-"): name for name in error.possibilities or ()}
    near = get_close_matches(given, bare, n=len(bare) or 1, cutoff=0.65)
    meant = [name for key, name in bare.items() if key in near or key.startswith(given)]
    return click.NoSuchOption(error.option_name, error.message, meant, error.ctx)


def _in_words(text: str) -> str:
    """Return what click says of a command line without the signs of its own: brackets, and what bounds a number.

    A byte that is no text, which Python tells as half a surrogate pair, is told as a byte.
    """
    text = re.sub(r"(?<!\\)\\udc([89a-f][0-9a-f])", r"\\x\1", text)
    text = re.sub(r"is not in the range (\d+)<=x<=(\d+)", r"must be \1 to \2", text)
    text = re.sub(r"is not in the range x>=(\d+)", r"must be \1 or more", text)
    text = text.replace("is not a valid integer range", "is no whole number")
    # click gives each choice a line of its own.
    return re.sub(r"for '\[([A-Z]+)\](\.\.\.)?'", r"for \1", text).replace("\n\t", " ")


def help_of(argv: Sequence[str]) -> str:
    """Return what shows the options of the command that *argv* names."""
    return " ".join(["git hybrid", *named(argv), "-h"])


def page_asked(argv: Sequence[str]) -> str:
    """Return the name of the manual page that *argv* asks for with ``--help``; nothing if it does not."""
    return "-".join(["git-hybrid", *named(argv)[:1]]) if "--help" in own_words(argv) else ""


def named(argv: Sequence[str]) -> list[str]:
    """Return the words of *argv* that name a command, such as ``mirror`` and ``add``."""
    context, path = click.Context(group), list[str]()
    found: click.Command | None = group
    for before, word in pairwise(("", *own_words(argv))):
        if before != "-C" and isinstance(found, click.Group) and word in found.list_commands(context):
            found = found.get_command(context, word)
            path.append(word)
    return path


def spelt_out(argv: Sequence[str]) -> list[str]:
    """Return *argv* with options whose value may be left out spelt in full: click would take the next word as it."""
    end = len(own_words(argv))
    told = list(argv)
    for at, word in enumerate(argv[:end]):
        following = argv[at + 1] if at + 1 < end else ""
        if word == "--porcelain":
            told[at] = "--porcelain=v1"
        elif word == "--watch" and not following.isdigit():
            told[at] = "--watch=2"
    return told
