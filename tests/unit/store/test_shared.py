"""What the umask leaves to the group of a workspace that is shared."""

from __future__ import annotations

import os
import stat
from datetime import timedelta

import pytest

from git_hybrid.store.inplace import as_group
from git_hybrid.store.mirrorlisting import held, write_listing
from support.samples import run_info


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


def test_blocks_that_end_in_another_order_leave_the_umask_as_it_was(tmp_path):
    tmp_path.chmod(0o2775)
    before = os.umask(0o027)
    try:
        first, second = as_group(tmp_path), as_group(tmp_path)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        within = os.umask(0o007)
        second.__exit__(None, None, None)
        after = os.umask(0o077)
    finally:
        os.umask(before)
    assert (within, after) == (0o007, 0o027)


def test_the_group_of_a_mirror_folder_may_write_to_its_files(tmp_path):
    before = os.umask(0o077)
    try:
        for mode in (0o2775, 0o2755):
            folder = tmp_path / oct(mode)
            folder.mkdir()
            folder.chmod(mode)
            with held(folder, run_info(), timeout=timedelta(0), cancelled=lambda: 0):
                write_listing(folder, {}, "page")
            for name in (".lock", "mirror.json", "index.html"):
                assert bool((folder / name).stat().st_mode & stat.S_IWGRP) is (mode == 0o2775)
    finally:
        os.umask(before)
