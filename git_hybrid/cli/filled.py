"""Values of options that must say something: an empty one is a variable of the shell that is not set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from git_hybrid.core.errors import BadArgument

STDOUT = Path("-")
"""What stands for standard output where a command takes that."""


class _Text(click.types.StringParamType):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return *value* as text.

        Raises:
            BadArgument: it is empty.
        """
        if isinstance(value, str) and not value.strip():
            raise _empty(value, param)
        return super().convert(value, param, ctx)


class _File(click.Path):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return *value* as a path.

        Raises:
            BadArgument: it is empty.
        """
        if value == "":
            raise _empty(value, param)
        return super().convert(value, param, ctx)


class _Written(_File):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return *value* as a path.

        Raises:
            BadArgument: it is empty, or ``-``, which is standard output elsewhere: a file of that name would be made.
        """
        if value == str(STDOUT) and isinstance(param, click.Option):
            reason = "is no file here: name one; standard output is /dev/stdout"
            raise BadArgument(what=max(param.opts, key=len), value=value, reason=reason)
        return super().convert(value, param, ctx)


def _empty(value: str, param: click.Parameter | None) -> BadArgument:
    """Return the error for *value* of *param*, which it calls as the manual does."""
    if isinstance(param, click.Option):
        what = max(param.opts, key=len)
    else:
        what = "the argument" if param is None else str(param.metavar or param.name).strip("[]").upper()
    return BadArgument(what=what, value=value, reason="is empty")


TEXT = _Text()
FILE = _File(path_type=Path)
WRITTEN = _Written(path_type=Path)
"""A file to write where what is told goes to standard output."""
PLACE = _File()
"""A path as it was typed: ``Path`` makes one slash of the two of a URL."""
