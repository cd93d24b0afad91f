"""What the HTTP headers of a server's answers say, which git itself does not tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO

from git_hybrid.core.errors import NetworkFailure
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct

_CONTENT_TYPE = pattern(rb"<= Recv header: content-type:\s*([^\r\n]*)", re.IGNORECASE)
_RETRY_AFTER = pattern(rb"<= Recv header: retry-after:\s*([^\r\n]{1,40})", re.IGNORECASE)


@contextmanager
def headers_file(url: str) -> Iterator[IO[bytes] | None]:
    """Yield a file for HTTP headers: git itself tells no Retry-After.

    It has no name, so that nobody else reads it, and nothing of it stays when the program is killed: git hides what it
    knows to be a credential, and a header of the user's own it does not know.
    """
    if not url.startswith("https://"):
        yield None
        return
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        yield file


class Answer(Struct, frozen=True):
    """What the HTTP headers say: how long to wait, and what kind of answer it was ("" where there are no headers)."""

    retry_after: float | None = None
    kind: str = ""

    @property
    def is_git(self) -> bool:
        """Tell whether a git server answered, as far as it can be told."""
        return not self.kind or self.is_surely_git

    @property
    def is_surely_git(self) -> bool:
        """Tell whether the answer came by the protocol of git: a server of plain files need not name a kind."""
        return self.kind.startswith("application/x-git-")


def read_headers(headers: IO[bytes] | None) -> Answer:
    """Return what the headers of the last answers say."""
    if headers is None:
        return Answer()
    headers.seek(0)
    data = headers.read()
    asked, kinds = _RETRY_AFTER.findall(data), _CONTENT_TYPE.findall(data)
    kind = next((item for item in kinds if item.startswith(b"application/x-git-")), kinds[-1] if kinds else b"")
    return Answer(
        seconds_of(asked[-1].decode("ascii", "replace")) if asked else None, kind.decode("ascii", "replace").strip()
    )


def seconds_of(text: str) -> float | None:
    """Return how long Retry-After asks to wait: a number of seconds or a date (RFC 9110, 10.2.3); else None."""
    text = text.strip()
    if text.isdecimal():
        return float(text)
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # A date without a zone would be compared with our local time.
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)


def not_git(url: str, answer: Answer) -> NetworkFailure:
    """Return the failure of a server that answers in another tongue: a portal, or a broken load balancer."""
    return NetworkFailure(
        url=url, message=f"the server answered with {answer.kind}, not with git's protocol", kind="not-git"
    )
