"""Ask git servers over https without a git process, where git would do nothing else for its user.

A server is asked directly only where neither the user's configuration nor the environment could have a say
(:mod:`git_hybrid.git.permitted`), and only a plain answer counts. Everything else (a login, a redirect, an old
protocol, a certificate that is not trusted) is left to git, whose words and decisions stand.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from urllib.parse import urlsplit

from git_hybrid import __version__
from git_hybrid.core.errors import HybridError, NetworkFailure
from git_hybrid.git import keptalive
from git_hybrid.git.answers import seconds_of
from git_hybrid.git.classify import classify_network
from git_hybrid.git.permitted import Policy, is_plain
from git_hybrid.git.run import Limits
from git_hybrid.git.wire import NotUnderstood

_HEADERS = {
    # Servers tell a git from a browser by its first word; libgit2 says the same.
    "User-Agent": f"git/2.0 (git-hybrid {__version__})",
    "Accept": "application/x-git-upload-pack-result",
    "Content-Type": "application/x-git-upload-pack-request",
    "Git-Protocol": "version=2",
}
_KIND = "application/x-git-upload-pack-result"
_OK = 200
_MOST = 64 << 20
_BUSY = (408, 425, 429, 503)
_SERVER_ERROR = 500


class Servers:
    """Servers whose connections are kept. Safe to be used by many threads."""

    def __init__(self, policy: Policy, cancelled: Callable[[], int]) -> None:
        """Ask only where *policy* lets us; *cancelled* returns the number of a signal that asks to stop, or 0."""
        self._policy, self._cancelled = policy, cancelled
        self._lock = threading.Lock()
        self._client: keptalive.KeptAlive | None = None
        self._answered: set[str] = set()
        self._refused: set[str] = set()

    def may_ask(self, url: str) -> bool:
        """Tell whether the server at *url* may be asked, and has not shown that only git gets an answer."""
        if not (self._policy.https and url.startswith("https://")):
            return False
        parts = urlsplit(url)
        return is_plain(url, parts) and (parts.netloc not in self._refused or parts.netloc in self._answered)

    def ask(self, url: str, body: bytes, limits: Limits) -> bytes | None:
        """Return the whole answer to *body*, a request of version 2 of git's protocol; None: git has to ask.

        Raises:
            as :meth:`asking` does.
        """
        pieces, size = list[bytes](), 0
        with self.asking(url, body, limits) as read:
            while read is not None and (piece := read()):
                pieces.append(piece)
                size += len(piece)
                if size > _MOST:
                    return None
        return None if read is None else b"".join(pieces)

    @contextmanager
    def asking(self, url: str, body: bytes, limits: Limits) -> Iterator[Callable[[], bytes] | None]:
        """Yield what reads the answer to *body* piece by piece, an empty one at its end; None: git has to ask.

        Raises:
            NetworkFailure: the server is too busy, stalls, or breaks off, having answered before.
            NotUnderstood: no answer came, for a reason that git has to tell.
            DeadlineExceeded: it took too long.
            Interrupted: a signal asked to stop.
        """
        parts = urlsplit(url)
        target, place = f"{parts.path.rstrip('/')}/git-upload-pack", (parts.hostname or "", parts.port or 443)
        try:
            with self._connections().asking(*place, target, body=body, headers=_HEADERS, limits=limits) as reply:
                answer = reply.answer
                if self._is_busy(parts.netloc, answer.status):
                    raise _as_git_says(
                        url, f"The requested URL returned error: {answer.status}", seconds_of(answer.retry_after)
                    )
                if answer.status == _OK and answer.kind == _KIND:
                    self._answered.add(parts.netloc)
                    yield reply.read
                else:
                    # Others of the same server would cost a request in vain too, unless it has answered before.
                    self._refused.add(parts.netloc)
                    yield None
        except keptalive.Stalled as error:
            seconds = int(limits.stall.total_seconds())
            told = f"Operation too slow. Less than 1000 bytes/sec transferred the last {seconds} seconds"
            raise _as_git_says(url, told) from error
        except keptalive.Broken as error:
            told = _words(error.__cause__, *place)
            if not told or parts.netloc not in self._answered:
                self._refused.add(parts.netloc)
                raise NotUnderstood from error
            raise _as_git_says(url, told) from error

    def _is_busy(self, netloc: str, status: int) -> bool:
        """Tell whether *status* may pass; of a server that has never answered, an error may mean this way of asking."""
        return status in _BUSY or (status >= _SERVER_ERROR and netloc in self._answered)

    def close(self) -> None:
        """Close what connections are kept."""
        if self._client is not None:
            self._client.close()

    def _connections(self) -> keptalive.KeptAlive:
        with self._lock:
            if self._client is None:
                authorities = self._policy.authorities
                self._client = keptalive.KeptAlive(authorities=authorities, cancelled=self._cancelled)
            return self._client


def _words(cause: BaseException | None, host: str, port: int) -> str:
    """Return what git's own transport says where *cause* broke a connection; "" where git is to tell."""
    match cause:
        case ConnectionRefusedError():
            return f"{host}:{port}: Connection refused"
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError() | ConnectionError():
            return "Recv failure: Connection reset by peer"
        case IncompleteRead():
            return "transfer closed with outstanding read data remaining"
        case TimeoutError():
            return "Connection timed out"
        case _:
            return ""


def _as_git_says(url: str, told: str, retry_after: float | None = None) -> HybridError:
    failure = classify_network(
        f"fatal: unable to access '{url}/': {told}", url=url, status=128, command="git ls-remote"
    )
    if isinstance(failure, NetworkFailure):
        failure.retry_after = retry_after
    return failure
