"""Serve bare repositories over https: `python3 -m bench.server ROOT CERT KEY`, `git http-backend` behind HTTP/1.1.

Connections are kept alive, as at every host of repositories. `Site` starts it, and the longer wire before it.
"""

from __future__ import annotations

import io
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self
from urllib.parse import unquote, urlsplit

from bench.sandbox import GIT_ENV, end_with_parent

_CHUNK = 1 << 16
_DAYS = "30"
_NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"


class Site:
    """The server and its wire from `__enter__` to `__exit__`, with an authority and a certificate of its own."""

    def __init__(self, root: Path, folder: Path, *, round_trip: float) -> None:
        self.root = root
        self.round_trip = round_trip
        self.ca = folder / "ca.pem"
        self._cert, self._key = _make_certificate(folder)
        self._children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        port = self._start("bench.server", str(self.root), str(self._cert), str(self._key))
        if self.round_trip > 0:
            port = self._start("bench.delay", str(port), str(self.round_trip))
        self.base_url = f"https://localhost:{port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children:
            child.terminate()
            with child:
                child.wait()

    def _start(self, module: str, *args: str) -> int:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._children.append(child)
        assert child.stdout is not None
        return int(child.stdout.readline())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _CHUNK
    root: ClassVar[str]

    def setup(self) -> None:
        assert isinstance(self.request, ssl.SSLSocket)
        self.request.do_handshake()
        super().setup()

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a POST request."""
        self._answer(self._body())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        env = GIT_ENV | {
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": unquote(parts.path),
            "QUERY_STRING": parts.query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_ADDR": "127.0.0.1",
        }
        with subprocess.Popen(
            ["git", "http-backend"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as backend:
            assert backend.stdin is not None
            assert isinstance(backend.stdout, io.BufferedReader)
            backend.stdin.write(body)
            backend.stdin.close()
            self._pass_on(backend.stdout)

    def _pass_on(self, answer: io.BufferedReader) -> None:
        fields, status = [], 200
        while line := answer.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            if name.lower() == "status":
                status = int(value.split(" ")[0])
            else:
                fields.append((name, value))
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := answer.read1(_CHUNK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are no news."""


def _make_certificate(folder: Path) -> tuple[Path, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names").write_text(_NAMES, encoding="ascii")
    make_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    _openssl(
        folder, "req", "-x509", *make_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", _DAYS, "-subj", "/CN=Bench"
    )
    _openssl(folder, "req", *make_key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    _openssl(folder, "x509", "-req", "-in", "request.pem", *signing, "-out", "cert.pem", "-days", _DAYS)
    return folder / "cert.pem", folder / "key.pem"


def _openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def _serve(root: str, cert: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.set_alpn_protocols(["http/1.1"])
    _Handler.root = root
    server = _Server(("127.0.0.1", 0), _Handler)
    # The handshake is made in the thread of the connection, so that a slow client keeps no other one waiting.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.socket.getsockname()[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    end_with_parent()
    _serve(*sys.argv[1:])
