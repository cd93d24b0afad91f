"""Requests over TLS connections that are kept: one handshake for many repositories of a server.

The client is the standard library's. It follows no redirect, and knows no proxy and no credential; whoever needs one of
these asks git. What is added here is what a step of ours owes its user: it ends soon after a signal, and at the limits
that git's own transport has.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection, socket
from typing import TYPE_CHECKING

from git_hybrid.core.errors import Interrupted
from git_hybrid.core.value import Struct
from git_hybrid.git.run import DeadlineExceeded, Limits

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_POLL = 0.1
_CONNECT = 10.0
_SLOW = 1000
_MOST = 64 << 20
_STALE = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError)


class Stalled(Exception):
    """Fewer bytes came than the limit asks for: 1000 a second, as git is told."""


class Broken(Exception):
    """No whole answer came, for whatever reason: no connection, no trust, not HTTP, too much of it."""


class Answer(Struct, frozen=True, kw_only=True):
    """One whole answer; ``retry_after`` and ``kind`` are headers, "" where there are none."""

    status: int
    kind: str
    retry_after: str
    body: bytes


class _Watch:
    """Is asked again and again while a request goes on, and ends it when its time is over."""

    def __init__(self, limits: Limits, cancelled: Callable[[], int]) -> None:
        self._cancelled = cancelled
        self._stall = max(int(limits.stall.total_seconds()), 1)
        self._since = time.monotonic()
        self._end = self._since + limits.deadline.total_seconds()
        self._got = 0

    def __call__(self, got: int = 0) -> None:
        """Take note of *got* more bytes.

        Raises:
            Interrupted: a signal asked to stop.
            DeadlineExceeded, Stalled: a limit was reached.
        """
        if number := self._cancelled():
            raise Interrupted(signal=number)
        now = time.monotonic()
        if now > self._end:
            raise DeadlineExceeded
        self._got += got
        if now - self._since >= self._stall:
            if self._got < _SLOW * self._stall:
                raise Stalled
            self._since, self._got = now, 0


class _PatientSocket(ssl.SSLSocket):
    """A socket that waits in short steps, between which its watch is asked: a blocked one would outlast a signal."""

    watch: _Watch

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        while True:
            try:
                got = super().recv_into(buffer, nbytes, flags)
            except TimeoutError:
                self.watch()
            else:
                self.watch(got)
                return got


class KeptAlive:
    """Connections to servers, by host and port; safe to be used by many threads, each with one request at a time."""

    def __init__(self, *, authorities: str | None, cancelled: Callable[[], int]) -> None:
        """Take the file of *authorities* that certificates are held against; None: those of the system."""
        self._context = ssl.create_default_context(cafile=authorities)
        self._context.sslsocket_class = _PatientSocket
        self._cancelled = cancelled
        self._idle: dict[tuple[str, int], list[HTTPSConnection]] = {}
        self._lock = threading.Lock()

    def post(
        self, host: str, port: int, target: str, *, body: bytes, headers: Mapping[str, str], limits: Limits
    ) -> Answer:
        """Return the answer to one request. It may be sent twice: it must change nothing at the server.

        Raises:
            Broken: no whole answer came.
            Stalled, DeadlineExceeded: a limit was reached.
            Interrupted: a signal asked to stop.
        """
        watch = _Watch(limits, self._cancelled)
        try:
            while (kept := self._take(host, port)) is not None:
                # A server may close a connection that nobody uses at any moment: that says nothing of this request.
                with contextlib.suppress(*_STALE):
                    return self._asked(kept, watch, target, body, headers)
            return self._asked(self._connected(host, port, watch), watch, target, body, headers)
        except (OSError, HTTPException, ValueError) as error:
            raise Broken from error

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept = [connection for group in self._idle.values() for connection in group]
            self._idle.clear()
        for connection in kept:
            connection.close()

    def _asked(
        self, connection: HTTPSConnection, watch: _Watch, target: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        with _closed_on_failure(connection):
            assert isinstance(connection.sock, _PatientSocket)
            connection.sock.watch = watch
            connection.request("POST", target, body=body, headers=dict(headers))
            with connection.getresponse() as response:
                answer = _read(response)
        if connection.sock is not None:
            with self._lock:
                self._idle.setdefault((connection.host, connection.port), []).append(connection)
        return answer

    def _take(self, host: str, port: int) -> HTTPSConnection | None:
        with self._lock:
            kept = self._idle.get((host, port))
            return kept.pop() if kept else None

    def _connected(self, host: str, port: int, watch: _Watch) -> HTTPSConnection:
        connection = HTTPSConnection(host, port, context=self._context)
        # It would connect again by itself, past everything below.
        connection.auto_open = 0
        plain = _plain(host, port, watch)
        with _closed_on_failure(plain):
            plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            wrapped = self._context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        with _closed_on_failure(wrapped):
            wrapped.settimeout(_POLL)
            while True:
                try:
                    wrapped.do_handshake()
                    break
                except TimeoutError:
                    watch()
        connection.sock = wrapped
        return connection


def _read(response: HTTPResponse) -> Answer:
    body = response.read(_MOST + 1)
    if len(body) > _MOST or response.read(1) or response.getheader("Content-Encoding", "identity") != "identity":
        raise HTTPException("too much of it, or encoded without having been asked for")
    kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
    return Answer(status=response.status, kind=kind, retry_after=response.getheader("Retry-After", "")[:40], body=body)


def _plain(host: str, port: int, watch: _Watch) -> socket:
    """Connect in a thread that may be left behind: neither a resolver nor a connect can be asked to stop."""
    made: list[socket] = []
    failed: list[OSError] = []
    ended, lock, wanted = threading.Event(), threading.Lock(), [True]

    def connect() -> None:
        try:
            found = create_connection((host, port), timeout=_CONNECT)
        except OSError as error:
            failed.append(error)
        else:
            with lock:
                if wanted[0]:
                    made.append(found)
                else:
                    found.close()
        ended.set()

    threading.Thread(target=connect, name="connect", daemon=True).start()
    try:
        while not ended.wait(_POLL):
            watch()
    except BaseException:
        with lock:
            wanted[0] = False
            for found in made:
                found.close()
        raise
    if failed:
        raise failed[0]
    return made[0]


@contextlib.contextmanager
def _closed_on_failure(thing: HTTPSConnection | socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        thing.close()
        raise
