"""Whatever inflates, the same comes of it, and what is damaged is told."""

from __future__ import annotations

import os
import sys
import zlib
from typing import TYPE_CHECKING

import pytest

from git_hybrid.git.inflating import inflated, quickly
from git_hybrid.git.rawpacks import UNREADABLE

if TYPE_CHECKING:
    from git_hybrid.git.inflating import Inflate

CONTENTS = [b"", b"a", b"line\n" * 1000, os.urandom(3000), bytes(1 << 17)]


@pytest.fixture(params=["zlib", "isal", "isal that is not there"])
def inflate(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Inflate:
    if request.param == "isal":
        pytest.importorskip("isal")
    elif request.param != "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    return inflated if request.param == "zlib" else quickly()


def test_isal_is_what_is_quick() -> None:
    isal_zlib = pytest.importorskip("isal.isal_zlib")
    called = quickly().__closure__
    assert called is not None
    assert [cell.cell_contents for cell in called] == [isal_zlib]


@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("content", CONTENTS, ids=len)
def test_what_was_deflated_comes_back_whatever_follows(inflate: Inflate, content: bytes, level: int) -> None:
    packed = zlib.compress(content, level)
    for behind in (b"", b"\x95junk" * 20):
        assert inflate(packed + behind, len(content)) == content
        assert inflate(memoryview(packed + behind), len(content)) == content


@pytest.mark.parametrize("content", CONTENTS[1:4], ids=len)
def test_another_size_is_told(inflate: Inflate, content: bytes) -> None:
    packed = zlib.compress(content)
    for size in (0, len(content) - 1, len(content) + 1):
        with pytest.raises(ValueError, match=str(size)):
            inflate(packed, size)


def test_a_stream_that_is_cut_is_told(inflate: Inflate) -> None:
    content = b"line\n" * 100 + os.urandom(50)
    packed = zlib.compress(content)
    for end in range(len(packed)):
        with pytest.raises(UNREADABLE):
            inflate(packed[:end], len(content))


def test_no_changed_bit_goes_unnoticed(inflate: Inflate) -> None:
    content = b"line\n" * 100 + os.urandom(50)
    packed = zlib.compress(content)
    for at in range(len(packed)):
        for bit in range(8):
            changed = bytearray(packed)
            changed[at] ^= 1 << bit
            try:
                found = inflate(bytes(changed), len(content))
            except UNREADABLE:
                continue
            # A hint in the head says how hard it was to deflate.
            assert found == content
