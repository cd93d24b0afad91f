"""A server of files on loopback that knows nothing of git, behind TLS."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.pki import Pki


class _Static(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Kindless(_Static):
    def send_header(self, keyword: str, value: str) -> None:
        """Send all but of what kind a file is."""
        if keyword.lower() != "content-type":
            super().send_header(keyword, value)


@contextmanager
def static_server(folder: Path, pki: Pki, *, says_kind: bool = True) -> Iterator[str]:
    """Serve *folder* for the block; the base URL."""
    handler = partial(_Static if says_kind else _Kindless, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.cert, pki.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
