"""Refs that cannot stand beside each other in one repository."""

from __future__ import annotations

from git_hybrid.git.packs import in_the_way


def test_a_name_and_a_folder_of_that_name_are_in_each_other_s_way() -> None:
    there = ["r/a", "r/b/c", "r/d", "r/e/f/g"]
    assert in_the_way(there, ["r/a/x"]) == ["r/a"]
    assert in_the_way(there, ["r/b"]) == ["r/b/c"]
    assert in_the_way(there, ["r/e", "r/d/x"]) == ["r/d", "r/e/f/g"]


def test_what_only_begins_alike_is_not() -> None:
    assert in_the_way(["r/a", "r/b/c"], ["r/a", "r/ab", "r/b/d", "r/bc"]) == []
