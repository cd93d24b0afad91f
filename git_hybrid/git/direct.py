"""List the refs of many repositories without a git process for each: :mod:`git_hybrid.git.servers`, and folders."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_hybrid.core.errors import DEADLINE, NetworkFailure
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.git.limits import DeadlineExceeded, Limits
from git_hybrid.git.permitted import Policy, policy_of
from git_hybrid.git.pktline import NotUnderstood, ls_refs, parse_ls_refs
from git_hybrid.git.run import Runner
from git_hybrid.git.settings import git_text

if TYPE_CHECKING:
    from git_hybrid.git.servers import Servers


def too_late(url: str, defaults: Defaults, error: DeadlineExceeded) -> NetworkFailure:
    """Return what *error* is: a step which asked *url* took longer than it may in all."""
    told = f"no end after {int(defaults.deadline.total_seconds())} s"
    told += f": {error.waited_for} has not answered" if error.waited_for else ""
    return NetworkFailure(url=url, message=told, kind=DEADLINE)


class Direct:
    """Lists refs directly, or says that git has to be asked. Safe to be used by many threads."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._policy: Policy | None = None
        self._servers: Servers | None = None
        self._by_git: set[str] = set()

    def list_refs(self, url: str, defaults: Defaults) -> RemoteRefs | None:
        """Return what the server at *url* lists, its default branch too, or None: git has to be asked.

        Raises:
            NetworkFailure: the server is too busy, breaks off, or a limit was reached; the next try is git's.
            Interrupted: a signal asked to stop.
        """
        if url in self._by_git:
            return None
        limits = Limits(stall=defaults.stall, deadline=defaults.deadline)
        try:
            refs = self._asked(url, limits)
        except DeadlineExceeded as error:
            raise too_late(url, defaults, error) from error
        except NetworkFailure:
            self._by_git.add(url)
            raise
        except NotUnderstood:
            refs = None
        if refs is None:
            self._by_git.add(url)
        return refs

    def server_of(self, url: str) -> Servers | None:
        """Return what asks the server at *url* directly; None: git has to."""
        if not url.startswith("https://") or not self._allowed.https or url in self._by_git:
            return None
        servers = self._connections()
        return servers if servers.may_ask(url) else None

    def leave_to_git(self, url: str) -> None:
        """From now on *url* is git's."""
        self._by_git.add(url)

    def close(self) -> None:
        """Close what connections are kept."""
        if self._servers is not None:
            self._servers.close()

    def _asked(self, url: str, limits: Limits) -> RemoteRefs | None:
        if url.startswith("file:///") and "%" not in url and self._allowed.file:
            return self._of_folder(url.removeprefix("file://"), limits)
        servers = self.server_of(url)
        answer = None if servers is None else servers.ask(url, ls_refs(), limits)
        return None if answer is None else parse_ls_refs(answer)

    def _of_folder(self, path: str, limits: Limits) -> RemoteRefs | None:
        """Ask the program that ``git ls-remote`` would start behind two others."""
        words = ["upload-pack", "--stateless-rpc", path]
        done = self._runner.git_network(words, limits=limits, stdin=ls_refs(), protocol="version=2")
        return parse_ls_refs(done.stdout) if done.status == 0 else None

    def _connections(self) -> Servers:
        policy = self._allowed
        with self._lock:
            if self._servers is None:
                # Not at the top: TLS costs as much as all that a command with nothing to ask imports.
                library: Any = import_module("git_hybrid.git.servers")
                words = git_text(self._runner, Path("/"))[0].split()
                made: Servers = library.Servers(policy, self._runner.cancelled, words[2] if len(words) > 2 else "2")
                self._servers = made
            return self._servers

    @property
    def _allowed(self) -> Policy:
        with self._lock:
            if self._policy is None:
                self._policy = policy_of(self._runner)
            return self._policy
