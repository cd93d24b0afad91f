"""What options that name somebody or something may hold."""

from __future__ import annotations

import pytest

from git_hybrid.cli.arguments import line, text, texts
from git_hybrid.core.errors import BadArgument


@pytest.mark.parametrize(
    "value", ["CHG-1\n", "R\n2026-12-01 approved by boss", "y@x\x1b[31m", "I\u202e", "a\u2028b", "\x85"]
)
def test_a_name_is_one_line_that_shows_what_it_is(value: str) -> None:
    with pytest.raises(BadArgument) as caught:
        line("--request", value)
    assert "is a name" in caught.value.reason
    with pytest.raises(BadArgument):
        texts("--approver", ("Ada <ada@example.org>", value))


def test_a_name_may_have_any_letters_and_a_reason_any_lines() -> None:
    names = (" Ada <ada@example.org> ", "", "علی‌رضا <ali@example.org>")
    assert texts("--approver", names) == (names[0].strip(), names[2])
    assert text("--reason", "one\ntwo") == "one\ntwo"
    assert line("--request", None) == ""
