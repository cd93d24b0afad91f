"""A TCP proxy that dies as told: refuses, says nothing, or breaks the stream from the server at one byte."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Literal, Self

Break = Literal["none", "mute", "fin", "rst", "stall"]
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_POLL = 0.05


class Proxy:
    """Passes a port of its own on to `target`, from `__enter__` to `__exit__`; `after` counts bytes of the server."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.how: Break = "none"
        self.after = 0
        self.connections = 0
        self.passed = 0
        self.port = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def fail(self, how: Break, after: int = 0) -> None:
        """Break each connection from now on."""
        self.how, self.after, self.connections, self.passed = how, after, 0, 0

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Close the port for the block."""
        self._end()
        try:
            yield
        finally:
            self._listen()

    def _listen(self) -> None:
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self._listener.settimeout(_POLL)
        self.port = self._listener.getsockname()[1]
        self._start(self._accept, self._listener, self._stop)

    def _end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._listener.close()

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                client, _ = listener.accept()
                self.connections += 1
                self._start(self._mute if self.how == "mute" else self._pass, client, stop)

    @staticmethod
    def _mute(client: socket.socket, stop: threading.Event) -> None:
        with client:
            stop.wait()

    def _pass(self, client: socket.socket, stop: threading.Event) -> None:
        with client, socket.create_connection(("127.0.0.1", self.target)) as server:
            up = threading.Thread(target=_pump, args=(client, server, stop))
            up.start()
            try:
                self._down(server, client, stop)
            finally:
                for end in (server, client):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                up.join()

    def _down(self, server: socket.socket, client: socket.socket, stop: threading.Event) -> None:
        sent = 0
        for data in _read(server, stop):
            whole = self.how == "none" or sent + len(data) <= self.after
            try:
                client.sendall(data if whole else data[: self.after - sent])
            except OSError:
                return
            sent += len(data)
            self.passed = max(self.passed, sent)
            if not whole:
                if self.how == "stall":
                    stop.wait()
                if self.how == "rst":
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                    client.close()
                return


def _pump(source: socket.socket, sink: socket.socket, stop: threading.Event) -> None:
    with contextlib.suppress(OSError):
        for data in _read(source, stop):
            sink.sendall(data)


def _read(source: socket.socket, stop: threading.Event) -> Iterator[bytes]:
    """Yield what comes until the other end or `stop` ends it; another thread may write to the same socket."""
    while not stop.is_set():
        try:
            if not select.select([source], [], [], _POLL)[0]:
                continue
            data = source.recv(65536)
        except (OSError, ValueError):
            return
        if not data:
            return
        yield data
