"""A request id is held against an expression as Python would, and in a time that the expression cannot stretch."""

from __future__ import annotations

import re
import time

import pytest

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.request_ids import LONGEST, check_pattern, matches


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^(CHG|INC)-\d+$", ["CHG-1", "INC-22"], ["", "CHG-", "chg-1", "CHG-1 ", "xCHG-1", "CHG-\u0663"]),
        (r"[A-Z]{2,4}-\d{3}", ["AB-123", "ABCD-123"], ["A-123", "ABCDE-123", "AB-12", "AB-1234"]),
        (r"(?:[A-Z]+-\d+)(?:,[A-Z]+-\d+)*", ["A-1", "A-1,BC-22,D-3"], ["A-1,", ",A-1"]),
        (r"a?b??c+?", ["c", "abcc"], ["ab", "ba"]),
        (r"(?i)chg-[x-z_]", ["CHG-Y", "chg-z", "cHg-_"], ["CHG-a"]),
        (r"(?i)[^x]", ["a", "\xe9"], ["X", "x"]),
        (r"(?i:a)b(?-i:c)", ["Abc", "abc"], ["ABc"]),
        (r"[^a]", ["b"], ["a", ""]),
        (r".", ["x"], ["\n"]),
        (r"(?s).", ["\n"], [""]),
        (r"a$\n", ["a\n"], ["a"]),
        (r"a$\nb", [], ["a\nb"]),
        (r"(?m)a$\n^b", ["a\nb"], ["ab"]),
        (r"\Aa\Z", ["a"], ["a\n"]),
        (r"\ba\b.\Bb", [], ["a b"]),
        (r"\ba\b.\bb\b", ["a b"], ["a_b"]),
        (r"a\Bb", ["ab"], ["a"]),
        (r"[\d\s][\w-]\W\S\D", ["1-.aa", " a ab"], ["a-.aa", "1-.a1"]),
        (r"(a*)*b", ["b", "aab"], ["aa"]),
        (r"(?:){9}a", ["a"], ["aa"]),
        (r"[\[:x\]&]", ["[", ":", "&"], ["a"]),
        (r"", [""], ["a"]),
    ],
)
def test_it_is_as_python_says(pattern: str, yes: list[str], no: list[str]) -> None:
    assert check_pattern(pattern) == pattern
    for text in (*yes, *no):
        assert matches(pattern, text) is (text in yes), text
        assert (re.fullmatch(pattern, text, re.ASCII) is not None) is (text in yes), text


@pytest.mark.parametrize(
    "pattern", ["(a+)+b", "(a|a)*b", "(a|aa)+b", "a*a*a*a*a*a*a*b", "((a?){20}){20}b", "(a*)*(a*)*b"]
)
def test_no_expression_takes_long(pattern: str) -> None:
    begun = time.process_time()
    assert not matches(pattern, "a" * LONGEST)
    assert time.process_time() - begun < 5


def test_what_is_too_long_does_not_match() -> None:
    assert matches("a*", "a" * LONGEST)
    assert not matches("a*", "a" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "not a regular expression"),
        ("(?u)a", "not a regular expression"),
        ("a{99999999999999999999}", "not a regular expression"),
        ("[[:alpha:]]+-[0-9]+", "possible nested set at position 1: "),
        (r"[\w--\d]", "possible set difference at position 3"),
        ("(" * 490 + ")" * 490, "too deeply nested"),
        ("a" * 1001, "too long"),
        ("(a{100}){100}", "repeat less"),
        ("a{0,99999}", "repeat less"),
        (r"(a)\1", "bounded time"),
        ("(?=a)a", "bounded time"),
        ("(?<!a)a", "bounded time"),
        ("(?>a*)a", "bounded time"),
        ("a*+a", "bounded time"),
    ],
)
def test_what_is_no_expression_of_bounded_time_is_refused(pattern: str, why: str) -> None:
    with pytest.raises(InvalidText, match=why):
        check_pattern(pattern)
