"""What the HTTP headers of a server's answers say, and which servers were asked, which git itself does not tell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO
from urllib.parse import urlsplit

from git_hybrid.core.errors import NetworkFailure
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.lfsanswers import Led, last_status

_CONTENT_TYPE = pattern(rb"<= Recv header: content-type:\s*([^\r\n]*)", re.IGNORECASE)
_RETRY_AFTER = pattern(rb"<= Recv header: retry-after:\s*([^\r\n]{1,40})", re.IGNORECASE)
_ASKED = pattern(rb"=> Send header: host:\s*([^\r\n]*)", re.IGNORECASE)
_ASKED_BY_LFS = pattern(rb"^\S+ trace git-lfs: HTTP: [A-Z]+ ([a-z]+://[^\s/?#]*)", re.MULTILINE | re.IGNORECASE)


class Headers(Struct, frozen=True):
    """An open file without a name, and the variable by which the program that asks is told to write there.

    ``check`` looks at it meanwhile, and may raise.
    """

    file: IO[bytes]
    variable: str = "GIT_TRACE_CURL"
    check: Callable[[], None] | None = None

    @property
    def wanted(self) -> Mapping[str, str]:
        """What a child is given, beside the file, in order that it writes there; git hides credentials."""
        return {
            self.variable: f"/dev/fd/{self.file.fileno()}",
            "GIT_TRACE_CURL_NO_DATA": "1",
            "GIT_TRACE_REDACT": "1",
        }


@contextmanager
def headers_file(url: str, *, of_lfs: bool = False) -> Iterator[Headers | None]:
    """Yield a file for HTTP headers: git itself tells no Retry-After, and of several redirects the last.

    None where there are none: only git-lfs goes on to https from elsewhere.

    It has no name, so that nobody else reads it, and nothing of it stays when the program is killed: git hides what it
    knows to be a credential, and a header of the user's own it does not know.
    """
    if not of_lfs and not url.startswith("https://"):
        yield None
        return
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        yield Headers(file, "GIT_TRACE", Led(file, url).check) if of_lfs else Headers(file)


class Answer(Struct, frozen=True):
    """What the HTTP headers say: how long to wait, and what kind of answer it was ("" where there are no headers).

    ``asked`` are the servers that were asked, as URLs without a path, in that order; ``status`` is the HTTP status of
    the last answer that git-lfs got, 0 where there was none.
    """

    retry_after: float | None = None
    kind: str = ""
    asked: tuple[str, ...] = ()
    status: int = 0

    @property
    def is_git(self) -> bool:
        """Tell whether a git server answered, as far as it can be told."""
        return not self.kind or self.is_surely_git

    @property
    def is_surely_git(self) -> bool:
        """Tell whether the answer came by the protocol of git: a server of plain files need not name a kind."""
        return self.kind.startswith("application/x-git-")


def read_headers(headers: Headers | None) -> Answer:
    """Return what the headers of the last answers say."""
    if headers is None:
        return Answer()
    headers.file.seek(0)
    data = headers.file.read()
    asked, kinds = _RETRY_AFTER.findall(data), _CONTENT_TYPE.findall(data)
    kind = next((item for item in kinds if item.startswith(b"application/x-git-")), kinds[-1] if kinds else b"")
    servers = [*(b"https://" + host.strip() for host in _ASKED.findall(data)), *_ASKED_BY_LFS.findall(data)]
    return Answer(
        seconds_of(asked[-1].decode("ascii", "replace")) if asked else None,
        kind.decode("ascii", "replace").strip(),
        tuple(dict.fromkeys(server.decode("ascii", "replace") for server in servers)),
        last_status(data),
    )


def seconds_of(text: str) -> float | None:
    """Return how long Retry-After asks to wait: a number of seconds or a date (RFC 9110, 10.2.3); else None."""
    text = text.strip()
    if text.isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # A date without a zone would be compared with our local time.
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def not_git(url: str, answer: Answer) -> NetworkFailure:
    """Return the failure of a server that answers in another tongue: a portal, or a broken load balancer."""
    return NetworkFailure(
        url=url, message=f"the server answered with {answer.kind}, not with git's protocol", kind="not-git"
    )


def host_of(url: str) -> str:
    """Return the host in *url*, in lower case; nothing if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def led_to(url: str, answer: Answer) -> tuple[str, ...]:
    """Return the servers that were asked though nobody had named them: not *url*, and not what a setting made of it."""
    first = host_of(answer.asked[0]) if answer.asked and url.startswith("https://") else None
    return tuple(server for server in answer.asked if host_of(server) != first or not server.startswith("https://"))
