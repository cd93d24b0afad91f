"""What the ports of mirrors and bundles say when nothing is said."""

from __future__ import annotations

from git_hybrid.core.ports_bundle import BundleHead
from git_hybrid.core.ports_mirror import Change, Holding
from support.values import oid


def test_a_repository_that_holds_nothing():
    assert (Holding().refs, Holding().head, Holding().pins, Holding().lfs) == ({}, None, frozenset(), frozenset())


def test_a_change_that_changes_nothing():
    assert (Change().gone, Change().head, Change().pin, Change().lfs) == ((), None, None, False)


def test_a_head_names_refs_and_prerequisites():
    head = BundleHead(refs={"refs/heads/main": oid(1)}, prerequisites=(oid(2),))
    assert dict(head.refs) == {"refs/heads/main": oid(1)}
    assert head.prerequisites == (oid(2),)
