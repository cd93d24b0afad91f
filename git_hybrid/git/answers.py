"""What the HTTP headers of a server's answers say, and which servers were asked, which git itself does not tell."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import IO
from urllib.parse import urljoin, urlsplit

from git_hybrid.core.errors import TIMEOUT, AccessDenied, HybridError, NetworkFailure
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.lfsanswers import Led, asked_servers, asked_wait, last_status

_CONTENT_TYPE = pattern(rb"<= Recv header: content-type:\s*([^\r\n]*)", re.IGNORECASE)
_RETRY_AFTER = pattern(rb"<= Recv header: retry-after:\s*([^\r\n]{1,40})", re.IGNORECASE)
_LOCATION = pattern(rb"<= Recv header: location:\s*(?!https:)([a-z][a-z0-9.+-]*://[^\r\n]*)", re.IGNORECASE)
_SENT_ON = pattern(rb"<= Recv header: location:\s*([^\r\n]*)", re.IGNORECASE)
_ASKED_FOR = pattern(rb"=> Send header: (?:GET|POST) (\S+) HTTP/")
_ASKED = pattern(rb"=> Send header: host:\s*([^\r\n]*)", re.IGNORECASE)
_SERVER = pattern(r"^([^:]*://)(?:[^/?#]*@)?([^/?#]*).*", re.DOTALL)
_CONNECTS, _SENDS = b"== Info:   Trying ", pattern(rb"=> Send header: (?:GET|POST) ")
_BOUNDED = "returned error: 403"
_PIECE = 1 << 16


class Headers(Struct, frozen=True):
    """An open file without a name, and the variable by which the program that asks is told to write there.

    ``check`` looks at it meanwhile, and may raise. ``settings`` and the variables ``besides`` are for that program too.
    """

    file: IO[bytes]
    variable: str = "GIT_TRACE_CURL"
    check: Callable[[], None] | None = None
    settings: Sequence[str] = ()
    besides: Mapping[str, str] = MappingProxyType({})

    @property
    def handed(self) -> tuple[tuple[int, ...], Callable[[], None] | None, Sequence[str]]:
        """The descriptor that the child keeps, what looks meanwhile, and the settings."""
        return (self.file.fileno(),), self.check, self.settings

    @property
    def wanted(self) -> Mapping[str, str]:
        """What a child is given, beside the file, in order that it writes there; git hides credentials."""
        return {
            self.variable: f"/dev/fd/{self.file.fileno()}",
            "GIT_TRACE_CURL_NO_DATA": "1",
            "GIT_TRACE_REDACT": "1",
            **self.besides,
        }


class OfLfs(Struct, frozen=True, kw_only=True):
    """What is said of a git-lfs: who judges servers, what it is given of logins (:mod:`git_hybrid.git.lfslogins`).

    In ``folder`` it keeps what it has not yet all of, and that may be ``most`` bytes. ``asked`` is what the user's
    settings make of the URL.
    """

    judge: Callable[[Sequence[str]], None]
    asked: str = ""
    logins: Mapping[str, str] = MappingProxyType({})
    folder: str = ""
    most: int = 0


class Connecting:
    """Looks at a trace while git runs: its own limit for slow transfers begins when a request is sent (libcurl's).

    Before, a server that takes connections and says nothing keeps it waiting for libcurl's five minutes.
    """

    def __init__(self, trace: IO[bytes], url: str, stall: timedelta) -> None:
        """Begin at the start of *trace*; no connection to *url* may take longer than *stall*."""
        self._trace, self._url, self._stall = trace, url, stall.total_seconds()
        self._at = 0
        self._since: float | None = None

    def check(self) -> None:
        """Look at what is new.

        Raises:
            NetworkFailure: no connection came about in time.
        """
        # Not read(): its place in the file is the one at which git writes.
        data = os.pread(self._trace.fileno(), _PIECE, self._at)
        whole = data.rfind(b"\n") + 1 or (len(data) if len(data) == _PIECE else 0)
        self._at += whole
        sent = max((match.start() for match in _SENDS.finditer(data, 0, whole)), default=-1)
        if data.rfind(_CONNECTS, 0, whole) > sent:
            self._since = self._since or time.monotonic()
        elif sent >= 0:
            self._since = None
        if self._since is not None and time.monotonic() - self._since > self._stall:
            raise NetworkFailure(url=self._url, message=f"no connection after {self._stall:.0f} s", kind=TIMEOUT)


@contextmanager
def headers_file(
    url: str, stall: timedelta, *, settings: Sequence[str] = (), of_lfs: OfLfs | None = None
) -> Iterator[Headers | None]:
    """Yield a file for HTTP headers: git itself tells no Retry-After, and of several redirects the last.

    Meanwhile no connection of git's may take longer than *stall*; nor may git-lfs, which it is with *of_lfs*, stand
    still longer, and its judge refuses servers that it may not ask (:func:`led_to`). None where there are no headers:
    from a folder only git-lfs goes on to https.

    It has no name, so that nobody else reads it, and nothing of it stays when the program is killed: git hides what it
    knows to be a credential, and a header of the user's own it does not know.
    """
    if of_lfs is None and not url.startswith(("https://", "ssh://")):
        yield None
        return
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        if of_lfs is not None:
            led = Led(file, url, of_lfs.judge, of_lfs.folder, of_lfs.most, stall)
            yield Headers(file, "GIT_TRACE", led.check, besides=of_lfs.logins)
        else:
            yield Headers(file, check=Connecting(file, url, stall).check, settings=settings)


class Answer(Struct, frozen=True):
    """What the HTTP headers say: how long to wait, and what kind of answer it was ("" where there are no headers).

    ``asked`` are the servers that were asked, as URLs without a path, in that order; ``status`` is the HTTP status of
    the last answer that git-lfs got, 0 where there was none. ``insecure`` is where it redirects to that is not https,
    ``moved`` where git was sent on to at last, with all that may be secret in it; ``at`` is the URL at which a
    repository answered in the end, if that is another one.
    """

    retry_after: float | None = None
    kind: str = ""
    asked: tuple[str, ...] = ()
    status: int = 0
    insecure: str = ""
    moved: str = ""
    at: str = ""

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
    servers = [f"https://{host.decode('ascii', 'replace').strip()}" for host in _ASKED.findall(data)]
    return Answer(
        seconds_of(asked[-1].decode("ascii", "replace")) if asked else asked_wait(data),
        kind.decode("ascii", "replace").strip(),
        asked_servers(data, servers),
        last_status(data),
        next((plain(found.decode("ascii", "replace")) for found in reversed(_LOCATION.findall(data))), ""),
        _moved_to(servers, _ASKED_FOR.findall(data), _SENT_ON.findall(data)),
    )


def _moved_to(servers: Sequence[str], paths: Sequence[bytes], locations: Sequence[bytes]) -> str:
    """Return the URL that the last of *locations* is for whoever asked the last of *servers* for the last path."""
    if not (servers and paths and locations):
        return ""
    try:
        return urljoin(servers[-1] + paths[-1].decode("ascii", "replace"), locations[-1].decode("ascii", "replace"))
    except ValueError:
        return ""


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


def later(failure: HybridError, seconds: float | None) -> HybridError:
    """Return *failure* of a server that asks to wait so many *seconds*, if it does: with 403 it bounds requests."""
    if seconds is None or not isinstance(failure, AccessDenied) or _BOUNDED not in failure.message:
        return failure
    return NetworkFailure(url=failure.url, message=failure.message, kind="http-403")


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


def plain(url: str) -> str:
    """Return scheme, host and port of *url*: the rest may be a secret."""
    return _SERVER.sub(r"\1\2", url).lower()


def led_to(url: str, asked: Sequence[str], *, by_lfs: bool = False) -> tuple[str, ...]:
    """Return which of the servers *asked* nobody had named: not *url*, and not what a setting made of it.

    git goes on to https from elsewhere because of a setting alone, git-lfs also because a server says so: for it *url*
    is what the settings have made of it.
    """
    told = url if by_lfs and not url.startswith("https://") else next(iter(asked), "")
    first = host_of(told) or None
    return tuple(server for server in asked if host_of(server) != first or not server.startswith("https://"))


def elsewhere(url: str, asked: Sequence[str]) -> str:
    """Return the server that git-lfs, which asked for *url*, went on to at last; nothing if it went nowhere else."""
    first = asked[0] if asked and url.startswith("https://") else None
    return asked[-1] if asked and asked[-1] != first else ""
