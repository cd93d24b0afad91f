from __future__ import annotations

import pytest

from git_hybrid.git.environment import fetches_lazily


@pytest.mark.parametrize(
    ("version", "is_lazy"),
    [
        ((2, 34, 1), True),
        ((2, 39, 3), True),
        ((2, 39, 5), False),
        ((2, 44, 0), True),
        ((2, 44, 1), False),
        ((2, 45), False),
    ],
)
def test_which_git_fetches_what_is_missing_whatever_it_is_told(version: tuple[int, ...], is_lazy: bool) -> None:
    assert fetches_lazily(version) is is_lazy
