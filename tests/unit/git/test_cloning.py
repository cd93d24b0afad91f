"""What is put into a repository that nobody else knows yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.git.cloning import keep_ref


def test_a_ref_makes_no_repository_where_one_was(tmp_path: Path) -> None:
    gone = tmp_path / "ws/sources/.incoming/tool/.git"
    with pytest.raises(FileNotFoundError):
        keep_ref(gone, "refs/kept/main", "1" * 40)
    assert list(tmp_path.iterdir()) == []
    gone.mkdir(parents=True)
    keep_ref(gone, "refs/kept/main", "1" * 40)
    assert (gone / "refs/kept/main").read_text() == "1" * 40 + "\n"
