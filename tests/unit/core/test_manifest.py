from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from git_hybrid.core.ids import parse_url
from git_hybrid.core.manifest import (
    Branch,
    Commit,
    Defaults,
    Policy,
    Source,
    Tag,
    Track,
    Version,
    allows_host,
    config_digest,
    declared_ref,
    track_field,
)
from git_hybrid.core.value import replace
from support.values import a_source, oid

TRACKS = [
    (Tag("v1"), ("tag", "v1"), "refs/tags/v1"),
    (Branch("a/b"), ("branch", "a/b"), "refs/heads/a/b"),
    (Version(">=1"), ("version", ">=1"), None),
    (Commit(oid(5)), ("commit", oid(5)), None),
]


@pytest.mark.parametrize(("track", "field", "ref"), TRACKS, ids=["tag", "branch", "version", "commit"])
def test_each_kind_of_ref_has_its_key_and_its_full_name(track: Track, field: tuple[str, str], ref: str | None) -> None:
    assert track_field(track) == field
    assert declared_ref(track) == ref


def test_the_digest_is_the_hash_of_the_documented_canonical_json() -> None:
    source = a_source(url="https://host/x", track=Tag("v1"))
    text = b'{"history":"full","lfs":"pointer","submodules":false,"tag":"v1","url":"https://host/x"}'
    assert config_digest(source) == "sha256:" + hashlib.sha256(text).hexdigest()


SOURCE = a_source(track=Tag("v1"))


@pytest.mark.parametrize(
    "changed",
    [
        replace(SOURCE, url=parse_url("https://git.example.org/team/other")),
        replace(SOURCE, track=Tag("v2")),
        replace(SOURCE, track=Branch("v1")),
        replace(SOURCE, history="shallow"),
        replace(SOURCE, submodules=True),
        replace(SOURCE, lfs="fetch"),
    ],
    ids=["url", "value", "kind", "history", "submodules", "lfs"],
)
def test_the_digest_changes_with_everything_that_changes_the_disk(changed: Source) -> None:
    assert config_digest(changed) != config_digest(SOURCE)


def test_groups_do_not_change_the_digest() -> None:
    assert config_digest(replace(SOURCE, groups=("plugins",))) == config_digest(SOURCE)


@pytest.mark.parametrize(
    ("hosts", "url", "expected"),
    [
        (None, "https://anywhere.example/x", True),
        (frozenset({"github.com"}), "https://GitHub.com/x", True),
        (frozenset({"github.com"}), "ssh://git@github.com:22/x", True),
        (frozenset({"github.com"}), "https://github.com.evil.example/x", False),
        (frozenset({"github.com"}), "https://sub.github.com/x", False),
        (frozenset({"github.com"}), "file:///srv/x", True),
        (frozenset(), "https://github.com/x", False),
    ],
    ids=["no-list", "listed", "ssh", "suffix-trick", "subdomain", "file", "empty-list"],
)
def test_the_list_of_hosts_decides(hosts: frozenset[str] | None, url: str, *, expected: bool) -> None:
    assert allows_host(Policy(hosts=hosts), parse_url(url)) is expected


def test_the_defaults_are_those_of_the_contract() -> None:
    defaults, policy = Defaults(), Policy()
    assert (defaults.jobs, defaults.history, defaults.retry.attempts) == (8, "full", 5)
    assert (defaults.stall, defaults.deadline) == (timedelta(seconds=30), timedelta(minutes=30))
    assert (policy.max_entries, policy.max_bytes, policy.scan_block_on) == (200_000, 2**30, "high")
    assert (policy.scan_max_age, policy.min_release_age) == (timedelta(days=7), timedelta(0))
