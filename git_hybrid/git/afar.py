"""Fetch one ref from a server over https: the requests that git makes, on a connection that is kept, and index-pack.

``git clone`` and ``git fetch`` start a program that speaks HTTP, and with it TLS, anew for each repository: three round
trips before the first request, and more work than a small repository is. What comes passes the same checks here
(:mod:`git_hybrid.git.receiving`). Where the server may not be asked like that, or does not simply answer
(:mod:`git_hybrid.git.servers`), git fetches; once anything went wrong the next try is git's as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from git_hybrid.core.errors import GitFailed, NetworkFailure, RefMissing
from git_hybrid.core.value import Struct, replace
from git_hybrid.git.classify import UNKNOWN, classify_network
from git_hybrid.git.direct import Direct
from git_hybrid.git.limits import Limits, end_of
from git_hybrid.git.pktline import (
    Garbled,
    Lines,
    answer_of,
    lines_of,
    pieces_of_pack,
    question_of,
    require_version_2,
    wanted_beyond,
)
from git_hybrid.git.receiving import Fetch, Wanted, add_pack, bring
from git_hybrid.git.run import Runner
from git_hybrid.git.watched import Listener

if TYPE_CHECKING:
    from git_hybrid.git.servers import Servers

_SHA1 = 40


class Afar(Struct, frozen=True):
    """Fetches from https servers, or says that git has to; *allowed_host* is asked about hosts that they name."""

    runner: Runner
    direct: Direct
    allowed_host: Callable[[str], bool]

    def fetch(self, fetch: Fetch) -> bool:
        """Do *fetch*; False leaves it to git, the stage as it was.

        A stage that has what a store of the object cache has, or borrows from a clone, gets what is new since then.

        Raises:
            NetworkFailure: the server is too busy, breaks off, or stalls.
            RefMissing, AccessDenied, RepositoryNotFound: what it answered.
            FsckRefused, MalformedObjects: what it sent is not sound.
            DeadlineExceeded: it took too long.
            Interrupted: the program was asked to stop.
        """
        url, servers = fetch.url, self.direct.server_of(fetch.url)
        if servers is None:
            return False
        limits = Limits(stall=fetch.defaults.stall, deadline=fetch.defaults.deadline)

        def receive(wants: Wanted) -> str | None:
            with self.runner.working() as threads:
                return self._received(servers, url, wants, threads, limits)

        brought = False
        try:
            brought = bring(self.runner, fetch, receive)
        finally:
            if not brought:
                self.direct.leave_to_git(url)
        return brought

    def _received(
        self, servers: Servers, url: str, wants: Wanted, threads: tuple[str, ...], limits: Limits
    ) -> str | None:
        """Receive what upstream's ref has beyond what is known; return its id, or None if that has not worked."""
        end = end_of(limits.deadline)
        told = servers.discover(url, limits, self.allowed_host)
        if told is None:
            return None
        require_version_2(lines_of(told))
        listed = servers.ask(url, question_of(wants.ref), self._left(limits, end), is_git_s=True)
        if listed is None:
            return None
        oid = answer_of(lines_of(listed), wants.ref)
        if oid is None:
            raise RefMissing(name="", ref=wants.ref, url=url)
        if len(oid) != _SHA1 or oid in wants.known:
            return oid if oid in wants.known else None
        listener, check = Listener(wants.watch), partial(self.runner.check, end)
        with servers.asking(url, wanted_beyond(oid, wants.haves), self._left(limits, end), is_git_s=True) as read:
            if read is None:
                return None
            lines = Lines(read)
            try:
                is_taken = add_pack(self.runner, pieces_of_pack(lines), wants, threads, check, listener)
            except Garbled as error:
                raise NetworkFailure(url=url, message="protocol error: bad packets, or too few", kind="cut") from error
            if is_taken:
                lines.require_end()
        if not is_taken:
            words = listener.words.decode("utf-8", "replace")
            failure = classify_network(words, url=url, status=1, command="git index-pack")
            if isinstance(failure, GitFailed) or getattr(failure, "kind", "") == UNKNOWN:
                return None
            raise failure
        return oid

    def _left(self, limits: Limits, end: float) -> Limits:
        """Return *limits* with what is left until *end*."""
        self.runner.check(end)
        return replace(limits, deadline=timedelta(seconds=end - time.monotonic()))
