"""Bare repositories over smart HTTP on loopback, with TLS, logins and faults on demand."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote

from support.faults import Change, Cut, Drip, Endless, Fail, FaultPlan, Mute, Stall
from support.http_handler import GitHandler
from support.pki import Pki

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Request(NamedTuple):
    """One answered request; `path` holds the query, `agent` what asked."""

    method: str
    path: str
    status: int
    agent: str = ""


class HttpsGitServer:
    """Serves each bare repository below `root`, from `__enter__` to `__exit__`.

    `auth` (a user and a secret, or None) and `latency` (seconds before each answer) may be
    set at any time. Faults hit requests whose target contains `only`, before any login.
    """

    def __init__(
        self,
        root: Path,
        *,
        pki: Pki,
        auth: tuple[str, str] | None = None,
        latency: float = 0.0,
        plain_http: bool = False,
    ) -> None:
        self.root = root
        self.auth = auth
        self.latency = latency
        self.ca_file = pki.ca
        self.stalled = threading.Event()
        self.stopping = threading.Event()
        self.plan = FaultPlan()
        self._scheme = "http" if plain_http else "https"
        self._tls = None if plain_http else _tls_context(pki)
        self._lock = threading.Lock()
        self._requests: list[Request] = []
        self._times: list[float] = []
        self._redirects: list[tuple[str, str]] = []
        self._crashes: list[str] = []

    def __enter__(self) -> Self:
        self.stopping.clear()
        self._listener = _Listener(self, self._tls)
        self.port: int = self._listener.server_address[1]
        self._thread = threading.Thread(target=self._listener.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop serving.

        Raises:
            RuntimeError: a handler crashed and the block itself raised nothing.
        """
        self.stopping.set()
        self.clear_faults()
        self._listener.shutdown()
        self._thread.join()
        self._listener.hang_up()
        self._listener.server_close()
        if self._crashes and error is None:
            raise RuntimeError("the test server failed:\n" + "\n".join(self._crashes))

    @property
    def base_url(self) -> str:
        """`https://localhost:<port>`, without a slash at the end."""
        return f"{self._scheme}://localhost:{self.port}"

    def url(self, rel: str, *, host: str = "localhost") -> str:
        """Return the URL of the repository at `rel` below the root; 127.0.0.1 is a host too."""
        return f"{self._scheme}://{host}:{self.port}/{quote(rel)}"

    def env(self) -> dict[str, str]:
        """Return what a git child needs in order to trust this server."""
        return {} if self._tls is None else {"GIT_SSL_CAINFO": str(self.ca_file)}

    @property
    def requests(self) -> list[Request]:
        """A copy of the requests answered so far, in the order of their answers."""
        with self._lock:
            return list(self._requests)

    def times(self, part: str) -> list[float]:
        """Return when each request was answered whose target contains `part`, in seconds of the monotonic clock."""
        with self._lock:
            return [at for at, request in zip(self._times, self._requests, strict=True) if part in request.path]

    def clear_requests(self) -> None:
        """Forget the requests answered so far."""
        with self._lock:
            self._requests.clear()
            self._times.clear()

    def fail_next(self, n: int, status: int = 503, *, headers: Mapping[str, str] = NO_HEADERS, only: str = "") -> None:
        """Answer the next `n` requests with `status`."""
        self.plan.add(Fail(status=status, headers=headers), times=n, only=only)

    def fail_always(
        self, status: int, *, headers: Mapping[str, str] = NO_HEADERS, body: bytes = b"", only: str = ""
    ) -> None:
        """Answer every request with `status` until `clear_faults`."""
        self.plan.add(Fail(status=status, headers=headers, body=body), times=None, only=only)

    def change_always(self, edit: Callable[[bytes], bytes], *, over: int = 0, only: str = "") -> None:
        """Send what `edit` makes of git's answers of more than `over` bytes until `clear_faults`."""
        self.plan.add(Change(edit=edit, over=over), times=None, only=only)

    def mute_always(self, *, hang_up: bool, only: str = "") -> None:
        """Answer no request until `clear_faults`, with the connection closed or left open."""
        self.plan.add(Mute(released=None if hang_up else self.plan.released), times=None, only=only)

    def never_end(self, kind: str, *, begin: bytes, piece: bytes, only: str = "") -> None:
        """Answer every request with `begin` and then `piece` for ever until `clear_faults`."""
        self.plan.add(Endless(kind=kind, begin=begin, piece=piece), times=None, only=only)

    def drip_always(self, after_bytes: int, *, size: int, pause: float, only: str = "") -> None:
        """Send longer answers slowly from `after_bytes` on until `clear_faults`."""
        fault = Drip(after_bytes=after_bytes, size=size, pause=pause, released=self.plan.released)
        self.plan.add(fault, times=None, only=only)

    def stall(self, after_bytes: int, *, times: int | None = 1, only: str = "") -> None:
        """Stop sending after `after_bytes` body bytes of the next `times` longer responses.

        The connection stays open, and `stalled` is set, until `clear_faults` lets the rest go.
        """
        fault = Stall(after_bytes=after_bytes, released=self.plan.released)
        self.plan.add(fault, times=times, only=only)

    def cut(self, after_bytes: int, *, times: int | None = 1, only: str = "", reset: bool = False) -> None:
        """Close the connection after `after_bytes` body bytes of the next longer responses."""
        self.plan.add(Cut(after_bytes=after_bytes, reset=reset), times=times, only=only)

    def clear_faults(self) -> None:
        """Forget every fault; responses that stall go on. Redirects stay, until `clear_redirects`."""
        self.stalled.clear()
        self.plan.clear()

    def forget(self) -> None:
        """Be as a new server, at the same port: with no faults, no redirects, no login and no requests answered."""
        self.auth, self.latency = None, 0.0
        self.clear_faults()
        self.clear_redirects()
        self.clear_requests()

    def clear_redirects(self) -> None:
        """Forget where things have moved."""
        with self._lock:
            self._redirects.clear()

    def redirect(self, from_prefix: str, to_url: str) -> None:
        """Redirect targets that start with `from_prefix` to `to_url` and the rest of them."""
        with self._lock:
            self._redirects.append((from_prefix, to_url))

    def redirect_for(self, target: str) -> str | None:
        """Return where the request target has moved, or None."""
        with self._lock:
            for prefix, url in self._redirects:
                if target.startswith(prefix):
                    return url + target.removeprefix(prefix)
        return None

    def admits(self, authorization: str | None) -> bool:
        """Tell whether the `Authorization` header, or its absence, opens the door."""
        if self.auth is None:
            return True
        token = base64.b64encode(":".join(self.auth).encode()).decode()
        return authorization == f"Basic {token}"

    def record(self, method: str, target: str, status: int, agent: str = "") -> None:
        """Add an answered request to `requests`."""
        with self._lock:
            self._requests.append(Request(method, target, status, agent))
            self._times.append(time.monotonic())

    def record_crash(self, trace: str) -> None:
        """Keep the trace of a handler that crashed, for `__exit__` to raise."""
        with self._lock:
            self._crashes.append(trace)


class _Listener(socketserver.ThreadingTCPServer):
    """Not `ThreadingHTTPServer`: that one asks the resolver for its own name."""

    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, owner: HttpsGitServer, tls: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)
        self._owner = owner
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def finish_request(self, request: object, client_address: object) -> None:
        """Shake hands in the handler's thread, so that a slow client blocks no other."""
        assert isinstance(request, socket.socket)
        request.settimeout(10)
        wrapped = request if self._tls is None else self._tls.wrap_socket(request, server_side=True)
        with wrapped, self._tracked(wrapped):
            GitHandler(wrapped, client_address, self, self._owner)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up or distrust the certificate are part of the tests."""
        if not isinstance(sys.exception(), OSError):
            self._owner.record_crash(traceback.format_exc())

    def hang_up(self) -> None:
        """Shut every open connection down, so that its thread ends."""
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    # SSLSocket.shutdown drops the TLS state that the handler is still using.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


def _tls_context(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.cert, pki.key)
    return context
