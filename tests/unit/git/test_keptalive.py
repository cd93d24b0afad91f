"""Connections that are kept: what may come over one, and when it is not used again."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from git_hybrid.git.keptalive import Broken, KeptAlive, Request, Unconnected
from git_hybrid.git.limits import DeadlineExceeded, Limits, Stalled, Unconnectable
from support.pki import Pki

LIMITS = Limits(stall=timedelta(seconds=5), deadline=timedelta(seconds=10))


class Server:
    """Answers each request with its path; what stands in ``instead`` is sent for a path in place of that."""

    def __init__(self, pki: Pki) -> None:
        self.instead: dict[str, bytes] = {}
        self.connections = 0
        self.ended = threading.Event()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pki.cert, pki.key)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with self._context.wrap_socket(plain, server_side=True) as wire, wire.makefile("rb") as file:
                while line := file.readline():
                    path = line.split(b" ")[1].decode()
                    while file.readline().strip():
                        pass
                    wire.sendall(self.instead.get(path, answer(path)))
                    if path.startswith("/last"):
                        return
        except OSError:
            pass
        finally:
            self.ended.set()

    def close(self) -> None:
        # The thread that waits there ends first: it would take the connections of whatever gets that number next.
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        assert not self._thread.is_alive()
        self._listening.close()


def answer(body: str, *, status: int = 200, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}".encode()


@pytest.fixture
def server(pki: Pki) -> Iterator[Server]:
    server = Server(pki)
    yield server
    server.close()


@pytest.fixture
def client(pki: Pki) -> Iterator[KeptAlive]:
    client = KeptAlive(authorities=str(pki.ca), cancelled=lambda: 0)
    yield client
    client.close()


def asked(client: KeptAlive, server: Server, path: str, limits: Limits = LIMITS) -> bytes:
    request = Request(host="localhost", port=server.port, target=path, headers={})
    with client.asking(request, limits) as reply:
        return b"".join(iter(reply.read, b""))


def test_one_connection_for_many(client: KeptAlive, server: Server) -> None:
    assert [asked(client, server, path) for path in ("/a", "/b", "/c")] == [b"/a", b"/b", b"/c"]
    assert server.connections == 1


@pytest.mark.parametrize("more", [answer("/a"), answer("", status=408), b"x" * 20_000])
def test_what_nobody_asked_for_is_nobodys_answer(client: KeptAlive, server: Server, more: bytes) -> None:
    server.instead["/a"] = answer("/a") + more
    assert asked(client, server, "/a") == b"/a"
    time.sleep(0.1)
    assert [asked(client, server, path) for path in ("/b", "/c")] == [b"/b", b"/c"]


def test_a_server_that_has_closed_is_asked_anew(client: KeptAlive, server: Server) -> None:
    assert asked(client, server, "/last") == b"/last"
    assert server.ended.wait(10)
    assert asked(client, server, "/b") == b"/b"
    assert server.connections == 2


@pytest.mark.parametrize("status", [103, 304, 404, 500])
def test_only_after_a_plain_answer_a_connection_is_kept(client: KeptAlive, server: Server, status: int) -> None:
    server.instead["/a"] = answer("", status=status)
    asked(client, server, "/a")
    assert asked(client, server, "/b") == b"/b"
    assert server.connections == 2


@pytest.mark.parametrize(
    "wrong",
    [
        answer("gzip", headers="Content-Encoding: gzip\r\n"),
        b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\nshort",
        b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 X\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_whole_answer(client: KeptAlive, server: Server, wrong: bytes) -> None:
    server.instead["/last"] = wrong
    with pytest.raises(Broken) as caught:
        asked(client, server, "/last")
    assert not isinstance(caught.value, Unconnected)


def test_an_encoding_that_is_none(client: KeptAlive, server: Server) -> None:
    server.instead["/a"] = answer("text", headers="Content-Encoding: Identity\r\n")
    assert asked(client, server, "/a") == b"text"


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "127.0.0.2", "nowhere.invalid"])
def test_no_connection_is_said_at_once(client: KeptAlive, server: Server, host: str) -> None:
    begun = time.monotonic()
    server.close()
    request = Request(host=host, port=server.port, target="/", headers={})
    with pytest.raises(Unconnected), client.asking(request, LIMITS):
        pass
    assert time.monotonic() - begun < 4


def test_limits(client: KeptAlive, server: Server) -> None:
    server.instead["/a"] = b"HTTP/1.1 200 X\r\nContent-Length: 50\r\n\r\nshort"
    with pytest.raises(Stalled):
        asked(client, server, "/a", Limits(stall=timedelta(seconds=1), deadline=timedelta(seconds=10)))
    with pytest.raises(DeadlineExceeded):
        asked(client, server, "/a", Limits(stall=timedelta(seconds=10), deadline=timedelta(seconds=0.3)))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        request = Request(host="localhost", port=silent.getsockname()[1], target="/", headers={})
        limits = Limits(stall=timedelta(seconds=1), deadline=timedelta(seconds=10))
        with pytest.raises(Unconnectable), client.asking(request, limits):
            pass


def test_whoever_is_busy_does_not_blame_the_server(client: KeptAlive, server: Server) -> None:
    server.instead["/a"] = b"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\nshort"
    request = Request(host="localhost", port=server.port, target="/a", headers={})
    limits = Limits(stall=timedelta(seconds=1), deadline=timedelta(seconds=10))
    with client.asking(request, limits) as reply:
        assert reply.read() == b"short"
        time.sleep(1.2)
        begun = time.monotonic()
        with pytest.raises(Stalled):
            reply.read()
        assert time.monotonic() - begun > 0.5
