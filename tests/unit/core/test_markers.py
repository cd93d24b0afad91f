from __future__ import annotations

import pytest

from git_hybrid.core.files import LOCK, LOG
from git_hybrid.core.markers import in_conflict, is_marker, marker_lines

TORN = b"a\n<<<<<<< HEAD\nb\n||||||| base\n=======\nc\n>>>>>>> other\n=======\n"


@pytest.mark.parametrize("path", [LOCK, LOG])
def test_a_file_of_the_workspace_with_a_conflict_in_it_is_merged(path: str) -> None:
    error = in_conflict(TORN, path)
    assert (error.path, error.mend) == (path, "git hybrid merge")
    assert error.problems[0].place == "line 2"


def test_of_another_file_both_sides_are_kept() -> None:
    assert "keep what both sides have" in in_conflict(TORN, "config.toml").problems[0].reason


def test_markers_count_where_a_conflict_begins() -> None:
    assert marker_lines(TORN) == [2, 4, 5, 7]
    assert marker_lines(b"=======\n>>>>>>> other\n") == []


@pytest.mark.parametrize(
    "line", [b"<<<<<<< HEAD", b"<<<<<<<<< HEAD", b"|||||||", b"||||||| x", b"=======", b"=======\r", b">>>>>>> x"]
)
def test_a_marker_by_itself(line: bytes) -> None:
    assert is_marker(line)


@pytest.mark.parametrize(
    "line", [b"", b'{"a":1}', b"<<<<<<<", b"======= x", b"======", b'{"a":"\\n======="}', b" ======="]
)
def test_what_is_none(line: bytes) -> None:
    assert not is_marker(line)
