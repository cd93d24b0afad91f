"""What git lists of a tree."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import DEPTH_LIMIT, TreeEntry, TreeLimits, scan_tree
from git_hybrid.git.listing import parse_entries
from git_hybrid.git.trees import TREE, TooDeep, entries_of

STAGE = Stage(name=SourceName("tool"), path="/tool", borrows=False)


def test_a_blob_that_is_missing_is_wrong_content() -> None:
    there, gone = "1" * 40, "2" * 40
    listed = f"100644 blob {there}       7\ta\x00100644 blob {gone}     BAD\tb\x00"
    entries = parse_entries(BytesIO(listed.encode()), STAGE)
    assert next(entries) == TreeEntry("100644", there, 7, b"a")
    with pytest.raises(WrongContent, match=gone):
        next(entries)


def listed(depth: int) -> bytes:
    """Return what git lists of a file in so many folders, one in the other."""
    oid, names = "1" * 40, [b"d"] * depth
    folders = [f"{TREE} tree {oid}       -\t".encode() + b"/".join(names[: at + 1]) for at in range(depth)]
    return b"\0".join([*folders, f"100644 blob {oid}       7\t".encode() + b"/".join([*names, b"f"]), b""])


def nested(depth: int) -> list[TreeEntry]:
    """Return the entries of such a tree, read from its bytes."""
    trees = [b"40000 d\0" + bytes([0, at]) * 10 for at in range(1, depth + 1)] + [b"100644 f\0" + b"\xff" * 20]
    read = {bytes([0, at]).hex() * 10: data for at, data in enumerate(trees)}
    return list(entries_of(bytes(20).hex(), lambda oid: ("tree", read[oid]), lambda _oid: 7, most=1000))


@pytest.mark.parametrize("read", [lambda depth: [*parse_entries(BytesIO(listed(depth)), STAGE)], nested])
def test_a_tree_is_read_no_deeper_than_it_may_be(read: Callable[[int], list[TreeEntry]]) -> None:
    deepest = DEPTH_LIMIT - 1
    (entry,) = read(deepest)
    assert entry.path == b"d/" * deepest + b"f"
    with pytest.raises(TooDeep) as caught:
        read(deepest + 1)
    limits = TreeLimits(max_entries=1, max_bytes=1, max_path=4005)
    assert caught.value.path == b"/".join([b"d"] * (deepest + 1))
    # In the words that the gate has for a file in it.
    (told,) = scan_tree([TreeEntry("100644", "1", 1, caught.value.path + b"/f")], limits=limits, read_link=bytes)[1]
    assert caught.value.finding(limits) == told
