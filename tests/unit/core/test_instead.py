"""What is hinted at in place of what cannot be had is not refused in its turn."""

from __future__ import annotations

import pytest

from git_hybrid.core.errors import MovedTag, OffBranch, RefMissing
from git_hybrid.core.instead import instead
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Tag, Version
from git_hybrid.core.resolve import asked_for, newest_allowed
from support.values import a_pin, a_source, listed, oid

REFS = listed({"refs/heads/main": oid(9), "refs/tags/v1.0": oid(1), "refs/tags/v2.1": oid(3)})
SOURCE = a_source(track=Tag("v2.0"))
PIN = a_pin(SOURCE, commit=oid(2))


def missing(pin: Pin | None, tag: str) -> RefMissing:
    with pytest.raises(RefMissing) as caught, instead(pin, REFS, SOURCE):
        newest_allowed(a_source(track=Tag(tag)), REFS)
    return caught.value


def test_of_what_is_near_no_version_is_meant_that_is_older_than_the_pinned_one() -> None:
    assert set(missing(None, "v2.0").nearest) == {"refs/tags/v2.1", "refs/tags/v1.0"}
    assert missing(None, "v2.0").pinned == ""
    error = missing(PIN, "v2.0")
    assert (error.nearest, error.pinned) == (("refs/tags/v2.1",), PIN.commit)
    # Of another repository it is not older.
    moved = a_pin(a_source(track=Tag("v2.0"), url="https://h/other"), commit=oid(2))
    assert "refs/tags/v1.0" in missing(moved, "v2.0").nearest


def test_of_a_range_the_newest_release_is_told_whatever_it_is() -> None:
    with pytest.raises(RefMissing) as caught, instead(a_pin(SOURCE, ref="refs/tags/v3.0"), REFS, SOURCE):
        newest_allowed(a_source(track=Version(">=3")), REFS)
    assert caught.value.nearest == ("refs/tags/v2.1",)


@pytest.mark.parametrize(("asked", "tag"), [("v1.0", ""), ("v2.1", "v2.1"), ("main", "TAG")])
def test_an_older_tag_off_the_declared_one_is_not_to_be_followed(asked: str, tag: str) -> None:
    with pytest.raises(OffBranch) as caught, instead(PIN, REFS, SOURCE):
        asked_for(SOURCE, listed({**REFS.tips, "refs/tags/v2.0": oid(2)}), asked)
    assert caught.value.tag == tag


@pytest.mark.parametrize(("tag", "newer"), [("v2.0", "v2.1"), ("v2.1", ""), ("nightly", "")])
def test_beside_a_tag_that_moved_stands_a_newer_release(tag: str, newer: str) -> None:
    moved = {"old": "o", "new": "n", "old_commit": "c", "new_commit": "d"}
    with pytest.raises(MovedTag) as caught, instead(PIN, REFS, SOURCE):
        raise MovedTag(name="tool", tag=f"refs/tags/{tag}", **moved)
    assert caught.value.newer == newer
