"""Apply the deltas of a pack (gitformat-pack(5)). Nothing is imported here: see :mod:`git_hybrid.git.rawpacks`."""

from __future__ import annotations

LARGEST = 1 << 20
"""Whatever is larger, in bytes, is for a reader that need not hold it in memory."""


def _orders() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return, for each order to copy, by how much each byte of where it begins is shifted, and of how long it is."""
    shifts = (0, 8, 16, 24)
    return [
        (
            tuple(shift for bit, shift in enumerate(shifts) if order & 1 << bit),
            tuple(shift for bit, shift in enumerate(shifts[:3]) if order & 0x10 << bit),
        )
        for order in range(0x80)
    ]


_ORDERS = _orders()


def patched(base: bytes, delta: bytes) -> bytes:
    """Return what *delta* makes of *base*.

    Raises:
        ValueError, IndexError: it is no delta against that.
    """
    before, after, at = delta_sizes(delta)
    if before != len(base) or after > LARGEST:
        raise ValueError(before)
    parts, made, end = list[bytes](), 0, len(delta)
    add = parts.append
    while at < end and made <= after:
        order = delta[at]
        at += 1
        if order < 0x80:
            if not order or at + order > end:
                raise ValueError(order)
            add(delta[at : at + order])
            at += order
            made += order
            continue
        begin = size = 0
        begins, sizes = _ORDERS[order & 0x7F]
        for shift in begins:
            begin |= delta[at] << shift
            at += 1
        for shift in sizes:
            size |= delta[at] << shift
            at += 1
        size = size or 0x10000
        if begin + size > before:
            raise ValueError(begin)
        add(base[begin : begin + size])
        made += size
    result = b"".join(parts)
    if len(result) != after:
        raise ValueError(after)
    return result


def beginning(delta: bytes) -> tuple[int, int] | None:
    """Return the size of what *delta* is made against and of what it makes, if that is the beginning of it; else None.

    Raises:
        IndexError: it ends in the middle of an order.
    """
    before, after, at = delta_sizes(delta)
    made = 0
    while at < len(delta):
        order = delta[at]
        at += 1
        begin = size = 0
        begins, sizes = _ORDERS[order & 0x7F]
        for shift in begins:
            begin |= delta[at] << shift
            at += 1
        for shift in sizes:
            size |= delta[at] << shift
            at += 1
        if order < 0x80 or begin != made:
            return None
        made += size or 0x10000
    return (before, after) if made == after <= before else None


def delta_sizes(delta: bytes) -> tuple[int, int, int]:
    """Return the size of what *delta* is made against, of what it makes, and where its orders begin.

    Raises:
        IndexError: it ends before that.
    """
    before, at = _size(delta, 0)
    after, at = _size(delta, at)
    return before, after, at


def _size(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends, in the encoding of sizes."""
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def offset_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at* and where it ends, in the encoding of offsets (gitformat-pack(5))."""
    byte, at = data[at], at + 1
    value = byte & 0x7F
    while byte & 0x80:
        byte, at = data[at], at + 1
        value = ((value + 1) << 7) | (byte & 0x7F)
    return value, at
