"""What the umask leaves to the group of a workspace that is shared."""

from __future__ import annotations

import os

import pytest

from git_hybrid.store.inplace import as_group


@pytest.mark.parametrize(
    ("mode", "other", "wanted"),
    [(0o2775, True, 0o007), (0o775, False, 0o007), (0o775, True, 0o077), (0o2755, False, 0o077), (0o755, False, 0o077)],
)
def test_the_group_of_a_folder_may_write_what_is_made_where_it_may_write_there(
    tmp_path, monkeypatch, mode, other, wanted
):
    tmp_path.chmod(mode)
    group = tmp_path.stat().st_gid + other
    monkeypatch.setattr("os.getegid", lambda: group)
    before = os.umask(0o077)
    try:
        with as_group(tmp_path / "not/there"):
            within = os.umask(0o077)
            os.umask(within)
        after = os.umask(0o077)
    finally:
        os.umask(before)
    assert (within, after) == (wanted, 0o077)
