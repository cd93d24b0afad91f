"""Inflate what stands in a pack: by zlib, or by ISA-L, which takes a millisecond to load and then 60 % of the time."""

from __future__ import annotations

import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Inflating(Protocol):
        """A decompressor of :mod:`zlib`, or one that is used like it."""

        @property
        def eof(self) -> bool:
            """Whether the stream has ended, its checksum included."""
            ...

        def decompress(self, data: bytes | memoryview, max_length: int, /) -> bytes:
            """Return what comes of *data*, up to *max_length* bytes of it."""
            ...

    Inflate = Callable[[bytes | memoryview, int], bytes]
    """Takes a stream, with anything behind it, and the size of what comes of it, which it returns."""


def inflated(packed: bytes | memoryview, size: int) -> bytes:
    """Return the *size* bytes that the stream at the beginning of *packed* holds.

    Raises:
        zlib.error, ValueError: it is damaged, or holds more or less.
    """
    return _of(zlib.decompressobj(), packed, size)


def quickly() -> Inflate:
    """Return the function that does so in the least time, where there is much to do; it raises ValueError alone."""
    # What is not written in Python has no type that says so.
    inflater: Any
    try:
        from isal import isal_zlib as inflater
    except ImportError:
        # There is such a package for most machines.
        inflater = zlib

    def by_the_quickest(packed: bytes | memoryview, size: int) -> bytes:
        try:
            return _of(inflater.decompressobj(), packed, size)
        except inflater.error as problem:
            raise ValueError(str(problem)) from problem

    return by_the_quickest


def _of(inflating: Inflating, packed: bytes | memoryview, size: int) -> bytes:
    data = inflating.decompress(packed, size + 1)
    if len(data) != size or not inflating.eof:
        raise ValueError(size)
    return data
