"""What a source follows, as options: ``--branch``, ``--tag``, ``--version`` or ``--commit``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from git_hybrid.core.errors import BadArgument, Problem
from git_hybrid.core.manifest import Track
from git_hybrid.store.manifest import parse_track

F = TypeVar("F", bound=Callable[..., Any])
_OPTIONS = (
    ("branch", "BRANCH", "Follow the tip of a branch."),
    ("tag", "TAG", "Follow one tag."),
    ("version", "RANGE", "Follow the newest version tag in a range, such as '>=1.2,<2'."),
    ("commit", "ID", "Stay at one commit."),
)


def track_options(command: F) -> F:
    """Add the four options; each becomes a keyword argument of *command*, None where it was not given."""
    for key, value, text in reversed(_OPTIONS):
        command = click.option(f"--{key}", metavar=value, help=text)(command)
    return command


def chosen_track(context: click.Context, given: Mapping[str, str | None]) -> tuple[str, Track] | None:
    """Return the option that was *given*, as it was typed, and what it says to follow; None if none was.

    Raises:
        UsageError: more than one was.
        BadArgument: it is no ref, range or commit id.
    """
    values = {key: value for key, value in given.items() if value is not None}
    if len(values) > 1:
        raise click.UsageError(f"give only one of {', '.join('--' + key for key in values)}", ctx=context)
    for key, value in values.items():
        problems: list[Problem] = []
        track = parse_track(key, value, f"--{key}", problems)
        if track is None:
            raise BadArgument(what=f"--{key}", value=value, reason=problems[0].reason.partition(": ")[2])
        return f"--{key}", track
    return None
