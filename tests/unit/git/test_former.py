from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_hybrid.git.former import Former, _record, before_move
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from support.kit import git


@pytest.mark.parametrize("line", ["", "[]", "{", b"\xff", "[" * 99_999, f'{{"seq": {"9" * 5000}}}'])
def test_a_line_of_history_that_is_no_record_says_nothing(line: str | bytes) -> None:
    assert _record(line) == {}


def test_what_stands_in_the_place_of_a_log_is_not_followed_without_end(tmp_path: Path) -> None:
    git("init", "-q", cwd=tmp_path)
    git("commit", "-q", "--allow-empty", "-m", "one", cwd=tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/sources-audit-1.jsonl").symlink_to("../pipe")
    repository = Repository(Runner(environ=dict(os.environ)), tmp_path)
    assert before_move(repository, tmp_path, [], None, is_committed=False) == Former()
