"""Everything that is wrong with a table of the manifest is told at once, each with its line."""

from __future__ import annotations

import pytest

from git_hybrid.core.errors import InvalidFile, Problem
from git_hybrid.store.manifest import decode_manifest

WRONG = """\
schema_version = 1
[defaults]
jobs = "x"
histry = "full"
retry = { attempts = "a", inital = "1s" }
[policy]
hosts = 3
approvers = [3]
[source.a]
ur = "x"
tag = 3
groups = ["a", 2]
"""


def test_every_wrong_key_of_a_table_is_told():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(WRONG.encode())
    assert caught.value.problems == (
        Problem("line 3: defaults.jobs", "expected int, got str"),
        Problem("line 4: defaults.histry", "unknown key 'histry' (did you mean 'history'?)"),
        Problem("line 5: defaults.retry.attempts", "expected int, got str"),
        Problem("line 5: defaults.retry.inital", "unknown key 'inital' (did you mean 'initial'?)"),
        Problem("line 7: policy.hosts", "expected array, got int"),
        Problem("line 8: policy.approvers[0]", "expected str | object, got int"),
        Problem("line 10: source.a.ur", "unknown key 'ur' (did you mean 'url'?)"),
        Problem("line 11: source.a.tag", "expected str, got int"),
        Problem("line 12: source.a.groups[1]", "expected str, got int"),
        Problem("line 9: source.a", "is missing the key url"),
    )


def test_a_table_of_nothing_but_wrong_keys_is_told_in_part():
    keys = "".join(f"key-{number} = 1\n" for number in range(1000))
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(f"schema_version = 1\n[policy]\n{keys}".encode())
    assert len(caught.value.problems) == 100


KEYS = """\
schema_version = 1
[policy]
approvers = [
    "ada",
    "bea",
    { id = "cid", key = "ssh-ed25519 AAAA" },
    { id = "dora", key = "ssh-ed25519 BBBB" },
    { id = "eve", key = "ssh-ed25519 AAAA= of cid" },
]
"""


def test_a_key_is_of_one_approver():
    with pytest.raises(InvalidFile) as caught:
        decode_manifest(KEYS.encode())
    (problem,) = caught.value.problems
    assert problem.reason == "is the key of 'cid' too, so that one signature would count as two"
    assert problem.place.endswith("policy.approvers[4].key")
    assert decode_manifest(KEYS.replace("AAAA=", "CCCC").encode()).policy.approvers
