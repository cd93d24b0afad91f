"""Expressions of all kinds: a request id is held against them as Python does it."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.request_ids import matches

ATOMS = ["a", "B", "1", "-", ".", "_", r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", "[aB]", "[^a1]", r"[\d-]", r"[^\W_]"]
PLACES = ["^", "$", r"\b", r"\B", r"\A", r"\Z"]
COUNTS = ["*", "+", "?", "{2}", "{1,2}", "{0,3}", "{2,}", "*?", "+?", "??", "{1,3}?"]


def _more(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map("".join),
        several.map("|".join).map("(?:{})".format),
        st.tuples(inner, st.sampled_from(COUNTS)).map(lambda pair: f"({pair[0]}){pair[1]}"),
    )


EXPRESSIONS = st.recursive(st.sampled_from(ATOMS + PLACES), _more, max_leaves=8)
FLAGS = st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?im)"])
TEXTS = st.text("abB1-_ \n\xe9", max_size=8)


@given(FLAGS, EXPRESSIONS, TEXTS)
def test_a_request_id_matches_where_python_says_so(flags: str, expression: str, text: str) -> None:
    pattern = flags + expression
    # Where there is no character, no word begins; Python says so since 3.14.
    assume(text or r"\B" not in pattern)
    try:
        found = matches(pattern, text)
    except InvalidText:
        assume(False)
    assert found is (re.fullmatch(pattern, text, re.ASCII) is not None)
