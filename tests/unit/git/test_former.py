from __future__ import annotations

import pytest

from git_hybrid.git.former import _record


@pytest.mark.parametrize("line", ["", "[]", "{", b"\xff", "[" * 99_999, f'{{"seq": {"9" * 5000}}}'])
def test_a_line_of_history_that_is_no_record_says_nothing(line: str | bytes) -> None:
    assert _record(line) == {}
