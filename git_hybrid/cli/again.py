"""The same command once more: what else was typed of the command that a hint names."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

import click

from git_hybrid.cli.tree import group, spelt_out
from git_hybrid.core.redact import redact_typed
from git_hybrid.core.value import Struct
from git_hybrid.core.words import FOLLOWED_BY, MARK, typed, unmarked

_OURS = "git hybrid "
_FOLDERS = "folders"
_UNASKED = frozenset({"jobs", "executor"})
"""How the work is done, which changes nothing of what is done."""
_APART = (
    frozenset(FOLLOWED_BY),
    frozenset({"names", "groups", "everything", "stale", "prune"}),
)
"""Parameters of which a hint that gives one takes out the others."""
_ADDED_TO = frozenset({"waived"})
"""Options that repeat, and of which those in a hint come beside those that were typed."""


class _Line(Struct, frozen=True):
    """A command line: the command, the folders of ``-C``, and the words of each parameter that it gives, by name."""

    command: tuple[str, ...]
    folders: tuple[str, ...]
    options: Mapping[str, Sequence[str]]
    arguments: Mapping[str, Sequence[str]]


def again(hint: str, argv: Sequence[str], placed: Callable[[str], str] = str) -> str:
    """Return *hint*, in which the mark of :func:`git_hybrid.core.words.as_typed` becomes what was typed in *argv*.

    *placed* returns what is not of *argv*, and so written for the root of the workspace, as it is typed.
    """
    before, _, only = hint.partition(MARK)
    ours, named = before.rstrip(" ").rpartition(_OURS)[1:]
    try:
        hinted, line = _read(shlex.split(named)), _read(argv)
    except (click.UsageError, ValueError):
        return placed(unmarked(hint))
    told = unmarked(hint).removesuffix(named)
    if ours and line.command and hinted.folders and line.command != hinted.command:
        # It leads to another folder: what was typed is to be typed there.
        hinted = _Line(line.command, hinted.folders, {}, {})
        named = f"{_quoted(_entering(hinted))} {' '.join(line.command)}"
    if not ours or not line.command or line.command != hinted.command:
        return placed(unmarked(hint))
    given = hinted.options.keys() | hinted.arguments.keys()
    apart = frozenset[str]().union(*(names for names in _APART if not names.isdisjoint(given)))
    left = _UNASKED | apart | given - _ADDED_TO
    kept = frozenset(only.split()) or line.options.keys() | line.arguments.keys()
    options = [word for name, words in line.options.items() if name in kept - left for word in words]
    arguments = [word for name, words in line.arguments.items() if name in kept - left for word in words]
    has_dash = any(word.startswith("-") for word in arguments)
    words = [*options, "--", *arguments] if has_dash else [*arguments, *options]
    # One to another folder counts from the current one, and not from where the command was sent.
    where = "" if hinted.folders else _quoted(_entering(line))
    told += " ".join(filter(None, (where, named)))
    return " ".join(filter(None, (placed(told), _quoted(words))))


def _entering(line: _Line) -> list[str]:
    return [word for folder in line.folders for word in ("-C", folder)]


def _quoted(words: Sequence[str]) -> str:
    return typed(*map(redact_typed, words))


def _read(argv: Sequence[str]) -> _Line:
    """Return what *argv* says; what is said of how it is shown is left out.

    Raises:
        UsageError: it is not in the grammar.
    """
    found: click.Command = group
    context: click.Context | None = None
    command, folders = list[str](), list[str]()
    options, arguments = dict[str, Sequence[str]](), dict[str, Sequence[str]]()
    rest = spelt_out(argv)
    while True:
        context = click.Context(found, parent=context, **found.context_settings)
        values, rest, given = found.make_parser(context).parse_args(rest)
        for parameter in dict.fromkeys(given):
            name, value = str(parameter.name), values[str(parameter.name)]
            if name == _FOLDERS:
                folders += value
            elif isinstance(parameter, click.Option) and parameter.expose_value:
                options[name] = _words(parameter, value)
            elif isinstance(parameter, click.Argument) and (words := _texts(value)):
                arguments[name] = words
        following = found.get_command(context, rest[0]) if isinstance(found, click.Group) and rest else None
        if following is None:
            return _Line(tuple(command), tuple(folders), options, arguments)
        found = following
        command.append(rest.pop(0))


def _words(option: click.Option, value: object) -> list[str]:
    name = option.opts[0]
    return [name] if option.is_flag else [word for text in _texts(value) for word in (name, text)]


def _texts(value: object) -> list[str]:
    """Return what was given of a parameter; an argument that was left out has a value of click's own."""
    if isinstance(value, str):
        return [value]
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
