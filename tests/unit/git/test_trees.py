"""Trees are read from their bytes as git reads them."""

from __future__ import annotations

import pytest

from git_hybrid.git.trees import entries_of

OID = bytes(range(20))


def _entries(mode: bytes) -> list[tuple[str, bytes]]:
    data = mode + b" name\0" + OID
    return [(entry.mode, entry.path) for entry in entries_of("t", lambda _: (2, data), lambda _: 0, most=1)]


def test_a_mode_of_old_is_what_git_takes_it_for() -> None:
    assert _entries(b"100664") == [("100644", b"name")]


@pytest.mark.parametrize("mode", [b"1_00644", b"+100644", b"", b"100648"])
def test_a_mode_that_git_cannot_read_is_none(mode: bytes) -> None:
    with pytest.raises(ValueError, match="is no mode"):
        _entries(mode)
