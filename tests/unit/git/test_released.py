"""A repository that libgit2 opened is gone when it is let go of, not when Python next looks for knots."""

from __future__ import annotations

import gc
import weakref

from git_hybrid.git.libgit2 import open_repository, released
from git_hybrid.git.skeleton import write_skeleton


def test_nothing_is_left_of_it(tmp_path):
    write_skeleton(tmp_path / ".git", object_format="sha1")
    gc.disable()
    try:
        with released(open_repository(tmp_path / ".git")) as repository:
            assert repository is not None
            seen = weakref.ref(repository)
        del repository
        assert seen() is None
    finally:
        gc.enable()


def test_what_libgit2_cannot_open_is_none(tmp_path):
    with released(open_repository(tmp_path)) as repository:
        assert repository is None
