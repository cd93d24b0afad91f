"""Whether a request id is what policy's ``request_pattern`` says, in a time that no pattern can stretch. Pure.

Python tries all ways in which an expression may fit, one after the other, which can take longer than anybody lives, and
no signal ends it. Here all are tried at once, a character at a time: it takes at most as many steps as the expression
has states times characters of the id. So there is nothing in it that looks ahead, looks back or refers to a group.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.value import Struct, field

LONGEST = 200
"""A request id has no more characters where policy has a pattern for it."""
_LONGEST_PATTERN = 1000
_MOST_STATES = 1000
_SPACE = frozenset(" \t\n\r\f\v")
_CHARACTERS = frozenset({"LITERAL", "NOT_LITERAL", "ANY", "IN"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT"})


class _State(Struct):
    """A place in an expression: what leads on from it, by one character that it *takes*, or where it *allows* to.

    Without either it leads on at once.
    """

    after: list[int]
    takes: Callable[[str], bool] | None = None
    allows: Callable[[str, int], bool] | None = None


class _Machine(Struct):
    """An expression as states; the one at 0 is its end."""

    states: list[_State] = field(default_factory=lambda: [_State([])])
    first: int = 0

    def reached(self, places: Iterable[int], text: str, at: int) -> set[int]:
        """Return *places*, and all that they lead to without a character; the next one of *text* is the one at *at*."""
        found, left = set[int](), list(places)
        while left:
            place = left.pop()
            state = self.states[place]
            if place not in found and (state.allows is None or state.allows(text, at)):
                found.add(place)
                if state.takes is None:
                    left += state.after
        return found

    def add(self, state: _State) -> int:
        if len(self.states) >= _MOST_STATES:
            raise InvalidText("too large a regular expression: let it repeat less")
        self.states.append(state)
        return len(self.states) - 1

    def put(self, items: Iterable[tuple[Any, Any]], after: int, flags: int) -> int:
        """Add *items* of a parsed expression before the place *after*, and return where they begin."""
        for kind, told in reversed(list(items)):
            after = self._put_one(kind.name, told, after, flags)
        return after

    def _put_one(self, kind: str, told: Any, after: int, flags: int) -> int:
        if kind in _CHARACTERS:
            return self.add(_State([after], takes=lambda char: _is_one(kind, told, char, flags)))
        if kind == "AT":
            return self.add(_State([after], allows=lambda text, at: _is_at(told.name, text, at, flags)))
        if kind == "BRANCH":
            return self.add(_State([self.put(branch, after, flags) for branch in told[1]]))
        if kind == "SUBPATTERN":
            _, more, less, items = told
            return self.put(items, after, (flags | more) & ~less)
        if kind in _REPEATS:
            least, most, items = told
            return self._put_repeated(least, most, items, after, flags)
        raise InvalidText("not an expression that can be matched in bounded time: leave out what is not a plain group")

    def _put_repeated(self, least: int, most: Any, items: Iterable[tuple[Any, Any]], after: int, flags: int) -> int:
        begin = after
        if getattr(most, "name", "") == "MAXREPEAT":
            begin = self.add(_State([after]))
            self.states[begin].after.append(self.put(items, begin, flags))
        else:
            for _ in range(most - least):
                begin = self.add(_State([self.put(items, begin, flags), after]))
        for _ in range(least):
            before = begin
            begin = self.put(items, begin, flags)
            if begin == before:
                break
        return begin


def check_pattern(text: str) -> str:
    """Return *text*, a regular expression that request ids can be held against.

    Raises:
        InvalidText: it is none, or one that takes no bounded time.
    """
    _machine(text)
    return text


def matches(text: str, request_id: str) -> bool:
    """Tell whether the whole *request_id* is as the expression *text* says; one that is too long is not."""
    if len(request_id) > LONGEST:
        return False
    machine = _machine(text)
    places = machine.reached([machine.first], request_id, 0)
    for at, char in enumerate(request_id, 1):
        states = (machine.states[place] for place in places)
        after = {place for state in states if state.takes and state.takes(char) for place in state.after}
        places = machine.reached(after, request_id, at)
    return 0 in places


@lru_cache(maxsize=16)
def _machine(text: str) -> _Machine:
    if len(text) > _LONGEST_PATTERN:
        raise InvalidText(f"too long a regular expression: more than {_LONGEST_PATTERN} characters")
    machine = _Machine()
    try:
        # What re.compile has of it at first; the same since Python 3.11.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            parsed = re._parser.parse(text, re.ASCII)  # type: ignore[attr-defined]  # noqa: SLF001
        machine.first = machine.put(parsed, 0, parsed.state.flags)
    except RecursionError as error:
        raise InvalidText("too deeply nested a regular expression") from error
    except InvalidText:
        raise
    except Warning as error:
        # A class of POSIX, as grep takes it, is a set of a few letters to Python.
        reason = f"{str(error).lower()}: put a backslash before what is no set, and write [A-Za-z] for [[:alpha:]]"
        raise InvalidText(f"not a regular expression that can be read in one way: {reason}") from error
    except (re.error, ValueError, OverflowError) as error:
        raise InvalidText(f"not a regular expression: {error}") from error
    return machine


def _is_one(kind: str, told: Any, char: str, flags: int) -> bool:
    """Tell whether one character is what an expression says."""
    if kind == "ANY":
        return char != "\n" or bool(flags & re.DOTALL)
    chars = {char, char.lower(), char.upper()} if flags & re.IGNORECASE and char.isascii() else {char}
    if kind == "IN":
        negated = bool(told[0][0].name == "NEGATE")
        return negated != any(_is_in(item.name, what, each) for item, what in told[negated:] for each in chars)
    return (kind == "LITERAL") == any(ord(each) == told for each in chars)


def _is_in(kind: str, told: Any, char: str) -> bool:
    if kind == "LITERAL":
        return ord(char) == int(told)
    if kind == "RANGE":
        return int(told[0]) <= ord(char) <= int(told[1])
    _, _, name = told.name.partition("_")
    of = name.removeprefix("NOT_")
    found = _is_word(char) if of == "WORD" else char in _SPACE if of == "SPACE" else char.isascii() and char.isdigit()
    return found is (of == name)


def _is_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char == "_")


def _is_at(where: str, text: str, at: int, flags: int) -> bool:
    """Tell whether what is between two characters is what an expression says."""
    begins, ends = at == 0, at == len(text)
    if where == "AT_BEGINNING":
        return begins or (bool(flags & re.MULTILINE) and text[at - 1] == "\n")
    if where == "AT_BEGINNING_STRING":
        return begins
    if where == "AT_END":
        return ends or (text[at] == "\n" and (at + 1 == len(text) or bool(flags & re.MULTILINE)))
    if where == "AT_END_STRING":
        return ends
    is_boundary = (not begins and _is_word(text[at - 1])) != (not ends and _is_word(text[at]))
    return is_boundary is (where == "AT_BOUNDARY")
