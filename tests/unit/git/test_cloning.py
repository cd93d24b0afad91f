"""What is put into a repository that nobody else knows yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.git.cloning import clone_arguments, keep_ref
from support.samples import URL


def test_a_ref_makes_no_repository_where_one_was(tmp_path: Path) -> None:
    gone = tmp_path / "ws/sources/.incoming/tool/.git"
    with pytest.raises(FileNotFoundError):
        keep_ref(gone, "refs/kept/main", "1" * 40)
    assert list(tmp_path.iterdir()) == []
    gone.mkdir(parents=True)
    keep_ref(gone, "refs/kept/main", "1" * 40)
    assert (gone / "refs/kept/main").read_text() == "1" * 40 + "\n"


def test_a_bare_clone_names_its_remote_by_a_setting_since_an_older_git_takes_no_origin(tmp_path: Path) -> None:
    (tmp_path / ".git/objects").mkdir(parents=True)
    (tmp_path / ".git/config").touch()
    stage = Stage(SourceName("tool"), str(tmp_path))
    arguments = clone_arguments(stage, URL, FetchRequest(refs=("refs/heads/main",)))
    assert arguments is not None
    assert arguments[:4] == ["-c", "clone.defaultRemoteName=git-hybrid", "clone", "--bare"]
    assert not any(word.startswith("--origin") for word in arguments)
