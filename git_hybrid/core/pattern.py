"""Regular expressions that are compiled when they are first used, and grammars that read a text once.

There are more than fifty expressions, and a command uses a handful: compiling them all took a tenth of each start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast, overload

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
_REMEMBERED = 1 << 16


class _Late:
    """Stands for a pattern until something of it is used."""

    __slots__ = ("_flags", "_found", "_text")

    def __init__(self, text: str | bytes, flags: re.RegexFlag) -> None:
        self._text, self._flags = text, flags
        self._found: re.Pattern[Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if self._found is None:
            self._found = re.compile(self._text, self._flags)
        return getattr(self._found, name)


@overload
def pattern(text: str, flags: re.RegexFlag = ...) -> re.Pattern[str]: ...
@overload
def pattern(text: bytes, flags: re.RegexFlag = ...) -> re.Pattern[bytes]: ...


def pattern(text: str | bytes, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[Any]:
    """Return what can be used as ``re.compile(text, flags)``, which is called when it first is."""
    return cast("re.Pattern[Any]", _Late(text, flags))


def remembered(make: Callable[[K], T]) -> Callable[[K], T]:
    """Return *make*, which remembers what it made of a value: manifest, lock and state all name the same ones."""
    return lru_cache(_REMEMBERED)(make)
