"""`git http-backend` as a function from a request to a response (see git-http-backend(1))."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import HTTP
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from support.gitenv import git_env

BACKEND_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def ask_backend(root: Path, *, method: str, target: str, headers: Message, body: bytes) -> Reply:
    """Let git answer one request for a repository below `root`.

    The body may be gzip'd: `git http-backend` unpacks it. Pushing is refused, because the
    backend is told of no remote user.

    Raises:
        subprocess.TimeoutExpired: git took longer than `BACKEND_SECONDS`.
    """
    parts = urlsplit(target)
    env = git_env() | {
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(parts.path),
        "QUERY_STRING": parts.query,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(
        [_backend()],
        input=body,
        capture_output=True,
        check=False,
        env=env,
        timeout=BACKEND_SECONDS,
    )
    return _parse(done.stdout)


@cache
def _backend() -> str:
    """Return the program itself: `git http-backend` would be a process that waits for it."""
    said = subprocess.run(["git", "--exec-path"], capture_output=True, check=True, env=git_env(), text=True)
    return f"{said.stdout.strip()}/git-http-backend"


def _parse(output: bytes) -> Reply:
    head, found, body = output.partition(b"\r\n\r\n")
    if not found:
        return Reply(status=500, headers=(), body=b"")
    fields = BytesHeaderParser(policy=HTTP).parsebytes(head + b"\r\n\r\n")
    status = int(fields.get("Status", "200").split(" ")[0])
    kept = tuple((name, value) for name, value in fields.items() if name.lower() != "status")
    return Reply(status=status, headers=kept, body=body)
