"""Everything that is wrong with one table, in the words of the other messages: msgspec tells the first alone.

Used only on errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from git_hybrid.core.errors import MOST_PROBLEMS, Problem
from git_hybrid.core.ids import shown_url
from git_hybrid.core.words import quoted, shorten
from git_hybrid.store.parsing import nearest, shaped
from git_hybrid.store.wire import DefaultsShape, PolicyShape, RetryShape, ScannerShape, SourceShape

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_PLACED = re.compile(r"(?P<reason>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[([0-9]+)\]|([^.\[\]]+)")
_KIND = re.compile(r"Expected `(?P<kinds>[a-z0-9 |]+)`(?P<more>.*)", re.DOTALL)
_BOUND = re.compile(r"(?: of (?P<length>length))? (?P<sign>[<>]=) (?P<bound>-?[0-9]+)")
_TABLES = (DefaultsShape, RetryShape, PolicyShape, SourceShape, ScannerShape)
_fields = cache(msgspec.structs.fields)
_REF = ("commit", "write tag, branch, version or commit")
_SHALLOW = ("history", 'write history = "shallow"')
_OURS = {
    "revision": _REF,
    "rev": _REF,
    "ref": _REF,
    "depth": _SHALLOW,
    "shallow": _SHALLOW,
    "path": ("submodules", "its clone is sources/NAME, by the name of the table"),
}
"""Keys of other tools: a key that the table has if it is the one that is meant, and what is written there."""
_NOUNS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table of keys and values",
    "datetime": "a time, such as 2026-07-16T11:03:04Z",
    "null": "null",
}


def everything_wrong(value: object, kind: Any, place: str, message: str) -> list[Problem]:
    """Return what is wrong with each key of *value*, which is no *kind*; *message* is what msgspec says of it."""
    found: list[Problem] = []
    if isinstance(value, dict) and _is_struct(kind):
        found += islice(_of_keys(value, kind, place), MOST_PROBLEMS + 1)
    return found or [_explain(message, kind, value, place)]


def right_part(value: dict[str, object], kind: Any) -> dict[str, object]:
    """Return *value*, which is no *kind* (a Struct), without the keys that are wrong."""
    found: dict[str, object] = {}
    for key, wanted in ((item.encode_name, item.type) for item in _fields(kind)):
        content = value.get(key)
        if isinstance(content, dict) and _is_struct(wanted):
            found[key] = right_part(content, wanted)
        elif key in value:
            with suppress(msgspec.ValidationError):
                shaped({key: content}, dict[str, wanted])  # type: ignore[valid-type]
                found[key] = content
    return found


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _of_keys(value: dict[str, object], kind: type[msgspec.Struct], place: str) -> Iterator[Problem]:
    fields = {item.encode_name: item for item in _fields(kind)}
    dotted = {key: told for key in value.keys() - fields.keys() if (told := _dotted(place, key, value[key]))}
    for key, content in value.items():
        if key in dotted:
            yield dotted[key]
            continue
        if key not in fields:
            yield _explain(f"Object contains unknown field `{key}`", kind, value, place)
            continue
        wanted = fields[key].type
        try:
            shaped({key: content}, dict[str, wanted])  # type: ignore[valid-type]
        except msgspec.ValidationError as error:
            inner = str(error).replace("`$[...]", "`$", 1).removesuffix(" - at `$`")
            yield from everything_wrong(content, wanted, f"{place}.{key}" if place else key, inner)
    # Of what is there by dotted names alone nothing is missing.
    missing = fields if not dotted or value.keys() - dotted.keys() else ()
    for key in (key for key in missing if fields[key].required and key not in value):
        yield _explain(f"Object missing required field `{key}`", kind, value, place)


def _dotted(place: str, key: str, content: object) -> Problem | None:
    """Return what is wrong with a key that is there by what TOML makes of dots, or of a place; None where it is not."""
    told = f"{place}.{shorten(key)}"
    if key == "schema_version":
        return Problem(told, "must stand before the first table")
    while isinstance(content, dict) and "url" not in content and len(content) == 1:
        ((inner, content),) = content.items()
        key = f"{key}.{inner}"
    if not isinstance(content, dict) or "url" not in content:
        return None
    head, _, name = f"{place}.{key}".partition(".")
    name = json.dumps(shorten(name), ensure_ascii=False)
    return Problem(told, f"a name with a dot stands in quotes: write [{head}.{name}]")


def _explain(message: str, kind: Any, value: object, place: str) -> Problem:
    """Return what msgspec says of *value* at *place*, which is no *kind*, in the words of the other messages."""
    if (unknown := _UNKNOWN.fullmatch(message)) is not None:
        wanted, _ = _reached(kind, value, unknown["path"] or "")
        structs = [part for part in _parts(wanted) if _is_struct(part)]
        fields = [item.encode_name for part in structs for item in _fields(part)]
        key = shorten(unknown["key"])
        hint = _instead(unknown["key"], fields)
        return Problem(_join(_join(place, unknown["path"] or ""), key), f"unknown key {key!r}{hint}")
    found = _PLACED.fullmatch(message)
    path = found["path"] or "" if found else ""
    wanted, content = _reached(kind, value, path)
    return Problem(_join(place, path), _words(found["reason"] if found else message, wanted, content))


def _instead(key: str, fields: list[str]) -> str:
    """Return as a clause what is written for *key*, which is none of *fields*; all of them where none is near."""
    ours = _OURS.get(key)
    if ours is not None and ours[0] in fields:
        return f": {ours[1]}"
    return nearest(key, fields) or (f": the keys are {', '.join(fields)}" if fields else "")


def _join(place: str, inner: str) -> str:
    return f"{place}.{inner}" if place and inner and not inner.startswith("[") else place + inner


def _reached(kind: Any, value: Any, path: str) -> tuple[Any, Any]:
    """Return which type and value *path* leads to; None where that is not known."""
    for index, key in _STEP.findall(path):
        types: list[Any] = []
        for part in _parts(kind):
            if key and _is_struct(part):
                types += [item.type for item in _fields(part) if item.encode_name == key]
            elif index and get_origin(part) is list:
                types += get_args(part)
        kind = types[0] if types else None
        try:
            value = value[int(index) if index else key]
        except (LookupError, TypeError):
            value = None
    return kind, value


def _parts(kind: Any) -> tuple[Any, ...]:
    """Return the types of which a value has one to be of *kind*."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _parts(get_args(kind)[0])
    if origin in (Union, UnionType):
        return tuple(part for inner in get_args(kind) for part in _parts(inner))
    return (kind,)


def bare_words(key: str) -> str:
    """Return what *key* of the manifest must be if that is no text, which would stand in quotes."""
    fields = (item for shape in _TABLES for item in _fields(shape) if item.encode_name == key)
    kinds = {part for item in fields for part in _parts(item.type)}
    if bool in kinds:
        return "must be true or false, in small letters"
    return "must be a whole number, in digits" if int in kinds else ""


def _words(reason: str, kind: Any, value: object) -> str:
    if allowed := [str(text) for part in _parts(kind) if get_origin(part) is Literal for text in get_args(part)]:
        text = shown_url(shorten(str(value).lower() if isinstance(value, bool) else str(value)))
        return f"must be one of {', '.join(allowed)}, and is {quoted(text)}{nearest(text, allowed)}"
    found = _KIND.fullmatch(reason)
    kinds = found["kinds"].split(" | ") if found else []
    if found is None or not kinds or not all(kind in _NOUNS for kind in kinds):
        reason = reason.replace("`", "").replace("Object missing required field", "is missing the key")
        return reason[:1].lower() + reason[1:]
    if bound := _BOUND.fullmatch(found["more"]):
        return _bounded(kinds[0], bound)
    if " matching regex " in found["more"]:
        return f"must match {found['more'].partition(' matching regex ')[2]}"
    return f"must be {' or '.join(_NOUNS[kind] for kind in kinds)}{_mend(kinds, value, kind)}"


def _bounded(kind: str, bound: re.Match[str]) -> str:
    number, least = int(bound["bound"]), bound["sign"] == ">="
    if bound["length"]:
        unit = " characters" if kind == "str" else " entries"
        return "must not be empty" if least else f"must have at most {number:,}{unit}"
    return f"must be {_NOUNS[kind]}, {number} or {'more' if least else 'less'}"


def _mend(kinds: list[str], value: object, wanted: Any) -> str:
    """Return how *value* is written as the first of *kinds*, as a clause; nothing where that is not known."""
    told = [part.examples for part in getattr(wanted, "__metadata__", ()) if getattr(part, "examples", None)]
    match kinds[0], value:
        case "str", int() if told:
            return f" with its unit, such as {' or '.join(map(json.dumps, told[0]))}"
        case "str", bool() | int() | date():
            return f": write {json.dumps(str(value).lower() if isinstance(value, bool) else str(value))}"
        case "str", float():
            # As it was written, such as 1.10, is not known.
            return ": write it in quotes"
        case "str", _:
            return ", in quotes"
        case "array", str() if shown_url(value) == value:
            return f": write {json.dumps([shorten(value)], ensure_ascii=False)}"
        case "object", [dict(), *_]:
            return ": write its name in one pair of brackets, not in two"
        case "int" | "bool", str() if value.isdigit() or value in ("true", "false"):
            return ", without quotes"
        case "bool", str() if value.lower() in ("true", "false"):
            return f": write {value.lower()}, without quotes"
        case _:
            return ""
