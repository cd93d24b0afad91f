"""Connect to whichever address of a server answers first (RFC 8305): one that is dead costs a moment, as with curl."""

from __future__ import annotations

import errno
import os
import select
import time
from collections.abc import Iterator
from itertools import chain, zip_longest
from socket import AF_INET6, IPPROTO_TCP, SO_ERROR, SOCK_STREAM, SOL_SOCKET, getaddrinfo, socket

_HEAD_START = 0.2
"""Seconds in which an address is alone before the next one is tried too."""
_BEGUN = (0, errno.EINPROGRESS)
Address = tuple[int, tuple[object, ...]]


def dial(host: str, port: int, seconds: float) -> socket:
    """Return a socket that is connected to *host*, blocking, with *seconds* as its timeout and for the connection.

    Raises:
        OSError: it has no address, or none answers: what the last of them said.
        TimeoutError: none did in time.
    """
    left, waiting = _addresses(host, port), dict[int, socket]()
    last: OSError = TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    end, poll, more = time.monotonic() + seconds, select.poll(), True
    try:
        while more or waiting:
            following = next(left, None)
            more = following is not None
            if following is not None and (refused := _begin(following, waiting, poll)) is not None:
                last = refused
                continue
            limit = end - time.monotonic()
            if limit <= 0 or not waiting:
                break
            for number, _ in poll.poll(1000 * (min(limit, _HEAD_START) if more else limit)):
                poll.unregister(number)
                tried = waiting.pop(number)
                if (code := tried.getsockopt(SOL_SOCKET, SO_ERROR)) == 0:
                    tried.settimeout(seconds)
                    return tried
                tried.close()
                last = OSError(code, os.strerror(code))
    finally:
        for tried in waiting.values():
            tried.close()
    raise last


def _begin(address: Address, waiting: dict[int, socket], poll: select.poll) -> OSError | None:
    """Begin to connect to *address*; return why that cannot even begin."""
    family, place = address
    try:
        tried = socket(family, SOCK_STREAM)
    except OSError as error:
        return error
    tried.setblocking(False)
    if (code := tried.connect_ex(place)) not in _BEGUN:
        tried.close()
        return OSError(code, os.strerror(code))
    waiting[tried.fileno()] = tried
    poll.register(tried, select.POLLOUT)
    return None


def _addresses(host: str, port: int) -> Iterator[Address]:
    """Yield the addresses of *host*, of both families in turn, in the order in which the system prefers them."""
    found = [(family, place) for family, _, _, _, place in getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)]
    first = found[0][0] == AF_INET6 if found else True
    kinds = ([item for item in found if (item[0] == AF_INET6) is kind] for kind in (first, not first))
    return (item for item in chain.from_iterable(zip_longest(*kinds)) if item is not None)
