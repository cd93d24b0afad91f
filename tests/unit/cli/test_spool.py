"""What commands write is kept apart and whole, however they take turns."""

from __future__ import annotations

import errno
import io
import tempfile

import pytest

from git_hybrid.cli.spool import Kept, Spool, spool
from git_hybrid.core.errors import LocalIo


def test_what_two_write_in_turn_comes_back_apart() -> None:
    with spool() as place:
        first, second, nothing = Kept(place), Kept(place), Kept(place)
        pieces = [bytes([number % 256]) * 70_000 for number in range(40)]
        for number, piece in enumerate(pieces):
            (first if number % 3 else second).add(piece)
        assert b"".join(first) == b"".join(piece for number, piece in enumerate(pieces) if number % 3)
        assert b"".join(second) == b"".join(pieces[::3])
        assert b"".join(second) == b"".join(pieces[::3])
        assert list(nothing) == []
        assert [kept.size for kept in (first, second, nothing)] == [26 * 70_000, 14 * 70_000, 0]
        assert max(map(len, first)) < 70_000


def test_no_room_is_told_with_the_folder_that_has_none() -> None:
    class Full(io.BytesIO):
        def write(self, _data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(LocalIo) as caught:
        Kept(Spool(Full())).add(b"x")
    assert (caught.value.path, caught.value.reason) == (tempfile.gettempdir(), "No space left on device")


def test_no_more_is_kept_than_may_be() -> None:
    with spool(most=10) as place:
        first, second = Kept(place), Kept(place)
        first.add(b"12345")
        second.add(b"67890")
        with pytest.raises(LocalIo, match="are not kept"):
            first.add(b"x")
        assert (b"".join(first), b"".join(second)) == (b"12345", b"67890")
