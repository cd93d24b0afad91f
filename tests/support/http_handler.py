"""One HTTP/1.1 connection of the test server."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Protocol

from support.faults import Cut, Drip, Endless, FaultPlan, Mute, Stall
from support.git_backend import Reply, ask_backend

REALM = ("WWW-Authenticate", 'Basic realm="test"')
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Site(Protocol):
    """What the handler asks of the server that it serves."""

    root: Path
    latency: float
    plan: FaultPlan
    stalled: threading.Event
    stopping: threading.Event

    def admits(self, authorization: str | None) -> bool:
        """Tell whether the `Authorization` header opens the door."""

    def redirect_for(self, target: str) -> str | None:
        """Return where the request target has moved, or None."""

    def record(self, method: str, target: str, status: int, agent: str = "") -> None:
        """Keep an answered request."""


class GitHandler(BaseHTTPRequestHandler):
    """Answers GET and POST from the fault plan, the redirects, the login or git."""

    protocol_version = "HTTP/1.1"
    timeout = 60

    def __init__(
        self,
        request: socket.socket,
        client_address: Any,
        server: socketserver.BaseServer,
        site: Site,
    ) -> None:
        self.site = site
        super().__init__(request, client_address, server)

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: `requests` is the log."""

    def _answer(self) -> None:
        # Read first: closing a socket with unread bytes resets it, and loses the answer.
        body = self._read_body()
        if self.site.latency > 0:
            self.site.stopping.wait(self.site.latency)
        if self.site.stopping.is_set():
            self.close_connection = True
            return
        failure = self.site.plan.take_fail(self.path)
        if isinstance(failure, Mute):
            self.site.record(self.command, self.path, 0)
            if failure.released is not None:
                failure.released.wait()
            self.close_connection = True
            return
        if isinstance(failure, Endless):
            self._send_for_ever(failure)
            return
        reply = (
            self._git_reply(body) if failure is None else Reply(failure.status, _pairs(failure.headers), failure.body)
        )
        self.site.record(self.command, self.path, reply.status, self.headers.get("User-Agent", ""))
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self._send_body(reply.body)

    def _send_for_ever(self, fault: Endless) -> None:
        self.site.record(self.command, self.path, 200)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", fault.kind)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(fault.begin)
            while not self.site.stopping.is_set():
                self.wfile.write(fault.piece)

    def _git_reply(self, body: bytes) -> Reply:
        moved = self.site.redirect_for(self.path)
        if moved is not None:
            return Reply(status=301, headers=(("Location", moved),), body=b"")
        if not self.site.admits(self.headers.get("Authorization")):
            return Reply(status=401, headers=(REALM,), body=b"")
        reply = ask_backend(
            self.site.root,
            method=self.command,
            target=self.path,
            headers=self.headers,
            body=body,
        )
        change = self.site.plan.take_change(self.path, size=len(reply.body))
        return reply if change is None else Reply(reply.status, reply.headers, change.edit(reply.body))

    def _send_body(self, body: bytes) -> None:
        match self.site.plan.take_break(self.path, size=len(body)):
            case None:
                self.wfile.write(body)
            case Cut(after_bytes, reset):
                self.wfile.write(body[:after_bytes])
                if reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                self.close_connection = True
            case Stall(after_bytes, released):
                self.wfile.write(body[:after_bytes])
                self.site.stalled.set()
                released.wait()
                if self.site.stopping.is_set():
                    self.close_connection = True
                    return
                self.wfile.write(body[after_bytes:])
            case Drip(after_bytes, size, pause, released):
                self.wfile.write(body[:after_bytes])
                while after_bytes < len(body) and not released.wait(pause):
                    self.wfile.write(body[after_bytes : after_bytes + size])
                    after_bytes += size
                if not self.site.stopping.is_set():
                    self.wfile.write(body[after_bytes:])

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)


def _pairs(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(headers.items())
