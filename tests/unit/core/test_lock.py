from __future__ import annotations

import pytest

from git_hybrid.core.ids import SourceName, parse_url
from git_hybrid.core.lock import Lock, is_valid, origin_changes, still_allowed, with_pins
from git_hybrid.core.manifest import Branch, Commit, Tag, Track, Version
from git_hybrid.core.value import replace
from support.values import a_pin, a_source, oid


def test_a_pin_is_valid_for_the_entry_it_was_made_from() -> None:
    source = a_source(track=Tag("v1"))
    assert is_valid(a_pin(source), source)


def test_a_pin_is_stale_once_the_entry_changed() -> None:
    source = a_source(track=Tag("v1"))
    pin = a_pin(source)
    assert not is_valid(pin, replace(source, track=Tag("v2")))
    assert not is_valid(pin, replace(source, history="shallow"))
    assert is_valid(pin, replace(source, groups=("new",)))


def test_no_pin_is_no_valid_pin() -> None:
    assert not is_valid(None, a_source())


@pytest.mark.parametrize(
    ("track", "ref", "expected"),
    [
        (Tag("v1.2"), "refs/tags/v1.2", True),
        (Tag("v1.3"), "refs/tags/v1.2", False),
        (Tag("main"), "refs/heads/main", False),
        (Branch("main"), "refs/heads/main", True),
        (Branch("dev"), "refs/heads/main", False),
        (Branch("v1.2"), "refs/tags/v1.2", False),
        (Version(">=1,<2"), "refs/tags/v1.2", True),
        (Version(">=2"), "refs/tags/v1.2", False),
        (Version(">=1,<2"), "refs/heads/v1.2", False),
        (Commit(oid(1)), "refs/heads/main", True),
        (Commit(oid(2)), "refs/heads/main", False),
    ],
)
def test_a_changed_entry_may_still_allow_the_pinned_commit(track: Track, ref: str, *, expected: bool) -> None:
    pin = a_pin(commit=oid(1), ref=ref)
    assert still_allowed(pin, a_source(track=track)) is expected


def test_another_url_never_allows_the_old_commit() -> None:
    source = a_source()
    assert not still_allowed(a_pin(source), replace(source, url=parse_url("https://other.example/x")))
    assert still_allowed(a_pin(source), replace(source, url=parse_url(f"{source.url}.git")))


def test_a_pin_from_elsewhere_is_told() -> None:
    old, moved = a_pin(a_source()), a_pin(a_source(url="https://other.example/x"))
    assert origin_changes((old,), moved) == (f"from https://other.example/x; it was from {old.url}",)
    for before in ((), (moved,), (moved, old)):
        assert origin_changes(before, moved) == ()


def test_pins_are_added_replaced_and_dropped_in_name_order() -> None:
    lock = Lock(pins={SourceName(name): a_pin(a_source(name)) for name in ("b", "c", "d")})
    new = {SourceName("a"): a_pin(a_source("a")), SourceName("c"): a_pin(a_source("c"), commit=oid(9))}
    changed = with_pins(lock, add=new, drop=frozenset({SourceName("d"), SourceName("gone")}))
    assert list(changed.pins) == ["a", "b", "c"]
    assert changed.pins[SourceName("c")].commit == oid(9)
    assert list(lock.pins) == ["b", "c", "d"]
