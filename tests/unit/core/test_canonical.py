from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any

import pytest

from git_hybrid.core.canonical import canonical_json


class Word(StrEnum):
    ONE = "one"


class Number(IntEnum):
    TWO = 2


class Name(str):
    __slots__ = ()


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, b"null"),
        (True, b"true"),
        (-12, b"-12"),
        (2**80, b"1208925819614629174706176"),
        ("a b", b'"a b"'),
        ("\u00e9\u2028\x1b\x00", rb'"\u00e9\u2028\u001b\u0000"'),
        ("\U0001f600", rb'"\ud83d\ude00"'),
        ("\ud800", rb'"\ud800"'),
        ('\b\f\n\r\t"\\/<&', rb'"\b\f\n\r\t\"\\/<&"'),
        ("a\x7fb", rb'"a\u007fb"'),
        (r"\u00e9", rb'"\\u00e9"'),
        ({"a": Word.ONE, "b": Number.TWO, "c": Name("x")}, b'{"a":"one","b":2,"c":"x"}'),
        ([], b"[]"),
        ({}, b"{}"),
        ((1, 2), b"[1,2]"),
        ({"b": 1, "a": {"d": [1, "x"], "c": None}}, b'{"a":{"c":null,"d":[1,"x"]},"b":1}'),
        ({"a": 1, "B": 2, "\u00e9": 3}, b'{"B":2,"a":1,"\\u00e9":3}'),
    ],
    ids=[
        "null",
        "true",
        "int",
        "big",
        "text",
        "ascii",
        "pair",
        "lone",
        "escaped",
        "delete",
        "not-escaped",
        "kinds-of-text",
        "list",
        "dict",
        "tuple",
        "sorted",
        "code-points",
    ],
)
def test_one_value_has_one_sequence_of_bytes(value: Any, expected: bytes) -> None:
    assert canonical_json(value) == expected


def test_the_order_of_insertion_does_not_count() -> None:
    assert canonical_json({"a": 1, "b": 2}) == canonical_json(dict(reversed([("a", 1), ("b", 2)])))


@pytest.mark.parametrize(
    "value",
    [1.0, float("nan"), [1, [2.5]], {"a": {"b": 0.1}}, ({"a": [float("inf")]},)],
    ids=["plain", "nan", "in-list", "in-object", "deep"],
)
def test_a_float_is_refused_wherever_it_stands(value: Any) -> None:
    with pytest.raises(TypeError, match="floats"):
        canonical_json(value)


@pytest.mark.parametrize(
    "value",
    [{1: "a"}, {None: "a"}, {True: "a"}, {1.5: "a"}, [{"a": {2: "b"}}]],
    ids=["int", "none", "bool", "float", "deep"],
)
def test_a_key_that_is_no_text_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="keys"):
        canonical_json(value)


@pytest.mark.parametrize(
    "value", [b"x", {1, 2}, Decimal(1), NOON, object()], ids=["bytes", "set", "decimal", "time", "object"]
)
def test_what_json_does_not_have_is_refused(value: Any) -> None:
    holder: Mapping[str, Any] = {"a": value}
    with pytest.raises(TypeError):
        canonical_json(holder)
