"""The archive of a log has a name of its own, whatever number of them a year has."""

from __future__ import annotations

import pytest

from git_hybrid.app.audit import rotate
from support.fakes import FakeTransport, runtime


@pytest.mark.parametrize(("before", "name"), [(0, ""), (1, "-2"), (999, "-1000")])
def test_each_archive_of_a_year_gets_the_next_number(before: int, name: str) -> None:
    taken = [f"state/sources-audit.2026{'' if number == 1 else f'-{number}'}.jsonl" for number in range(1, before + 1)]
    rt = runtime(FakeTransport())
    assert rotate(rt, lambda: taken) == f"state/sources-audit.2026{name}.jsonl"
