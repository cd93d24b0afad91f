"""The file in which a clone keeps what :mod:`git_hybrid.git.sums` remembers; of the standard library alone."""

from __future__ import annotations

import zlib
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MAGIC = b"git-hybrid-sums-1"
_RECORD = Struct(">20s32sQ")


def packed(blobs: Iterable[tuple[bytes, bytes, int]]) -> bytes:
    """Return what is written for *blobs*: the id (SHA-1) of each, the SHA-256 of its content, its size in bytes."""
    data = b"".join([_RECORD.pack(*blob) for blob in blobs])
    return _head(data) + b"\n" + data


def unpacked(data: bytes) -> list[tuple[bytes, bytes, int]]:
    """Return the blobs that *data* was made of, none if it is not whole.

    Raises:
        struct.error: it is of another kind.
    """
    head, _, rest = data.partition(b"\n")
    return list(_RECORD.iter_unpack(rest)) if head == _head(rest) else []


def _head(data: bytes) -> bytes:
    # Nobody waits for the disk here: after a power cut there may be anything, or half of it.
    return b"%s %08x" % (_MAGIC, zlib.crc32(data))
