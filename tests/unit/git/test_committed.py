from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from git_hybrid.git.committed import _hashed

LINES = st.lists(st.sampled_from([b"a", b"b", b"", b"c\r", b"dd"]), max_size=6)
BLOBS = st.lists(st.one_of(st.none(), st.builds(b"\n".join, LINES), st.builds(lambda x: b"\n".join([*x, b""]), LINES)))


@given(BLOBS)
def test_the_lines_of_logs_that_begin_alike_have_the_digests_that_they_have_alone(found: list[bytes | None]) -> None:
    alone = [
        tuple(hashlib.sha256(line.removesuffix(b"\r")).hexdigest() for line in (blob or b"").split(b"\n") if line)
        for blob in found
    ]
    assert _hashed(found) == alone
