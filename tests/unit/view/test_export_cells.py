"""No cell of a CSV export begins a formula."""

from __future__ import annotations

import pytest

from git_hybrid.view.export import _inert


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize("before", ["", " ", "\n"])
def test_what_a_spreadsheet_takes_for_a_formula_is_text(sign: str, before: str) -> None:
    assert _inert(f"{before}{sign}1+1").startswith("'")
    assert _inert(f"a{sign}1").startswith("a")
    assert _inert(f'a; "{sign}1').startswith("a;'"), "where a semicolon ends a cell"
