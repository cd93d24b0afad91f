"""Which refs a mirror folder keeps."""

from __future__ import annotations

import pytest

from git_hybrid.core.manifest import Branch, Commit, Tag, Version
from git_hybrid.core.mirror_refs import kept_refs
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


def test_without_a_default_branch():
    refs = listed({NEXT: oid(1)})
    assert kept_refs(a_source(track=Branch("next")), None, refs, ()) == (NEXT,)
