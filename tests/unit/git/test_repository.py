"""What is asked of the repository that a workspace is committed to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.core.errors import GitRefused
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from support.kit import git


def test_a_git_that_fails_has_not_answered_nothing(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    repository = Repository(Runner(environ=dict(os.environ)), tmp_path)
    assert repository.ask(["git", "ls-files"]) == b""
    (tmp_path / ".git/HEAD").write_text("nonsense\n")
    with pytest.raises(GitRefused):
        repository.ask(["git", "ls-files"])
