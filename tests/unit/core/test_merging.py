from __future__ import annotations

import pytest

from git_hybrid.core.merging import Change, merged


@pytest.mark.parametrize(
    ("was", "our", "their", "left", "both"),
    [
        (None, None, 1, 1, False),
        (None, 1, None, 1, False),
        (1, 1, 2, 2, False),
        (1, 2, 1, 2, False),
        (1, None, 1, None, False),
        (1, 1, None, None, False),
        (1, 2, 3, 2, True),
        (None, 2, 3, 2, True),
        (1, None, 3, 3, True),
        (1, 3, None, 3, True),
    ],
    ids=[
        *("theirs-added", "ours-added", "theirs-changed", "ours-changed", "ours-took-out", "theirs-took-out"),
        *("both-changed", "both-added", "taken-out-here-changed-there", "changed-here-taken-out-there"),
    ],
)
def test_what_one_side_alone_changed_counts(
    was: int | None, our: int | None, their: int | None, left: int | None, both: bool
) -> None:
    def table(value: int | None) -> dict[str, int]:
        return {"same": 9} | ({} if value is None else {"it": value})

    found, changes = merged(table(was), table(our), table(their))
    assert found == table(left)
    assert changes == (Change("it", both),)


def test_where_the_sides_agree_there_is_no_change() -> None:
    assert merged({"a": 1, "b": 1}, {"a": 2}, {"a": 2}) == ({"a": 2}, ())
