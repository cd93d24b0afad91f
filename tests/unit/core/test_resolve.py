from __future__ import annotations

import pytest

from git_hybrid.core.errors import BadArgument, OffBranch, RefMissing
from git_hybrid.core.ids import branch_ref, tag_ref
from git_hybrid.core.manifest import Branch, Commit, Tag, Track, Version
from git_hybrid.core.resolve import Candidate, asked_for, newer_release, newest_allowed, off_branch, wherever
from support.values import a_source, listed, oid

MAIN, DEV, V1, V2, TAG_OBJECT = oid(1), oid(2), oid(0x11), oid(0x12), oid(0xAA)
HEX_BRANCH = oid(0x77)
REFS = listed(
    {
        "refs/heads/main": MAIN,
        "refs/heads/dev": DEV,
        "refs/heads/both": DEV,
        f"refs/heads/{HEX_BRANCH}": oid(0x666),
        "refs/tags/both": V1,
        "refs/tags/v1.0": V1,
        "refs/tags/v1.1": TAG_OBJECT,
        "refs/tags/v2.0rc1": oid(0x20),
        "refs/tags/nightly": oid(0x21),
    },
    peeled={"refs/tags/v1.1": V2},
    head="refs/heads/main",
)


@pytest.mark.parametrize(
    ("track", "ref", "commit", "tag_object"),
    [
        (Branch("main"), "refs/heads/main", MAIN, None),
        (Branch("both"), "refs/heads/both", DEV, None),
        (Tag("v1.0"), "refs/tags/v1.0", V1, None),
        (Tag("both"), "refs/tags/both", V1, None),
        (Tag("v1.1"), "refs/tags/v1.1", V2, TAG_OBJECT),
        (Version(">=1"), "refs/tags/v1.1", V2, TAG_OBJECT),
        (Version("==1.0"), "refs/tags/v1.0", V1, None),
        (Version(">=2.0rc1"), "refs/tags/v2.0rc1", oid(0x20), None),
    ],
    ids=["branch", "branch-like-a-tag", "tag", "tag-like-a-branch", "annotated", "newest", "exact", "pre-release"],
)
def test_the_newest_that_the_manifest_allows_is_found(track: Track, ref: str, commit: str, tag_object: str) -> None:
    found = newest_allowed(a_source(track=track), REFS)
    assert (found.ref, found.declared, found.commit, found.tag_object) == (ref, ref, commit, tag_object)


@pytest.mark.parametrize(
    ("track", "release"),
    [
        (Version("==1.0"), "v1.1"),
        (Tag("v1.0"), "v1.1"),
        (Tag("v1.1"), None),
        (Version(">=2.0rc1"), None),
        (Tag("nightly"), None),
        (Branch("main"), None),
        (Commit(MAIN), None),
    ],
    ids=["range", "tag", "newest", "newer-pre-release", "no-version", "branch", "commit"],
)
def test_a_newer_release_than_the_manifest_allows_is_found(track: Track, release: str | None) -> None:
    assert newer_release(newest_allowed(a_source(track=track), REFS), REFS) == release


def test_without_a_release_there_is_no_newer_one() -> None:
    refs = listed({"refs/tags/v1.0rc1": V1})
    assert newer_release(newest_allowed(a_source(track=Tag("v1.0rc1")), refs), refs) is None


def test_a_release_with_a_letter_is_newer_than_the_one_without() -> None:
    refs = listed({"refs/tags/3.7": V1, "refs/tags/3.7a": V1})
    assert newer_release(newest_allowed(a_source(track=Version(">=3.6")), refs), refs) == "3.7a"
    assert newer_release(newest_allowed(a_source(track=Tag("3.7a")), refs), refs) is None


@pytest.mark.parametrize(
    ("track", "missing"),
    [
        (Branch("v1.0"), "refs/heads/v1.0"),
        (Tag("main"), "refs/tags/main"),
        (Version(">=3"), "version >=3"),
        (Version(">=2,<3"), "version >=2,<3"),
    ],
    ids=["no-branch", "no-tag", "no-version", "only-a-pre-release"],
)
def test_what_upstream_lacks_is_named(track: Track, missing: str) -> None:
    with pytest.raises(RefMissing) as caught:
        newest_allowed(a_source(track=track), REFS)
    assert (caught.value.name, caught.value.ref) == ("tool", missing)
    assert caught.value.url == "https://git.example.org/team/tool"


def test_where_no_version_fits_the_newest_release_is_named() -> None:
    for refs, nearest in ((REFS, ("refs/tags/v1.1",)), (listed({"refs/heads/main": MAIN}), ())):
        with pytest.raises(RefMissing) as caught:
            newest_allowed(a_source(track=Version(">=3")), refs)
        assert caught.value.nearest == nearest


@pytest.mark.parametrize(
    ("commit", "ref"),
    [(MAIN, "refs/heads/main"), (DEV, "refs/heads/both"), (V2, "refs/tags/v1.1"), (oid(0x999), None)],
    ids=["branch-tip", "first-of-two", "peeled-tag", "at-no-tip"],
)
def test_a_fixed_commit_is_looked_for_at_the_tips(commit: str, ref: str | None) -> None:
    track = Commit(oid(int(commit, 16)))
    found = newest_allowed(a_source(track=track), REFS)
    assert found == Candidate(ref=found.ref, commit=track.oid)
    assert found.ref == ref


@pytest.mark.parametrize(
    ("track", "revision", "ref", "commit"),
    [
        (Branch("main"), "main", "refs/heads/main", MAIN),
        (Branch("main"), "refs/heads/main", "refs/heads/main", MAIN),
        (Branch("main"), "v1.0", "refs/heads/main", V1),
        (Branch("main"), "v1.1", "refs/heads/main", V2),
        (Branch("main"), "dev", "refs/heads/main", DEV),
        (Branch("main"), "refs/tags/both", "refs/heads/main", V1),
        (Branch("main"), oid(0x999), "refs/heads/main", oid(0x999)),
        (Branch("main"), HEX_BRANCH, "refs/heads/main", HEX_BRANCH),
        (Tag("v1.0"), "v1.0", "refs/tags/v1.0", V1),
        (Version(">=1"), "v1.0", "refs/tags/v1.0", V1),
        (Version(">=1"), "refs/tags/v1.1", "refs/tags/v1.1", V2),
        (Commit(MAIN), MAIN, "refs/heads/main", MAIN),
        (Commit(MAIN), "main", "refs/heads/main", MAIN),
        (Commit(MAIN), MAIN[:10], "refs/heads/main", MAIN),
        (Version(">=1"), V2, "refs/tags/v1.1", V2),
    ],
    ids=[
        *("tip", "full-ref", "tag-on-branch", "annotated-tag", "other-branch", "full-tag", "id", "branch-named-as-id"),
        *("own-tag", "older-version", "version-ref", "fixed-commit", "its-branch", "its-prefix", "version-by-id"),
    ],
)
def test_a_revision_is_asked_for(track: Track, revision: str, ref: str | None, commit: str) -> None:
    found = asked_for(a_source(track=track), REFS, revision)
    assert (found.ref, found.commit, found.prefix) == (ref, commit, "")


def test_the_commit_asked_for_must_be_in_the_declared_history() -> None:
    assert asked_for(a_source(track=Branch("main")), REFS, "dev").declared == "refs/heads/main"
    assert asked_for(a_source(track=Branch("main")), REFS, oid(0x999)).declared == "refs/heads/main"


def test_the_tag_object_belongs_to_the_candidate_only_at_its_own_tag() -> None:
    assert asked_for(a_source(track=Tag("v1.1")), REFS, "v1.1").tag_object == TAG_OBJECT
    assert asked_for(a_source(track=Version(">=1")), REFS, "v1.1").tag_object == TAG_OBJECT
    assert asked_for(a_source(track=Branch("main")), REFS, "v1.1").tag_object is None


@pytest.mark.parametrize("prefix", ["abcdef0", "0123456789abcdef", "a" * 39])
def test_the_beginning_of_a_commit_id_is_left_to_the_fetched_history(prefix: str) -> None:
    found = asked_for(a_source(track=Branch("main")), REFS, prefix)
    assert (found.commit, found.prefix, found.declared) == (None, prefix, "refs/heads/main")


@pytest.mark.parametrize(
    "revision",
    [
        "",
        "nonsense",
        "abc123",
        "ABCDEF01",
        "a" * 65,
        "refs/heads/none",
        "refs/pull/1/head",
        "main~1",
        "--force",
        "HEAD",
    ],
    ids=["empty", "word", "short", "upper", "too-long", "no-ref", "pull", "expression", "option", "head"],
)
def test_a_revision_that_is_nothing_is_a_bad_argument(revision: str) -> None:
    with pytest.raises(BadArgument) as caught:
        asked_for(a_source(track=Branch("main")), REFS, revision)
    assert (caught.value.what, caught.value.value) == ("--to", revision)
    # A mirror may not have it yet.
    with pytest.raises(RefMissing):
        asked_for(a_source(track=Branch("main")), REFS, revision, of_upstream=False)


@pytest.mark.parametrize(
    ("track", "near"),
    [
        (Branch("refs/heads/main"), ("refs/heads/main",)),
        (Branch("origin/main"), ("refs/heads/main",)),
        (Tag("refs/tags/v1.1"), ("refs/tags/v1.1",)),
        (Branch("mian"), ("refs/heads/main",)),
        (Tag("main"), ("refs/heads/main",)),
        (Branch("v1.1"), ("refs/tags/v1.1",)),
        (Tag("zzz"), ()),
    ],
)
def test_what_is_called_so_is_the_nearest(track: Track, near: tuple[str, ...]) -> None:
    with pytest.raises(RefMissing) as caught:
        newest_allowed(a_source(track=track), REFS)
    assert caught.value.nearest == near
    assert caught.value.default == ("refs/heads/main" if isinstance(track, Branch) else "")


@pytest.mark.parametrize("digits", [7, 40, 64])
def test_a_commit_id_in_upper_case_is_told_as_one(digits: int) -> None:
    with pytest.raises(BadArgument, match=f"in lower case: {'a' * digits}'"):
        asked_for(a_source(track=Branch("main")), REFS, "A" * digits)


def test_a_revision_that_is_nothing_is_told_with_its_neighbours() -> None:
    with pytest.raises(BadArgument, match="did you mean ") as caught:
        asked_for(a_source(track=Branch("main")), REFS, "v1.1.0")
    assert caught.value.reason.count("did you mean") == 1


def test_a_name_of_a_tag_and_a_branch_must_be_written_out() -> None:
    with pytest.raises(BadArgument) as caught:
        asked_for(a_source(track=Branch("main")), REFS, "both")
    assert "refs/tags/both or refs/heads/both" in caught.value.reason


@pytest.mark.parametrize(
    ("track", "revision"),
    [
        (Commit(MAIN), DEV),
        (Commit(MAIN), "dev"),
        (Tag("v1.1"), oid(0x999)),
        (Version(">=1.1"), V1),
        (Version(">=1.1"), "v1.0"),
        (Version(">=1"), "nightly"),
        (Version(">=1"), "main"),
        (Version(">=1"), "v2.0rc1"),
    ],
    ids=[
        "other-commit",
        "branch-elsewhere",
        "id-off-the-tag",
        "id-out-of-range",
        "older-than-range",
        "no-version",
        "branch",
        "pre-release",
    ],
)
def test_what_the_manifest_does_not_allow_is_off_branch(track: Track, revision: str) -> None:
    with pytest.raises(OffBranch) as caught:
        asked_for(a_source(track=track), REFS, revision)
    assert (caught.value.name, caught.value.commit) == ("tool", revision)


@pytest.mark.parametrize(("revision", "tag"), [(V2, "v1.1"), ("v1.1", "v1.1"), (DEV, "TAG"), ("dev", "TAG")])
def test_a_tag_that_has_the_commit_is_named(revision: str, tag: str) -> None:
    with pytest.raises(OffBranch) as caught:
        asked_for(a_source(track=Tag("v1.0")), REFS, revision)
    assert caught.value.tag == tag
    # The beginning of an id, that of one commit alone.
    assert (
        off_branch(a_source(), "abababa", "x", None, listed({"refs/tags/v3": "ab" * 20, "refs/tags/v1": V1})).tag
        == "v3"
    )
    assert off_branch(a_source(), V1[:9], "x", None, REFS).tag == "TAG"
    others = listed({f"refs/tags/{name}": V1 for name in ("stable", "v1.9", "v1.10", "rc")})
    assert off_branch(a_source(), V1, "branch main", None, others).tag == "v1.10"
    named = listed({f"refs/tags/{name}": V1 for name in ("stable", "rc")})
    assert off_branch(a_source(), V1, "branch main", None, named).tag == "stable"


@pytest.mark.parametrize("revision", ["HEAD", "@"])
def test_what_a_clone_calls_head_is_told_by_its_id(revision: str) -> None:
    with pytest.raises(BadArgument) as caught:
        asked_for(a_source(track=Tag("v1.0")), REFS, revision)
    assert caught.value.hint.endswith(': git hybrid pin tool --to "$(git -C sources/tool rev-parse HEAD)"')


def test_a_branch_that_is_called_like_a_version_is_no_version() -> None:
    refs = listed({"refs/heads/v1.5": MAIN, "refs/tags/v1.0": V1})
    source = a_source(track=Version(">=1"))
    assert newest_allowed(source, refs).ref == "refs/tags/v1.0"
    with pytest.raises(OffBranch):
        asked_for(source, refs, "v1.5")


def test_the_declared_ref_must_exist_whatever_is_asked_for() -> None:
    with pytest.raises(RefMissing):
        asked_for(a_source(track=Branch("gone")), REFS, MAIN)


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        ("dev", Candidate(ref=branch_ref("dev"), commit=DEV)),
        ("v1.1", Candidate(ref=tag_ref("v1.1"), commit=V2, tag_object=TAG_OBJECT)),
        (oid(0x99), Candidate(ref=None, commit=oid(0x99))),
        ("0123456", Candidate(ref=None, commit=None, prefix="0123456")),
    ],
)
def test_a_forced_revision_may_be_anything_that_upstream_has(revision: str, expected: Candidate) -> None:
    assert wherever(REFS, revision) == expected
