from __future__ import annotations

import pytest

from git_hybrid.core.ids import InvalidText, parse_url
from git_hybrid.core.manifest import Branch, Tag
from git_hybrid.core.taking_clones import not_clones, taken_clone

URL, A = parse_url("https://h/x"), "a" * 40


@pytest.mark.parametrize(
    ("branch", "tags", "hoped"),
    [
        ("main", (), (Branch("main"),)),
        ("a/b", ("v1.0",), (Branch("a/b"), Tag("v1.0"))),
        ("", ("v1", "v1.2", "v1.2.3", "latest"), (Tag("v1.2.3"), Tag("v1.2"), Tag("v1"))),
        ("", ("latest", "newest"), (Tag("newest"), Tag("latest"))),
        ("", (), ()),
    ],
)
def test_a_clone_follows_its_branch_or_a_tag_of_its_commit(branch, tags, hoped) -> None:
    taken = taken_clone("tool", URL, A, branch, tags)
    assert (taken.path, taken.url, taken.at.commit, taken.at.track) == ("tool", URL, A, None)
    assert taken.at.hoped == hoped


@pytest.mark.parametrize(("branch", "commit"), [("x" * 201, A), ("main", "HEAD")])
def test_what_no_entry_can_name_is_refused(branch, commit) -> None:
    with pytest.raises(InvalidText):
        taken_clone("tool", URL, commit, branch, ())


def test_other_folders_are_told() -> None:
    assert not_clones([]) == ()
    assert not_clones(["docs", "out"]) == ("not taken over, as no git clone: docs, out",)
