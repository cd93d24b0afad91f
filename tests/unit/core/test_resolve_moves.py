from __future__ import annotations

import pytest

from git_hybrid.core.errors import HybridError, IdentityChanged, MovedTag, RewrittenHistory, Rollback
from git_hybrid.core.ids import Oid, SourceName, parse_url, tag_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Source, Tag, Version
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.resolve import (
    Move,
    asked_for,
    forbidden_move,
    is_older_release,
    moved_tag,
    newest_allowed,
    pinned_tag_gone,
)
from git_hybrid.core.value import replace
from support.values import a_pin, a_source, listed, oid

OLD, NEW, TAG_OBJECT, OTHER_TAG_OBJECT = oid(1), oid(2), oid(0xAA), oid(0xAB)
TAGGED = a_source(track=Tag("v1"))


def upstream_tag(commit: Oid, tag_object: Oid | None = None) -> RemoteRefs:
    ref = "refs/tags/v1"
    return listed({ref: tag_object or commit}, peeled={ref: commit} if tag_object else None)


def moved(pin: Pin | None, refs: RemoteRefs, source: Source = TAGGED) -> HybridError | None:
    return moved_tag(pin, newest_allowed(source, refs), refs, source)


@pytest.mark.parametrize(
    ("pinned", "listed_now", "was", "now"),
    [
        ((OLD, None), (NEW, None), OLD, NEW),
        ((OLD, TAG_OBJECT), (NEW, OTHER_TAG_OBJECT), TAG_OBJECT, OTHER_TAG_OBJECT),
        ((OLD, TAG_OBJECT), (OLD, OTHER_TAG_OBJECT), TAG_OBJECT, OTHER_TAG_OBJECT),
        ((OLD, TAG_OBJECT), (OLD, None), TAG_OBJECT, OLD),
        ((OLD, None), (OLD, TAG_OBJECT), OLD, TAG_OBJECT),
        ((OLD, TAG_OBJECT), (NEW, TAG_OBJECT), OLD, NEW),
    ],
    ids=["other-commit", "other-object", "signed-anew", "now-plain", "now-annotated", "former-of-an-unknown-object"],
)
def test_a_tag_that_is_no_longer_the_same_object_has_moved(
    pinned: tuple[Oid, Oid | None], listed_now: tuple[Oid, Oid | None], was: Oid, now: Oid
) -> None:
    pin = a_pin(TAGGED, commit=pinned[0], tag_object=pinned[1])
    error = moved(pin, upstream_tag(*listed_now))
    assert isinstance(error, MovedTag)
    assert (error.name, error.tag, error.old, error.new) == ("tool", "refs/tags/v1", was, now)


@pytest.mark.parametrize("tag_object", [None, TAG_OBJECT], ids=["plain", "annotated"])
def test_the_same_tag_has_not_moved(tag_object: Oid | None) -> None:
    assert moved(a_pin(TAGGED, commit=OLD, tag_object=tag_object), upstream_tag(OLD, tag_object)) is None


def test_without_a_pin_of_this_tag_nothing_has_moved() -> None:
    refs = upstream_tag(NEW)
    assert moved(None, refs) is None
    assert moved(a_pin(TAGGED, commit=OLD, ref="refs/tags/v0"), refs) is None
    elsewhere = replace(a_pin(TAGGED, commit=OLD), url=parse_url("https://old.example/x"))
    assert moved(elsewhere, refs) is None


def test_a_branch_may_move() -> None:
    source = a_source(track=Branch("main"))
    assert moved(a_pin(source, commit=OLD), listed({"refs/heads/main": NEW}), source) is None


def test_asking_for_the_pinned_commit_by_its_id_is_no_moved_tag() -> None:
    refs = upstream_tag(OLD, TAG_OBJECT)
    candidate = asked_for(TAGGED, refs, OLD)
    assert moved_tag(a_pin(TAGGED, commit=OLD, tag_object=TAG_OBJECT), candidate, refs, TAGGED) is None


VERSIONS = a_source(track=Version(">=1,<2"))


@pytest.mark.parametrize(
    ("pinned", "tags", "gone"),
    [
        ("v1.1.0", ["v1.0.0"], True),
        ("v1.1.0", ["v1.0.0", "v1.1.0"], False),
        ("v1.1.0", ["v1.0.0", "v1.2.0"], False),
        ("v1.1.0", ["v1.1.0", "v1.2.0"], False),
    ],
    ids=["gone", "there", "newer-instead", "newer"],
)
def test_a_pinned_version_is_gone_where_nothing_newer_is_there(pinned: str, tags: list[str], gone: bool) -> None:
    refs = listed({f"refs/tags/{tag}": oid(number) for number, tag in enumerate(tags, start=1)})
    pin = a_pin(VERSIONS, commit=OLD, ref=f"refs/tags/{pinned}")
    error = pinned_tag_gone(pin, newest_allowed(VERSIONS, refs), refs, VERSIONS)
    assert (error is not None) is gone
    if error is not None:
        assert (error.name, error.ref) == ("tool", "refs/tags/v1.1.0")


def test_a_pin_of_another_repository_has_no_tag_that_is_gone() -> None:
    refs = listed({"refs/tags/v1.0.0": OLD})
    elsewhere = replace(a_pin(VERSIONS, commit=OLD, ref="refs/tags/v1.1.0"), url=parse_url("https://old.example/x"))
    assert pinned_tag_gone(elsewhere, newest_allowed(VERSIONS, refs), refs, VERSIONS) is None


ROOT, OTHER_ROOT = oid(0xF0), oid(0xF1)


def judged(
    source: Source,
    *,
    refs: tuple[str, str] | None = None,
    roots: tuple[tuple[Oid, ...], tuple[Oid, ...]] = ((), ()),
    ancestry: str = "forward",
    same_commit: bool = False,
) -> HybridError | None:
    before, after = refs or ("refs/heads/main", "refs/heads/main")
    old = a_pin(source, commit=OLD, ref=before, roots=roots[0])
    new = a_pin(source, commit=OLD if same_commit else NEW, ref=after, roots=roots[1])
    forward, backward = ancestry == "forward", ancestry == "backward"
    move = Move(old=old, new=new, old_is_ancestor=forward, new_is_ancestor=backward, than="that")
    return forbidden_move(move, source)


BRANCH, TAG, VERSION = a_source(track=Branch("main")), a_source(track=Tag("v2")), a_source(track=Version(">=1"))
V1_TO_V2, V2_TO_V1 = ("refs/tags/v1", "refs/tags/v2"), ("refs/tags/v2", "refs/tags/v1")


@pytest.mark.parametrize(
    ("source", "refs", "ancestry", "error"),
    [
        (BRANCH, None, "forward", None),
        (BRANCH, None, "backward", Rollback),
        (BRANCH, None, "unrelated", RewrittenHistory),
        (BRANCH, ("refs/heads/dev", "refs/heads/main"), "unrelated", None),
        (BRANCH, ("refs/heads/dev", "refs/heads/main"), "backward", Rollback),
        (BRANCH, ("refs/tags/v1", "refs/heads/main"), "unrelated", None),
        (TAG, V1_TO_V2, "forward", None),
        (TAG, V1_TO_V2, "unrelated", None),
        (TAG, V2_TO_V1, "unrelated", Rollback),
        (TAG, V2_TO_V1, "backward", Rollback),
        (TAG, V2_TO_V1, "forward", None),
        (VERSION, V1_TO_V2, "unrelated", None),
        (VERSION, V2_TO_V1, "unrelated", Rollback),
        (TAG, ("refs/tags/2.9", "refs/tags/2.9a"), "unrelated", None),
        (TAG, ("refs/tags/2.9a", "refs/tags/2.9"), "unrelated", Rollback),
        (TAG, ("refs/tags/2.9a", "refs/tags/2.9"), "forward", None),
        (TAG, ("refs/tags/tip", "refs/tags/v2"), "unrelated", None),
        (TAG, ("refs/tags/v2", "refs/tags/tip"), "unrelated", None),
        (TAG, ("refs/heads/v2", "refs/tags/v1"), "unrelated", None),
    ],
    ids=[
        *("branch-forward", "branch-back", "branch-rewritten", "other-branch", "other-branch-back", "tag-to-branch"),
        *("tag-forward", "tag-sideways", "tag-older", "tag-back", "tag-renumbered"),
        *("version-sideways", "version-older"),
        *("letter-sideways", "letter-back", "final-of-an-alpha"),
        *("from-no-version", "to-no-version", "branch-to-tag"),
    ],
)
def test_a_pin_moves_forward_or_takes_an_override(
    source: Source, refs: tuple[str, str] | None, ancestry: str, error: type[HybridError] | None
) -> None:
    found = judged(source, refs=refs, ancestry=ancestry)
    assert found is None if error is None else type(found) is error


@pytest.mark.parametrize(
    ("old", "new", "older"),
    [
        ("3.5", "3.5a", False),
        ("3.6", "3.5a", True),
        ("3.5", "3.5a1", True),
        ("3.5a", "3.5", False),
        ("3.5", "x", False),
    ],
)
def test_a_letter_alone_makes_no_older_release(old: str, new: str, *, older: bool) -> None:
    assert is_older_release(tag_ref(old), tag_ref(new)) is older


def test_a_forbidden_move_names_both_commits() -> None:
    back = judged(BRANCH, ancestry="backward")
    assert isinstance(back, Rollback)
    assert (back.name, back.old, back.new, back.back) == ("tool", OLD, NEW, "")
    older = judged(TAGGED, refs=V2_TO_V1, ancestry="backward")
    assert isinstance(older, Rollback)
    assert older.back == "where sources.toml named v2 before, put that back, then: git hybrid sync tool"
    # Under a new name it has no pin that a sync could go to.
    old, new = (replace(a_pin(TAGGED, ref=tag_ref(tag)), commit=commit) for tag, commit in (("v2", OLD), ("v1", NEW)))
    old = replace(old, source=SourceName("renamed"))
    renamed = forbidden_move(Move(old=old, new=new, old_is_ancestor=False, new_is_ancestor=True, than=""), TAGGED)
    assert isinstance(renamed, Rollback)
    assert renamed.back == "where sources.toml named v2 before, put that back, then: git hybrid pin tool"
    # What `pin --to` asks for the manifest does not name.
    for source in (TAG, VERSION):
        asked_for = judged(source, refs=V2_TO_V1, ancestry="backward")
        assert isinstance(asked_for, Rollback)
        assert asked_for.back == ""
    rewritten = judged(BRANCH, ancestry="unrelated")
    assert isinstance(rewritten, RewrittenHistory)
    assert (rewritten.ref, rewritten.old, rewritten.new) == ("refs/heads/main", OLD, NEW)


@pytest.mark.parametrize(
    ("roots", "changed"),
    [
        (((ROOT,), (OTHER_ROOT,)), True),
        (((ROOT,), (OTHER_ROOT, ROOT)), False),
        (((), (OTHER_ROOT,)), False),
        (((ROOT,), ()), False),
    ],
    ids=["replaced", "one-more-root", "old-unknown", "new-unknown"],
)
def test_another_repository_at_the_same_url_is_seen_by_its_roots(
    roots: tuple[tuple[Oid, ...], tuple[Oid, ...]], *, changed: bool
) -> None:
    found = judged(BRANCH, roots=roots)
    assert isinstance(found, IdentityChanged) is changed
    if isinstance(found, IdentityChanged):
        assert (found.name, found.url, found.old, found.new) == ("tool", str(BRANCH.url), roots[0], roots[1])


def test_staying_at_one_commit_is_always_allowed() -> None:
    assert judged(BRANCH, roots=((ROOT,), (OTHER_ROOT,)), ancestry="backward", same_commit=True) is None


def test_a_new_url_in_the_manifest_starts_anew() -> None:
    old = replace(a_pin(BRANCH, commit=OLD, roots=(ROOT,)), url=parse_url("https://old.example/x"))
    new = a_pin(BRANCH, commit=NEW, roots=(OTHER_ROOT,))
    move = Move(old=old, new=new, old_is_ancestor=False, new_is_ancestor=True, than="that")
    assert forbidden_move(move, BRANCH) is None
