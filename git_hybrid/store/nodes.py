"""Reads YAML and XML that other tools and strangers wrote: only what says the same to everybody, up to a bound.

No value of YAML becomes anything but text, a list or a mapping, so no tag makes an object; an alias, which could stand
for a billion values, is refused. XML may have no DOCTYPE, and without one it has no entities.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from git_hybrid.core.errors import BadArgument, InvalidFile, LibraryMissing, LocalIo
from git_hybrid.core.nodes import Element, Node
from git_hybrid.core.pattern import pattern
from git_hybrid.core.words import shorten
from git_hybrid.store.content import content
from git_hybrid.store.parsing import decode_text

_LARGEST = 4 << 20
_DEEPEST = 20
_DEEP = "is nested too deeply"
_CONTROL = pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NULL = ("", "~", "null", "Null", "NULL")


def read_listing(path: Path) -> str:
    """Return the text of the file at *path*, also behind a link.

    Raises:
        BadArgument: there is no such file.
        InvalidFile: it is larger than any such file, no UTF-8, or has control characters.
        LocalIo: it cannot be read.
    """
    shown = str(path)
    if not path.is_file():
        raise BadArgument(what="--import", value=shown, reason="no such file")
    try:
        data = content(path, _LARGEST)
    except OSError as error:
        raise LocalIo.of(error, shown, "read") from error
    if len(data) > _LARGEST:
        raise InvalidFile.at(shown, "file", f"is larger than {_LARGEST >> 20} MiB")
    text = decode_text(data, shown)
    if (found := _CONTROL.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        raise InvalidFile.at(shown, f"line {line}", "has a control character")
    return text


def yaml_in(text: str, shown: str) -> Node:
    """Return what the YAML document *text* of the file *shown* has.

    Raises:
        InvalidFile: it is no YAML, or has what is not read: an alias, a tag, a key twice, a second document.
        LibraryMissing: PyYAML is not installed.
    """
    try:
        yaml = import_module("yaml")
    except ModuleNotFoundError as error:
        python = sys.executable or "python3"
        raise LibraryMissing(what="import", module="yaml", library="PyYAML", python=python) from error
    # The one in C is as strict, and five times as fast.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Yaml(yaml.parse(text, Loader=loader), shown).document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "file" if mark is None else f"line {mark.line + 1}"
        reason = getattr(error, "problem", None) or getattr(error, "reason", "cannot be read")
        raise InvalidFile.at(shown, place, f"is not valid YAML: {reason}") from error


class _Yaml:
    """Makes nodes of the events of a parser, which know neither a tag nor what an alias stands for."""

    def __init__(self, events: Iterator[Any], shown: str) -> None:
        self._events, self._shown = events, shown

    def document(self) -> Node:
        root = Node(1, None)
        for number, event in enumerate(self._after_start()):
            if number:
                raise self._wrong(event, "begins a second document (---): one is read")
            root = self._node(event, event.start_mark.line + 1, 0)
        return root

    def _after_start(self) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                yield next(self._events)

    def _node(self, event: Any, line: int, depth: int) -> Node:
        kind = type(event).__name__
        if kind == "AliasEvent":
            raise self._wrong(event, "has an alias (*): write what it stands for")
        if event.tag is not None:
            raise self._wrong(event, f"has a tag ({shorten(event.tag)}): write the value without it")
        if depth > _DEEPEST:
            raise self._wrong(event, _DEEP)
        if kind == "SequenceStartEvent":
            items = self._until("SequenceEndEvent")
            return Node(line, [self._node(item, item.start_mark.line + 1, depth + 1) for item in items])
        if kind == "MappingStartEvent":
            return Node(line, self._mapping(depth))
        if _CONTROL.search(event.value):
            raise self._wrong(event, "has a control character")
        return Node(line, None if event.implicit[0] and event.value in _NULL else event.value)

    def _mapping(self, depth: int) -> dict[str, Node]:
        made: dict[str, Node] = {}
        for event in self._until("MappingEndEvent"):
            key = self._node(event, event.start_mark.line + 1, depth + 1)
            if not isinstance(key.value, str):
                raise self._wrong(event, "has a key that is no text")
            if (before := made.get(key.value)) is not None:
                raise self._wrong(event, f"has {shorten(key.value)} again, as line {before.line} has it")
            made[key.value] = self._node(next(self._events), key.line, depth + 1)
        return made

    def _until(self, end: str) -> Iterator[Any]:
        for event in self._events:
            if type(event).__name__ == end:
                return
            yield event

    def _wrong(self, event: Any, reason: str) -> InvalidFile:
        return InvalidFile.at(self._shown, f"line {event.start_mark.line + 1}", reason)


def xml_in(text: str, shown: str) -> Element:
    """Return the root element of the XML document *text* of the file *shown*.

    Raises:
        InvalidFile: it is no XML, or has a DOCTYPE.
    """
    from xml.parsers import expat

    parser, inside = expat.ParserCreate(), [Element(0, "", {}, [])]

    def refuse(reason: str) -> InvalidFile:
        return InvalidFile.at(shown, f"line {parser.CurrentLineNumber}", reason)

    def doctype(*_: object) -> None:
        raise refuse("has a DOCTYPE, whose entities are not read: take it out")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(inside) > _DEEPEST:
            raise refuse(_DEEP)
        element = Element(parser.CurrentLineNumber, tag, attributes, [])
        inside[-1].inside.append(element)
        inside.append(element)

    parser.StartDoctypeDeclHandler, parser.StartElementHandler = doctype, start
    parser.EndElementHandler = lambda _: inside.pop()
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        reason = f"is not valid XML: {expat.ErrorString(error.code)}"
        raise InvalidFile.at(shown, f"line {error.lineno}", reason) from error
    return inside[0].inside[0]
