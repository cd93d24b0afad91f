"""Where servers lead whoever asks them: git goes there only once that was judged.

By itself git follows a redirect, and shows the host it leads to a login, before its own word on it can be read.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from git_hybrid.core.errors import HostNotAllowed, InsecureRedirect, NetworkFailure, RedirectLoop
from git_hybrid.core.pattern import pattern
from git_hybrid.core.value import replace
from git_hybrid.git.answers import Answer, host_of, led_to, plain
from git_hybrid.git.environment import led_nowhere
from git_hybrid.git.limits import Limits, end_of
from git_hybrid.git.run import Runner

_STATUS = pattern(r"^fatal: unable to access .*: The requested URL returned error: 30\d\b", re.MULTILINE)
_ASKED_FOR = "/info/refs?service=git-upload-pack"
"""What git asks for first; from anywhere else it is never sent on (http.followRedirects in git-config(1))."""
_MOST = 20


class Trail:
    """The way from *url* to what serves it, where hosts have to be judged; else git goes it alone."""

    def __init__(self, url: str, limits: Limits, *, judged: bool) -> None:
        """Begin at *url*; nothing that is asked on the way outlasts *limits*, which hold for all of it."""
        self.url, self._limits, self._judged = url, limits, judged
        self._end = end_of(limits.deadline)
        # Where it was led to; what the settings of the user made of the URL itself is not known here.
        self._now, self._before = url, set[str]()

    @property
    def now(self) -> str:
        """The URL that is asked now."""
        return self._now

    @property
    def limits(self) -> Limits:
        """How long the next step may take."""
        left = timedelta(seconds=max(self._end - time.monotonic(), 0.0))
        return replace(self._limits, deadline=left) if self._before else self._limits

    def settings(self, runner: Runner) -> list[str]:
        """Return the settings with which git goes nowhere by itself, whatever those of the user's that *runner* has.

        Where a server led to is asked as it stands: a cache in front of it sends on what it has not, and by the user's
        ``insteadOf`` that would come back to the cache.
        """
        if not self._judged:
            return []
        as_it_is = [f"url.{self._now}.insteadOf={self._now}"] if self._before and "=" not in self._now else []
        return [*led_nowhere(runner.chosen | runner.conditional), *as_it_is]

    def asking(self, arguments: Sequence[str]) -> list[str]:
        """Return *arguments* with the URL that is to be asked now."""
        return [self._now if word == self.url else word for word in arguments]

    def goes_on(self, stderr: str, answer: Answer, allowed_host: Callable[[str], bool]) -> bool:
        """Tell whether git, which said *stderr*, was sent on; then the next to be asked is there.

        Raises:
            HostNotAllowed, InsecureRedirect: it may not be asked there.
            RedirectLoop: it was sent on too often.
            NetworkFailure: no repository is there.
        """
        if not self._judged or not answer.moved or not _STATUS.search(stderr):
            return False
        refuse_elsewhere(self.url, led_to(self.url, (*answer.asked[:1], answer.moved)), allowed_host)
        base, tail, _ = answer.moved.partition(_ASKED_FOR)
        if not tail or "?" in base or "#" in base:
            told = f"the server leads to {plain(answer.moved)}, and to no repository there"
            raise NetworkFailure(url=self.url, message=told, kind="not-git")
        if base in self._before:
            raise RedirectLoop(url=self.url, message="it leads back to where it was asked before")
        if len(self._before) == _MOST:
            raise RedirectLoop(url=self.url, message=f"more than {_MOST} redirects, one after the other")
        self._before.add(base)
        self._now = _with_user(base, urlsplit(self._now).netloc)
        return True


def _with_user(url: str, before: str) -> str:
    """Return *url* with the user that was asked as *before* at the same host, and no other."""
    parts = urlsplit(url)
    server = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=before if before.rpartition("@")[2] == server else server).geturl()


def refuse_elsewhere(
    url: str, servers: Sequence[str], allowed_host: Callable[[str], bool], *, by_lfs: bool = False
) -> None:
    """Raise if the server at *url* led to one of *servers* that may not be asked; *by_lfs*: for content of Git LFS.

    Raises:
        HostNotAllowed: policy does not have the host.
        InsecureRedirect: it is not asked over https.
    """
    for server in servers:
        host, is_secure = host_of(server), server.startswith("https://")
        if (host or is_secure) and not allowed_host(host):
            raise HostNotAllowed(name="", host=host)
        if not is_secure:
            target = plain(server) if host else server.partition(":")[0]
            raise InsecureRedirect(url=url, message="", target=target, by_lfs=by_lfs)
