"""Requests over TLS connections that are kept: one handshake for many repositories of a server.

The client is the standard library's. It follows no redirect, and knows no proxy and no credential; whoever needs one of
these asks git. What is added here is what a step of ours owes its user: it ends soon after a signal, and at the limits
that git's own transport has.
"""

from __future__ import annotations

import contextlib
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import BadStatusLine, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import TYPE_CHECKING

from git_hybrid.core.errors import Interrupted
from git_hybrid.core.value import Struct
from git_hybrid.git.dialling import dial
from git_hybrid.git.limits import DeadlineExceeded, Limits, Stalled, Unconnectable
from git_hybrid.threads import Worker

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_POLL = 0.1
_CONNECT = 10.0
_SLOW = 1000
_PIECE = 1 << 16
_OK = 200
_STALE = (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError, BadStatusLine)


class Broken(Exception):
    """No whole answer came, for whatever reason: no connection, no trust, not HTTP, too much of it."""


class Unconnected(Broken):
    """No connection came about."""


class Request(Struct, frozen=True, kw_only=True):
    """What is asked of a server; without a body it is a GET."""

    host: str
    port: int
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


class _Watch:
    """Is asked again and again while a request goes on, and ends it when its time is over."""

    def __init__(self, limits: Limits, cancelled: Callable[[], int]) -> None:
        self._cancelled = cancelled
        self._stall = max(int(limits.stall.total_seconds()), 1)
        self._since = time.monotonic()
        self._end = self._since + limits.deadline.total_seconds()
        self._got = 0
        self._left: float | None = None

    def leave(self) -> None:
        """Take note that nothing is waited for: somebody is busy with what came."""
        self._left = time.monotonic()

    def come_back(self) -> None:
        """Take note that more is waited for; the time in between says nothing of the server."""
        if self._left is not None:
            self._since, self._left = self._since + time.monotonic() - self._left, None

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


class Reply:
    """An answer that has begun: what it begins with, and its body as it comes."""

    def __init__(self, response: HTTPResponse, watch: _Watch) -> None:
        """Wrap *response*, of whose body nothing was read."""
        if response.getheader("Content-Encoding", "identity").strip().lower() != "identity":
            raise HTTPException("encoded without having been asked for")
        kind = response.getheader("Content-Type", "").partition(";")[0].strip().lower()
        self.status = response.status
        self.kind = kind
        self.is_whole = False
        self._response, self._watch = response, watch

    def header(self, name: str) -> str:
        """Return the header *name*, "" where there is none."""
        return self._response.getheader(name, "")

    def read(self) -> bytes:
        """Return what comes next of the body, b"" at its end.

        Raises:
            Broken: the end did not come.
            Stalled, DeadlineExceeded: a limit was reached.
            Interrupted: a signal asked to stop.
        """
        self._watch.come_back()
        try:
            piece = self._response.read1(_PIECE)
        except (OSError, HTTPException, ValueError) as error:
            raise Broken from error
        if not piece:
            if self._response.length:
                raise Broken from IncompleteRead(b"", self._response.length)
            self.is_whole = True
        self._watch.leave()
        return piece


class KeptAlive:
    """Connections to servers, by host and port; safe to be used by many threads, each with one request at a time."""

    def __init__(self, *, authorities: str | None, cancelled: Callable[[], int]) -> None:
        """Take the file of *authorities* that certificates are held against; None: those of the system."""
        self._context = ssl.create_default_context(cafile=authorities)
        self._context.sslsocket_class = _PatientSocket
        self._cancelled = cancelled
        self._idle: dict[tuple[str, int], list[HTTPSConnection]] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def asking(self, request: Request, limits: Limits) -> Iterator[Reply]:
        """Yield the answer to *request*, whose body is still to be read.

        It may be sent twice, since a connection that was kept may be closed by then: it must change nothing.

        Raises:
            Unconnected: no connection came about.
            Broken: no answer came.
            Stalled, DeadlineExceeded: a limit was reached.
            Interrupted: a signal asked to stop.
        """
        watch = _Watch(limits, self._cancelled)
        try:
            connection, response = self._begun(request, watch)
        except (OSError, HTTPException, ValueError) as error:
            raise Broken from error
        with _closed_on_failure(connection), response:
            try:
                reply = Reply(response, watch)
            except HTTPException as error:
                raise Broken from error
            yield reply
        if not reply.is_whole or reply.status != _OK:
            connection.close()
        if connection.sock is not None:
            with self._lock:
                self._idle.setdefault((request.host, request.port), []).append(connection)

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept = [connection for group in self._idle.values() for connection in group]
            self._idle.clear()
        for connection in kept:
            connection.close()

    def _begun(self, request: Request, watch: _Watch) -> tuple[HTTPSConnection, HTTPResponse]:
        """Send *request* and return the connection and the answer that has begun on it."""
        while (kept := self._take(request.host, request.port)) is not None:
            # What comes before anything was asked is no answer: the end of the connection, or a server gone astray.
            if _is_silent(kept):
                # A server may close a connection that nobody uses at any moment: that says nothing of this request.
                with contextlib.suppress(*_STALE):
                    return kept, _sent(kept, watch, request)
            kept.close()
        try:
            fresh = self._connected(request.host, request.port, watch)
        except (OSError, ValueError) as error:
            raise Unconnected from error
        except Stalled as error:
            raise Unconnectable from error
        return fresh, _sent(fresh, watch, request)

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


def _is_silent(connection: HTTPSConnection) -> bool:
    wire = connection.sock
    assert isinstance(wire, ssl.SSLSocket)
    waiting = select.poll()
    waiting.register(wire, select.POLLIN)
    return not wire.pending() and not waiting.poll(0)


def _sent(connection: HTTPSConnection, watch: _Watch, request: Request) -> HTTPResponse:
    with _closed_on_failure(connection):
        assert isinstance(connection.sock, _PatientSocket)
        connection.sock.watch = watch
        method = "GET" if request.body is None else "POST"
        connection.request(method, request.target, body=request.body, headers=dict(request.headers))
        return connection.getresponse()


def _plain(host: str, port: int, watch: _Watch) -> socket:
    """Connect in a thread that may be left behind: neither a resolver nor a connect can be asked to stop."""
    made: list[socket] = []
    failed: list[OSError | ValueError] = []
    ended, lock, wanted = threading.Event(), threading.Lock(), [True]

    def connect() -> None:
        try:
            found = dial(host, port, _CONNECT)
        except (OSError, ValueError) as error:
            failed.append(error)
        else:
            with lock:
                if wanted[0]:
                    made.append(found)
                else:
                    found.close()
        finally:
            ended.set()

    Worker(connect, awaited=False)
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
