"""Ask git servers over https without a git process, where git would do nothing else for its user.

A server is asked directly only where neither the user's configuration nor the environment could have a say
(:mod:`git_hybrid.git.permitted`), and only a plain answer counts. Everything else (a login, a redirect, an old
protocol, a certificate that is not trusted) is left to git, whose words and decisions stand.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from git_hybrid import __version__
from git_hybrid.git.keptalive import Broken, KeptAlive, Reply, Request
from git_hybrid.git.limits import Limits, Stalled, Unconnectable
from git_hybrid.git.permitted import Policy, is_plain
from git_hybrid.git.pktline import NotUnderstood
from git_hybrid.git.refusals import (
    ADVERTISEMENT,
    MOVED,
    OK,
    RESULT,
    Asker,
    as_git_says,
    of_connection,
    of_discovery,
    of_status,
)

_HEADERS = {"Git-Protocol": "version=2"}
_DISCOVERY, _SERVICE = "/info/refs?service=git-upload-pack", "/git-upload-pack"
_MOST, _FEW = 16 << 20, 1 << 20
"""How much of an answer is kept, for each of those who ask at the same time; git is left with what is longer."""
_SENT_ON = 3
"""How many redirects it takes until a server counts as one that sends everybody on, as to a login page."""


class Servers:
    """Servers whose connections are kept. Safe to be used by many threads."""

    def __init__(self, policy: Policy, cancelled: Callable[[], int], version: str) -> None:
        """Ask only where *policy* lets us; *cancelled* returns the number of a signal that asks to stop, or 0.

        *version* is that of the git which would ask: servers tell one from a browser by the name, and some do not serve
        old ones.
        """
        self._policy, self._cancelled = policy, cancelled
        self._headers = _HEADERS | {"User-Agent": f"git/{version} (git-hybrid {__version__})"}
        self._lock = threading.Lock()
        self._client: KeptAlive | None = None
        self._answered: set[str] = set()
        self._refused: set[str] = set()
        self._sent_on: Counter[str] = Counter()

    def may_ask(self, url: str) -> bool:
        """Tell whether the server at *url* may be asked, and has not shown that only git gets an answer."""
        if not (self._policy.https and url.startswith("https://")):
            return False
        parts = urlsplit(url)
        return is_plain(url, parts) and (parts.netloc not in self._refused or parts.netloc in self._answered)

    def discover(self, url: str, limits: Limits, allowed_host: Callable[[str], bool]) -> bytes | None:
        """Return what the server says that it can do, in version 2 of git's protocol; None: git has to ask.

        It is what git asks first. *allowed_host* tells which hosts it may send us to.

        Raises:
            HostNotAllowed: it sends us elsewhere.
            RepositoryNotFound: there is nothing.
            as :meth:`asking` does.
        """
        with self._replied(url, None, limits, is_git_s=True) as reply:
            is_plain = reply.status == OK and reply.kind == ADVERTISEMENT
            body = _whole(reply.read, _MOST if is_plain else _FEW)
            if is_plain:
                self._answered.add(urlsplit(url).netloc)
                return body
            asker = Asker(is_nobody=self._policy.nobody, allowed_host=allowed_host)
            failure = of_discovery(url, reply, body, asker)
            failure = failure or of_status(url, reply, is_git_s=True, has_answered=True)
        if failure is not None:
            raise failure
        self._is_git_s(urlsplit(url).netloc, reply.status)
        return None

    def ask(self, url: str, body: bytes, limits: Limits, *, is_git_s: bool = False) -> bytes | None:
        """Return the whole answer to *body*, a request of version 2 of git's protocol; None: git has to ask.

        With *is_git_s* the request is one that git itself would make now: whatever goes wrong goes wrong for git too.

        Raises:
            as :meth:`asking` does.
        """
        with self.asking(url, body, limits, is_git_s=is_git_s) as read:
            return None if read is None else _whole(read, _MOST)

    @contextmanager
    def asking(
        self, url: str, body: bytes, limits: Limits, *, is_git_s: bool = False
    ) -> Iterator[Callable[[], bytes] | None]:
        """Yield what reads the answer piece by piece, an empty one at its end; else as :meth:`ask`.

        Raises:
            NetworkFailure: the server is too busy, stalls, or breaks off; a question of our own must be answered once
                before it counts that a server breaks off, or fails.
            AccessDenied, RepositoryNotFound: the answer to a question of git's.
            NotUnderstood: no answer came, for a reason that git has to tell.
            DeadlineExceeded: it took too long.
            Interrupted: a signal asked to stop.
        """
        netloc = urlsplit(url).netloc
        with self._replied(url, body, limits, is_git_s=is_git_s) as reply:
            failure = of_status(url, reply, is_git_s=is_git_s, has_answered=netloc in self._answered)
            if failure is not None:
                raise failure
            if reply.status == OK and reply.kind == RESULT:
                self._answered.add(netloc)
                yield reply.read
            else:
                self._is_git_s(netloc, reply.status)
                yield None

    @contextmanager
    def _replied(self, url: str, body: bytes | None, limits: Limits, *, is_git_s: bool) -> Iterator[Reply]:
        netloc = urlsplit(url).netloc
        try:
            with self._connections().asking(_request(url, body, self._headers), limits) as reply:
                yield reply
        except Stalled as error:
            seconds = int(limits.stall.total_seconds())
            told = f"Operation too slow. Less than 1000 bytes/sec transferred the last {seconds} seconds"
            if isinstance(error, Unconnectable):
                told = f"Connection timed out after {seconds} seconds"
            raise as_git_says(url, told) from error
        except Broken as error:
            failure = of_connection(url, error, is_git_s=is_git_s or netloc in self._answered)
            if failure is None:
                self._refused.add(netloc)
                raise NotUnderstood from error
            raise failure from error

    def _is_git_s(self, netloc: str, status: int) -> None:
        """Others of the server would cost a request in vain too, unless it answers; a single one may have moved."""
        with self._lock:
            self._sent_on[netloc] += 1
            if status not in MOVED or self._sent_on[netloc] >= _SENT_ON:
                self._refused.add(netloc)

    def close(self) -> None:
        """Close what connections are kept."""
        if self._client is not None:
            self._client.close()

    def _connections(self) -> KeptAlive:
        with self._lock:
            if self._client is None:
                try:
                    self._client = KeptAlive(authorities=self._policy.authorities, cancelled=self._cancelled)
                except OSError as error:
                    # The file of authorities is none.
                    raise NotUnderstood from error
            return self._client


def _request(url: str, body: bytes | None, headers: Mapping[str, str]) -> Request:
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if body is None:
        target = path + _DISCOVERY
    else:
        target = path + _SERVICE
        headers = {**headers, "Accept": RESULT, "Content-Type": "application/x-git-upload-pack-request"}
    host, port = parts.hostname or "", parts.port or 443
    return Request(host=host, port=port, target=target, headers=headers, body=body)


def _whole(read: Callable[[], bytes], most: int) -> bytes | None:
    """Return all that is left to read; None if that is more than *most* bytes."""
    pieces, size = list[bytes](), 0
    while piece := read():
        pieces.append(piece)
        size += len(piece)
        if size > most:
            return None
    return b"".join(pieces)
