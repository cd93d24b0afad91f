"""Each check is found by its name."""

from __future__ import annotations

import pytest

from git_hybrid.core.check_table import CHECKS, find_check


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_found_by_its_name(name: str) -> None:
    assert find_check(name).__module__ == f"git_hybrid.core.check_{name.replace('-', '_')}"


def test_another_name_is_no_check() -> None:
    with pytest.raises(KeyError, match="other"):
        find_check("other")
