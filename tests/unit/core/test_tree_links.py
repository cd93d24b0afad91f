from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from git_hybrid.core.tree import TreeLimits, scan_tree
from support.values import an_entry


def rules(links: Mapping[str, bytes], *files: str, modules: Sequence[str] = ()) -> list[str]:
    targets = {f"{number:040x}": target for number, target in enumerate(links.values(), 1)}
    entries = [an_entry(path, mode="120000", blob=blob) for path, blob in zip(links, targets, strict=True)]
    entries += [an_entry(path) for path in files]
    entries += [an_entry(path, mode="160000") for path in modules]
    limits = TreeLimits(max_entries=1000, max_bytes=10_000)
    _, found = scan_tree(entries, limits=limits, read_link=targets.__getitem__)
    return [finding.split(":", 2)[0] + finding.split(":", 2)[1] for finding in found]


INSIDE = {
    "beside": ("a", b"b"),
    "below": ("a", b"d/b"),
    "up-and-down": ("d/a", b"../b"),
    "to-the-root": ("d/a", b".."),
    "down-and-up": ("a", b"x/y/../../z"),
    "deep": ("d/e/f/a", b"../../../b"),
    "itself": ("a", b"a"),
    "folder-slash": ("a", b"d/"),
    "double-slash": ("a", b"d//b"),
    "dot": ("a", b"."),
    "dots-in-a-name": ("a", b"..b/...c"),
    "git-like": ("a", b".github/x"),
    "bytes": ("a", b"\xff\xfe"),
}


@pytest.mark.parametrize(("path", "target"), INSIDE.values(), ids=INSIDE)
def test_a_link_inside_the_repository_is_accepted(path: str, target: bytes) -> None:
    assert rules({path: target}) == []


OUTSIDE = {
    "absolute": ("a", b"/etc/passwd", "absolute-link"),
    "root": ("d/a", b"/", "absolute-link"),
    "parent": ("a", b"..", "escaping-link"),
    "odd-name": ("a b", b"../x", "escaping-link"),
    "parent-file": ("a", b"../x", "escaping-link"),
    "from-a-folder": ("d/a", b"../../x", "escaping-link"),
    "down-and-out": ("a", b"x/../../y", "escaping-link"),
    "out-and-back": ("a", b"../tool/b", "escaping-link"),
    "hidden-by-dots": ("d/a", b".././/../x", "escaping-link"),
    "git": ("a", b".git", "link-into-git"),
    "git-config": ("d/a", b"../.git/config", "link-into-git"),
    "git-upper": ("a", b".GIT/hooks", "link-into-git"),
    "git-short": ("a", b"git~1", "link-into-git"),
    "git-hfs": ("a", ".g\u200cit/config".encode(), "link-into-git"),
    "git-by-detour": ("a", b"x/../.git/config", "link-into-git"),
}


@pytest.mark.parametrize(("path", "target", "rule"), OUTSIDE.values(), ids=OUTSIDE)
def test_a_link_out_of_the_repository_is_refused(path: str, target: bytes, rule: str) -> None:
    assert rules({path: target}) == [f"{rule} {path}"]


@pytest.mark.parametrize("target", [b"", b"b\0c", b"b" * 4096], ids=["empty", "nul", "long"])
def test_a_link_that_cannot_be_made_is_refused(target: bytes) -> None:
    assert rules({"a": target}) == ["bad-link a"]


def test_what_follows_a_nul_in_a_target_does_not_count() -> None:
    assert rules({"a": b"..\0/b"}) == ["bad-link a", "escaping-link a"]
    assert rules({"a": b"b" * 4095}) == []


def test_a_link_that_leaves_by_way_of_another_link_is_refused() -> None:
    assert rules({"s/up": b"..", "out": b"s/up/../etc/passwd"}) == ["escaping-link out"]


def test_a_link_that_leaves_by_way_of_two_links_is_refused() -> None:
    assert rules({"a/b/c": b"../..", "d": b"a/b", "out": b"d/c/../x"}) == ["escaping-link out"]


def test_links_in_between_are_followed_without_case() -> None:
    assert rules({"s/up": b"..", "out": b"S/UP/../x"}) == ["escaping-link out"]


def test_a_link_into_git_by_way_of_another_link_is_refused() -> None:
    assert rules({"s/up": b"..", "a": b"s/up/x/../.git/config"}) == ["link-into-git a"]


def test_every_link_that_leads_out_is_named() -> None:
    assert rules({"a": b"../x", "b": b"a/y"}) == ["escaping-link a", "escaping-link b"]


def test_links_that_lead_to_each_other_are_accepted() -> None:
    assert rules({"a": b"b", "b": b"a"}) == []
    assert rules({"a": b"a/a/a"}) == []


def test_a_link_through_a_link_inside_is_accepted() -> None:
    assert rules({"current": b"releases/v2", "bin": b"current/bin/../lib"}, "releases/v2/lib/x") == []


def test_a_file_is_never_read_as_a_link() -> None:
    limits = TreeLimits(max_entries=10, max_bytes=100)
    _, found = scan_tree([an_entry("a"), an_entry("b", mode="160000")], limits=limits, read_link={}.__getitem__)
    assert found == ()


IN_A_SUBMODULE = {
    "into-it": ("a", b"sub/f"),
    "itself": ("a", b"sub"),
    "beside-it": ("a", b"sub/../b"),
    "up-and-down-in-it": ("a", b"sub/d/../f"),
    "of-a-folder": ("d/a", b"../d/sub/x/../../e"),
}


@pytest.mark.parametrize(("path", "target"), IN_A_SUBMODULE.values(), ids=IN_A_SUBMODULE)
def test_a_link_into_a_submodule_is_accepted(path: str, target: bytes) -> None:
    assert rules({path: target}, modules=("sub", "d/sub")) == []


BY_A_SUBMODULE = {
    "through-a-link-in-it": (b"sub/l/l/../../x", "escaping-link"),
    "without-case": (b"SUB/l/../../x", "escaping-link"),
    "up-once-more": (b"sub/l/../../x", "escaping-link"),
    "into-git": (b"sub/l/../.git/config", "link-into-git"),
    "into-its-git": (b"sub/.git/config", "link-into-git"),
    "by-a-link-beside-it": (b"sub/l/../s/up/../x", "escaping-link"),
    "more-ways-than-anybody-follows": (b"sub/l/../" * 7 + b"x", "escaping-link"),
}


@pytest.mark.parametrize(("target", "rule"), BY_A_SUBMODULE.values(), ids=BY_A_SUBMODULE)
def test_a_link_that_may_leave_by_way_of_a_submodule_is_refused(target: bytes, rule: str) -> None:
    """What stands in it is not known: a name there may be a link to its root."""
    assert rules({"a": target, "s/up": b".."}, modules=("sub",)) == [f"{rule} a"]


def test_a_target_that_is_too_long_is_not_read() -> None:
    link = an_entry("a", mode="120000", size=4096)
    _, found = scan_tree([link], limits=TreeLimits(max_entries=9, max_bytes=10_000), read_link={}.__getitem__)
    assert [finding.split(":")[0] for finding in found] == ["bad-link"]
