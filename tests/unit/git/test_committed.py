from __future__ import annotations

import hashlib
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from git_hybrid.git.committed import _squashed
from git_hybrid.git.patches import hashed

LINES = st.lists(st.sampled_from([b"a", b"b", b"", b"c\r", b"dd"]), max_size=6)
BLOBS = st.lists(st.one_of(st.none(), st.builds(b"\n".join, LINES), st.builds(lambda x: b"\n".join([*x, b""]), LINES)))


@given(BLOBS)
def test_the_lines_of_logs_that_begin_alike_have_the_digests_that_they_have_alone(found: list[bytes | None]) -> None:
    alone = [
        tuple(hashlib.sha256(line.removesuffix(b"\r")).hexdigest() for line in (blob or b"").split(b"\n") if line)
        for blob in found
    ]
    assert hashed(found) == alone


def test_markers_of_a_conflict_that_was_committed_are_no_lines_of_the_log() -> None:
    torn = b"a\n<<<<<<< HEAD\nb\n=======\ndd\n>>>>>>> other\n"
    assert hashed([torn, b"a\n<<<<<<< HEAD\n"]) == hashed([b"a\nb\ndd\n", b"a\n"])


def test_a_pipe_in_the_place_of_what_was_squashed_keeps_nobody_waiting(tmp_path: Path) -> None:
    path = tmp_path / "SQUASH_MSG"
    os.mkfifo(path)
    assert _squashed(str(tmp_path)) == ()
    path.unlink()
    path.write_text(f"Squashed commit of the following:\n\ncommit {'a' * 40}\nAuthor: A\n\ncommit {'b' * 40}\n")
    assert _squashed(str(tmp_path)) == ("a" * 40,)
