from __future__ import annotations

import pytest

from git_hybrid.core.ids import InvalidText
from git_hybrid.core.versions import (
    check_range,
    in_range,
    instead_of_versions,
    leaving_out,
    matching,
    newest,
    newest_release,
    parse_version,
    usual_release,
)


@pytest.mark.parametrize("spec", [">=1.2,<2", "~=1.4", "==1.*", "1.2.3", "v1.2.3", "!=1.5", ">=1.0rc1", " >=1 "])
def test_a_range_or_one_version_is_accepted(spec: str) -> None:
    assert check_range(spec) == spec


@pytest.mark.parametrize("spec", ["", "  ", "latest", "^1.2", ">=1.2 <2", ">=1;<2", "~=1", "1.x", ">=", "*", "\u0661"])
def test_what_is_no_range_is_refused(spec: str) -> None:
    with pytest.raises(InvalidText):
        check_range(spec)


@pytest.mark.parametrize(
    ("spec", "tag", "expected"),
    [
        (">=1.2,<2", "v1.2.0", True),
        (">=1.2,<2", "1.9.9", True),
        (">=1.2,<2", "v2.0.0", False),
        (">=1.2,<2", "v1.1.9", False),
        (">=1.2,<2", "v1.5.0rc1", False),
        (">=1.2,<2", "v1.5.0-beta.1", False),
        (">=1.2rc1,<2", "v1.2rc1", True),
        (">=1.2rc1,<2", "v1.5.0rc1", True),
        ("1.2.3", "v1.2.3", True),
        ("v1.2.3", "1.2.3", True),
        ("1.2.3", "v1.2.4", False),
        ("1.2.3", "v1.2.3rc1", False),
        ("1.2.3rc1", "v1.2.3rc1", True),
        ("~=1.4", "v1.9", True),
        ("~=1.4", "v2.0", False),
        (">=1", "nightly", False),
        (">=1", "release-1.2", False),
        (">=1", "", False),
    ],
)
def test_a_tag_is_inside_a_range_or_not(spec: str, tag: str, *, expected: bool) -> None:
    assert in_range(spec, tag) is expected


def test_a_tag_is_left_out_of_a_range() -> None:
    narrower = leaving_out(">=1,<2", "v1.3.0")
    assert narrower == ">=1,<2,!=1.3.0"
    assert matching(narrower, ["v1.2", "1.3", "v1.3.0", "v1.4"]) == ["v1.4", "v1.2"]
    assert leaving_out("1.3", "v1.3") is None
    assert leaving_out(">=1", "nightly") is None


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["v1.9.0", "v1.10.0", "v1.2.0"], "v1.10.0"),
        (["v1.2", "v2.0", "v1.3rc1"], "v1.2"),
        (["v1.4", "1.4"], "v1.4"),
        (["1.4", "v1.4"], "v1.4"),
        (["latest", "nightly", "v0.1", "v2"], None),
        ([], None),
    ],
    ids=["by-number", "no-prerelease", "twins", "twins-other-order", "none-inside", "no-tags"],
)
def test_the_newest_tag_inside_a_range_is_found(tags: list[str], expected: str | None) -> None:
    assert newest(">=1.2,<2", tags) == expected


def test_the_newest_release_is_a_final_one() -> None:
    assert newest_release(["v0.9", "v1.0", "v2.0a1", "v1.1.dev3", "tip"]) == "v1.0"
    assert newest_release(["v2.0a1", "tip"]) is None
    assert newest_release(["3.7c", "3.7", "3.7b", "3.8a1"]) == "3.7c"
    assert newest_release(["1.1.1", "1.1.1w", "1.1.0x"]) == "1.1.1w"


def test_where_no_tag_is_a_version_two_are_shown() -> None:
    assert instead_of_versions(["jq-1.7", "jq-1.10", "jq-1.9", "tip"]) == ("jq-1.10", "jq-1.9")
    assert instead_of_versions(["v1.0", "jq-1.10"]) == ("v1.0",)
    assert instead_of_versions(["v2.0rc1", "jq-1.10"]) == ()
    assert instead_of_versions([]) == ()


@pytest.mark.parametrize(
    ("tags", "release"),
    [
        (["0.0.1", "0.0.2", "core@1.0.0", "core@1.1.0", "cache@4.0.0"], None),
        (["jq-1.8.2", "jq-1.7", "1.0"], None),
        (["v1.0", "latest", "nightly", "release-2020-01-01"], "v1.0"),
        (["v1.0", "core-1.0"], "v1.0"),
    ],
)
def test_versions_are_no_releases_where_most_are_called_otherwise(tags: list[str], release: str | None) -> None:
    assert usual_release(tags) == release


def test_a_tag_that_is_no_version_has_none() -> None:
    assert parse_version("tip") is None
    assert str(parse_version("v1.2.0")) == "1.2.0"
