"""What the ports that change clones hand over."""

from __future__ import annotations

from git_hybrid.core.ports_writer import Saved


def test_where_work_was_saved_is_told_in_words() -> None:
    assert Saved("refs/hybrid/saved/1", "0" * 40).notes == ("local work saved as refs/hybrid/saved/1",)


def test_of_what_is_all_upstreams_nothing_is_told() -> None:
    assert Saved(None, "0" * 40).notes == ()
