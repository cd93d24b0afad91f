"""What git lists of a tree."""

from __future__ import annotations

from io import BytesIO

import pytest

from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import TreeEntry
from git_hybrid.git.listing import parse_entries

STAGE = Stage(name=SourceName("tool"), path="/tool", borrows=False)


def test_a_blob_that_is_missing_is_wrong_content() -> None:
    there, gone = "1" * 40, "2" * 40
    listed = f"100644 blob {there}       7\ta\x00100644 blob {gone}     BAD\tb\x00"
    entries = parse_entries(BytesIO(listed.encode()), STAGE)
    assert next(entries) == TreeEntry("100644", there, 7, b"a")
    with pytest.raises(WrongContent, match=gone):
        next(entries)
