"""Which refs a mirror folder keeps."""

from __future__ import annotations

import pytest

from git_hybrid.core.endpoints import repository_path
from git_hybrid.core.lock import UNREACHABLE, Lock
from git_hybrid.core.manifest import Branch, Commit, Manifest, Tag, Version
from git_hybrid.core.mirror_refs import claim_of, claims_of, kept_refs, without_place
from git_hybrid.core.ports_mirror import Claim
from support.values import a_pin, a_source, listed, oid

REFS = ("refs/heads/main", "refs/heads/next", "refs/tags/v1.0", "refs/tags/v1.1", "refs/tags/v2.0")
LISTED = listed({ref: oid(number) for number, ref in enumerate(REFS, 1)}, head="refs/heads/main")
MAIN, NEXT, ONE, ONE_ONE, TWO = REFS


@pytest.mark.parametrize(
    ("track", "want"),
    [
        (Branch("next"), (MAIN, NEXT)),
        (Branch("gone"), (MAIN,)),
        (Tag("v2.0"), (MAIN, TWO)),
        (Version(">=1,<2"), (MAIN, ONE, ONE_ONE)),
        (Commit(oid(9)), REFS),
    ],
)
def test_what_is_declared_and_the_default_branch(track, want):
    assert kept_refs(a_source(track=track), None, LISTED, ()) == want


def test_what_the_pin_names_and_what_is_held_already():
    source = a_source(track=Commit(oid(1)))
    assert kept_refs(source, a_pin(source, ref=NEXT), LISTED, ()) == (MAIN, NEXT)
    assert kept_refs(a_source(), None, LISTED, (TWO, "refs/heads/gone")) == (MAIN, TWO)


def test_any_ref_where_those_that_led_to_a_commit_are_gone():
    source = a_source(track=Commit(oid(1)))
    assert kept_refs(source, a_pin(source, ref="refs/tags/gone"), listed({NEXT: oid(1), ONE: oid(3)}), ()) == (
        NEXT,
        ONE,
    )


@pytest.mark.parametrize(
    ("track", "more", "want"),
    [
        (Branch("next"), {}, {"ref": NEXT}),
        (Tag("v1.0"), {"tag_object": oid(7)}, {"ref": ONE, "tip": oid(7)}),
        (Tag("v1.0"), {}, {"ref": ONE, "tip": oid(1)}),
        (Commit(oid(1)), {"ref": ONE}, {"ref": ONE, "tip": oid(1), "by_any": True}),
        (Branch("main"), {"ref": UNREACHABLE}, None),
    ],
)
def test_what_a_pin_needs(track, more, want):
    source = a_source(track=track)
    claim = None if want is None else Claim(source=source.name, commit=oid(1), **want)
    assert claim_of(source, a_pin(source, **more)) == claim


def test_what_a_lock_needs_of_each_repository():
    source, other = a_source(), a_source("other")
    pins = {name: a_pin(a_source(name)) for name in ("tool", "gone")}
    pins["other"] = a_pin(a_source("other", url="https://example.org/elsewhere"))
    manifest = Manifest(sources={source.name: source, other.name: other})
    assert claims_of(manifest, Lock(pins=pins)) == [
        (repository_path(source.url), Claim(source=source.name, ref=MAIN, commit=oid(1)))
    ]


def test_without_a_default_branch():
    refs = listed({NEXT: oid(1)})
    assert kept_refs(a_source(track=Branch("next")), None, refs, ()) == (NEXT,)


@pytest.mark.parametrize(
    ("refs", "others", "expected"),
    [
        ([], ["refs/heads/a/b"], set()),
        (["refs/heads/a"], ["refs/heads/a", "refs/heads/ab", "refs/tags/a/b"], set()),
        (["refs/heads/a"], ["refs/heads/a/b/c"], {"refs/heads/a"}),
        (["refs/heads/a/b/c", "refs/heads/b"], ["refs/heads/a"], {"refs/heads/a/b/c"}),
    ],
)
def test_a_ref_has_no_place_above_or_below_another(refs: list[str], others: list[str], expected: set[str]) -> None:
    assert without_place(refs, others) == expected
