"""Headless Chromium: what a page becomes, what it says on its console, what it asks for."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECONDS = 100


@dataclass(frozen=True, slots=True)
class Seen:
    """The document after its scripts ran, and the lines of its console."""

    dom: str
    console: list[str]


@dataclass(slots=True)
class Site:
    """A server of pages on the loopback device; `asked` has every path that was asked for."""

    pages: dict[str, str]
    asked: list[str] = field(default_factory=list)
    base: str = ""


def visit(url: str, folder: Path, *options: str) -> Seen:
    """Load `url` and return what it became. `folder` is for the browser's own files.

    Raises:
        AssertionError: there is no Chromium, or it failed.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "this test needs Chromium: install `chromium`"
    profile = folder / "profile"
    argv = [
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--hide-scrollbars",
        "--enable-logging=stderr",
        "--virtual-time-budget=3000",
        f"--user-data-dir={profile}",
        *(options or ("--dump-dom",)),
        url,
    ]
    done = subprocess.run(argv, capture_output=True, timeout=SECONDS, check=False)
    errors = done.stderr.decode(errors="replace")
    assert done.returncode == 0, errors
    return Seen(done.stdout.decode(), [line for line in errors.splitlines() if "CONSOLE" in line])


@contextmanager
def site(pages: dict[str, str]) -> Iterator[Site]:
    """Serve `pages` by their paths; all else is 404, and told."""
    found = Site(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            text = found.pages.get(self.path)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_arguments: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.base = f"http://127.0.0.1:{server.server_port}"
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
