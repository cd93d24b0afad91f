"""Reading the files together while somebody writes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from git_hybrid.core.errors import LockBusy
from git_hybrid.store.filelock import longer
from git_hybrid.store.layout import Layout
from git_hybrid.store.steady import steady

NOW = timedelta(0)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.audit.parent.mkdir()
    return made


def _reads(layout: Layout, written: int) -> Iterator[int]:
    """Yield how often the files were read; somebody writes them during the first *written* times."""
    for number in count(1):
        if number <= written:
            layout.audit.write_text("line\n" * number)
        yield number


@pytest.mark.parametrize("written", [0, 1, 3])
def test_files_that_change_while_they_are_read_are_read_again(layout: Layout, written: int) -> None:
    reads = _reads(layout, written)
    assert steady(layout, lambda: next(reads), patience=NOW) == written + 1


def test_files_that_never_stand_still_are_told_of_instead_of_what_they_said(layout: Layout) -> None:
    reads = _reads(layout, 10**6)
    with pytest.raises(LockBusy) as caught:
        steady(layout, lambda: next(reads), patience=NOW)
    assert next(reads) > 2
    assert caught.value.holder == "one run after the other"
    assert longer(timedelta(seconds=65.5)) == "131s"
