"""What options and arguments say, read so that what is wrong with it names the option."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.values import parse_moment
from git_hybrid.store.wire import TEXT_LIMIT

T = TypeVar("T")


def parsed(parse: Callable[[str], T], option: str, value: str, *, shown: Callable[[str], str] = str) -> T:
    """Return what *parse* makes of the *value* of *option*; *shown* takes out of it what no message may hold.

    Raises:
        BadArgument: it is none.
    """
    try:
        return parse(value)
    except InvalidText as error:
        raise BadArgument(what=option, value=shown(value), reason=str(error)) from error


def moment(option: str, value: str, *, now: datetime, back: bool = False) -> datetime:
    """Return the time that an option names, a duration from *now* on, or *back* from it.

    Raises:
        BadArgument: it names none.
    """
    return parsed(partial(parse_moment, now=now, back=back), option, value.strip())


def text(option: str, value: str | None) -> str:
    """Return what an option says, without white space around it; nothing if it was not given.

    Raises:
        BadArgument: no file of state could keep it.
    """
    said = (value or "").strip()
    if len(said) > TEXT_LIMIT:
        raise BadArgument(what=option, value=f"{said[:40]}…", reason=f"is longer than {TEXT_LIMIT} characters")
    try:
        said.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadArgument(what=option, value=said, reason="is not UTF-8") from error
    return said


def texts(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return what an option that repeats says, without empty ones.

    Raises:
        BadArgument: no file of state could keep it.
    """
    text(option, ", ".join(values))
    return tuple(said for value in values if (said := text(option, value)))
