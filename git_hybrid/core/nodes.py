"""What a file of another tool holds, as it is written there: each value with the line where it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.value import Struct


class Node(Struct, frozen=True):
    """A value of a YAML file: text as it is written, a list, a mapping, or None for null; ``line`` counts from 1."""

    line: int
    value: str | Sequence[Node] | Mapping[str, Node] | None


class Element(Struct, frozen=True):
    """An element of an XML file, with its attributes and the elements in it; ``line`` counts from 1."""

    line: int
    tag: str
    attributes: Mapping[str, str]
    inside: list[Element]


def text_of(table: Mapping[str, Node], key: str) -> str:
    """Return the text at *key* of *table*, nothing where there is none.

    Raises:
        InvalidText: it is a list or a mapping.
    """
    value = table[key].value if key in table else None
    if isinstance(value, str) or value is None:
        return value or ""
    raise InvalidText(f"{key} is no text")


def required(table: Mapping[str, Node], key: str) -> str:
    """Return the text at *key* of *table*.

    Raises:
        InvalidText: there is none, or it is a list or a mapping.
    """
    if not (text := text_of(table, key)):
        raise InvalidText(f"has no {key}")
    return text


def table_of(node: Node | None, what: str) -> Mapping[str, Node]:
    """Return the mapping at *node*, which is *what* to the reader; an empty one where there is none.

    Raises:
        InvalidText: it is something else.
    """
    value = {} if node is None or node.value is None else node.value
    if isinstance(value, Mapping):
        return value
    raise InvalidText(f"{what} is no mapping")


def list_of(node: Node | None, what: str) -> Sequence[Node]:
    """Return the list at *node*, which is *what* to the reader; an empty one where there is none.

    Raises:
        InvalidText: it is something else.
    """
    value = () if node is None or node.value is None else node.value
    if isinstance(value, str | Mapping):
        raise InvalidText(f"{what} is no list")
    return value
