"""What it means when a server does not simply answer: the errors that git's own transport comes to, where that is sure.

The words are git's and curl's, so that :mod:`git_hybrid.git.classify` judges them in one place. Where git might get
further (a login, another place that it is sent to, a server of plain files), nothing is said: git has to ask.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import IncompleteRead
from urllib.parse import urljoin, urlsplit

from git_hybrid.core.errors import HostNotAllowed, HybridError, InsecureRedirect, NetworkFailure
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import Struct
from git_hybrid.git.answers import Answer, later, not_git, plain, seconds_of
from git_hybrid.git.classify import classify_network
from git_hybrid.git.keptalive import Broken, Reply, Unconnected

ADVERTISEMENT, RESULT = "application/x-git-upload-pack-advertisement", "application/x-git-upload-pack-result"
OK = 200
_LOGIN, _FORBIDDEN, _PROXY_LOGIN, _NOT_FOUND, _ERROR, _SERVER_ERROR = 401, 403, 407, 404, 400, 500
MOVED = (301, 302, 303, 307, 308)
_BUSY = (408, 425, 429, 503)
# A server of plain files lists refs like that (gitprotocol-http(5), "dumb clients").
_PLAIN_LINE = pattern(rb"[0-9a-f]{40,64}\t[^\n]*")
# With these a user without a password may get in.
_NEGOTIATED = ("negotiate", "ntlm")


class Asker(Struct, frozen=True, kw_only=True):
    """Who asks: *is_nobody* where git would have no login to show, *allowed_host* tells which hosts policy has."""

    is_nobody: bool
    allowed_host: Callable[[str], bool]


def of_status(url: str, reply: Reply, *, is_git_s: bool, has_answered: bool) -> HybridError | None:
    """Return the failure that the status of *reply* is; None where it is none, or git has to find out.

    With *is_git_s* git itself would have asked that now; else an error may be about this way of asking, as long as the
    server has never answered.
    """
    status = reply.status
    final = is_git_s and status >= _ERROR and status not in (_LOGIN, _PROXY_LOGIN)
    asked = reply.header("Retry-After")[:40]
    # That bounds requests, of which git's would be one more at once.
    is_bounded = status == _FORBIDDEN and bool(asked) and seconds_of(asked) is not None
    if not (final or is_bounded or status in _BUSY or (status >= _SERVER_ERROR and has_answered)):
        return None
    seconds = seconds_of(asked) if asked else None
    failure = later(as_git_says(url, f"The requested URL returned error: {status}"), seconds)
    if isinstance(failure, NetworkFailure):
        failure.retry_after = seconds
    return failure


def of_discovery(url: str, reply: Reply, body: bytes | None, asker: Asker) -> HybridError | None:
    """Return the failure that *reply* is as an answer to what the server can do; None as above.

    *body* is None where it is too long to be read.
    """
    if reply.status == _NOT_FOUND:
        return _classified(url, f"fatal: repository '{url}/' not found")
    if reply.status == _LOGIN and asker.is_nobody:
        wanted = reply.header("WWW-Authenticate").lower()
        return None if any(word in wanted for word in _NEGOTIATED) else _status(url, _LOGIN)
    if reply.status in MOVED:
        return _elsewhere(url, reply.header("Location"), asker)
    if reply.status != OK or body is None or reply.kind.startswith("application/x-git-"):
        return None
    if b"\n" not in body:
        return not_git(url, Answer(kind=reply.kind))
    if _PLAIN_LINE.fullmatch(body.partition(b"\n")[0]):
        return None
    return _classified(url, f"fatal: {url}/info/refs not valid: is this a git repository?")


def _elsewhere(url: str, location: str, asker: Asker) -> HybridError | None:
    try:
        parts = urlsplit(urljoin(url, location))
    except ValueError:
        return None
    if parts.scheme == "http":
        return InsecureRedirect(url=url, message="", target=plain(urljoin(url, location)))
    if parts.scheme != "https":
        return None
    host = parts.hostname or ""
    return None if asker.allowed_host(host) else HostNotAllowed(name="", host=host)


def of_connection(url: str, error: Broken, *, is_git_s: bool) -> HybridError | None:
    """Return the failure that it is when a connection breaks like that; None where git has to tell."""
    cause = error.__cause__
    if not is_git_s:
        return None
    if isinstance(error, Unconnected):
        return as_git_says(url, "Connection refused") if isinstance(cause, ConnectionRefusedError) else None
    if isinstance(cause, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return as_git_says(url, "Recv failure: Connection reset by peer")
    told = "transfer closed with outstanding read data remaining"
    return as_git_says(url, told) if isinstance(cause, IncompleteRead) else None


def as_git_says(url: str, told: str) -> HybridError:
    """Return the error that these words of curl's stand for."""
    return _classified(url, f"fatal: unable to access '{url}/': {told}")


def _status(url: str, status: int) -> HybridError:
    return as_git_says(url, f"The requested URL returned error: {status}")


def _classified(url: str, words: str) -> HybridError:
    return classify_network(words, url=url, status=128, command="git fetch")
