"""What options and arguments say, read so that what is wrong with it names the option."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TypeVar

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import InvalidText
from git_hybrid.core.pattern import pattern
from git_hybrid.core.redact import has_secret, redact
from git_hybrid.core.values import parse_moment
from git_hybrid.core.words import quoted
from git_hybrid.store.wire import TEXT_LIMIT

T = TypeVar("T")
_SHOWN = 40
# Controls, ends of lines, and what turns the direction of text: https://www.unicode.org/reports/tr9/.
_STEERING = pattern("[\0-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


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
        BadArgument: no file of state could keep it, or it holds a secret that would be kept for good.
    """
    said = (value or "").strip()
    if len(said) > TEXT_LIMIT:
        raise BadArgument(what=option, value=_start(said), reason=f"is longer than {TEXT_LIMIT} characters")
    try:
        said.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadArgument(what=option, value=said, reason="is not UTF-8") from error
    if has_secret(said):
        reason = "holds a secret, and would stay in the audit log for good: leave it out"
        raise BadArgument(what=option, value=_start(redact(said)), reason=reason)
    return said


def line(option: str, value: str | None) -> str:
    """Return what an option says that names somebody or something, as :func:`text` does.

    Raises:
        BadArgument: as for :func:`text`, or lists and exports would show something else than was given.
    """
    if value is not None and (steering := _STEERING.search(value)):
        reason = f"has a line break or another control character ({quoted(steering[0])}), and is a name"
        raise BadArgument(what=option, value=_start(value), reason=reason)
    return text(option, value)


def _start(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def texts(option: str, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that an option says which repeats, without empty ones.

    Raises:
        BadArgument: as for :func:`line`.
    """
    text(option, ", ".join(values))
    return tuple(said for value in values if (said := line(option, value)))
