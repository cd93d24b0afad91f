"""What commands of the user's write, kept until it is shown: in memory while it is little, in a file without a name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile, gettempdir
from threading import Lock
from typing import IO

from git_hybrid.core.errors import LocalIo

_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16


@contextmanager
def spool(*, most: int | None = None) -> Iterator[Spool]:
    """Yield a place for what commands write, *most* bytes in all, which is gone at the end of the block."""
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        yield Spool(file, most=most)


class Spool:
    """One file for all that several commands write at a time: however many there are, it takes one descriptor."""

    def __init__(self, file: IO[bytes], *, most: int | None = None) -> None:
        self._file, self._most = file, most
        self._lock = Lock()

    def append(self, data: bytes) -> int:
        """Keep *data* and return where it begins.

        Raises:
            LocalIo: there is no room for it.
        """
        with self._lock, _told():
            self._file.seek(0, os.SEEK_END)
            place = self._file.tell()
            if self._most is not None and place + len(data) > self._most:
                raise OSError(errno.EFBIG, f"more than {self._most >> 20} MiB are not kept")
            self._file.write(data)
            return place

    def read(self, place: int, count: int) -> bytes:
        """Return *count* bytes from *place* on.

        Raises:
            LocalIo: what was still to be written has no room.
        """
        with self._lock, _told():
            self._file.seek(place)
            return self._file.read(count)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LocalIo.of(error, gettempdir(), "write to") from error


class Kept:
    """What one command wrote to one of its streams, in pieces."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._extents: list[tuple[int, int]] = []
        self.size = 0
        """How many bytes that is."""

    def add(self, data: bytes) -> None:
        """Keep *data* after what is kept already.

        Raises:
            LocalIo: there is no room for it.
        """
        place = self._spool.append(data)
        start, end = self._extents[-1] if self._extents else (place, place)
        if end == place and self._extents:
            self._extents[-1] = start, end + len(data)
        else:
            self._extents.append((place, place + len(data)))
        self.size += len(data)

    def __iter__(self) -> Iterator[bytes]:
        for start, end in self._extents:
            for place in range(start, end, _CHUNK):
                yield self._spool.read(place, min(_CHUNK, end - place))
