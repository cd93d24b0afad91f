"""List the refs of many repositories without a git process for each, where git would do nothing else for its user.

A server is asked directly only where neither the user's configuration nor the environment could have a say, and only a
plain and whole answer counts. Everything else (a login, a redirect, an old protocol, a certificate that is not trusted)
is left to git, whose words and decisions stand.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from git_hybrid import __version__
from git_hybrid.core.errors import HybridError, NetworkFailure
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.pattern import pattern
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.value import Struct
from git_hybrid.git.answers import seconds_of
from git_hybrid.git.classify import classify_network
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import DeadlineExceeded, Limits, Runner
from git_hybrid.git.wire import NotUnderstood, ls_refs, parse_ls_refs

if TYPE_CHECKING:
    from git_hybrid.git.keptalive import Answer, KeptAlive

_HEADERS = {
    # Servers tell a git from a browser by its first word; libgit2 says the same.
    "User-Agent": f"git/2.0 (git-hybrid {__version__})",
    "Accept": "application/x-git-upload-pack-result",
    "Content-Type": "application/x-git-upload-pack-request",
    "Git-Protocol": "version=2",
}
_KIND = "application/x-git-upload-pack-result"
_SETTINGS = r"^(http|url|remote|protocol)\."
_AUTHORITIES = "http.sslcainfo"
_HARMLESS = (_AUTHORITIES, "http.postbuffer")
_VARIABLES = pattern(
    r"(https?|all)_proxy|GIT_SSL_(?!CAINFO$).*|GIT_PROXY_.*|GIT_HTTP_.*",
    re.IGNORECASE,
)
_TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")
# Where systems keep what git trusts; Python's own OpenSSL may have been built to look elsewhere.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_BUSY = (429, 503)


class _Policy(Struct, frozen=True, kw_only=True):
    """What may be asked directly, and which authorities vouch for servers (None: those that Python knows)."""

    https: bool = False
    file: bool = False
    authorities: str | None = None


class Direct:
    """Lists refs directly, or says that git has to be asked. Safe to be used by many threads."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._lock = threading.Lock()
        self._policy: _Policy | None = None
        self._client: KeptAlive | None = None
        self._answered: set[str] = set()
        self._refused: set[str] = set()
        self._by_git: set[str] = set()

    def list_refs(self, url: str, defaults: Defaults, *, head: bool) -> RemoteRefs | None:
        """Return what the server at *url* lists, or None: git has to be asked.

        Raises:
            NetworkFailure: the server is too busy, or a limit was reached; the next try is git's.
            Interrupted: a signal asked to stop.
        """
        if url in self._by_git:
            return None
        limits = Limits(stall=defaults.stall, deadline=defaults.deadline)
        try:
            refs = self._asked(url, limits, head=head)
        except DeadlineExceeded as error:
            seconds = int(limits.deadline.total_seconds())
            raise NetworkFailure(url=url, message=f"no end after {seconds} s", kind="deadline") from error
        except NetworkFailure:
            self._by_git.add(url)
            raise
        except NotUnderstood:
            refs = None
        if refs is None:
            self._by_git.add(url)
        return refs

    def close(self) -> None:
        """Close what connections are kept."""
        if self._client is not None:
            self._client.close()

    def _asked(self, url: str, limits: Limits, *, head: bool) -> RemoteRefs | None:
        if url.startswith("file:///") and "%" not in url and self._allowed.file:
            return self._of_folder(url.removeprefix("file://"), limits, head=head)
        if url.startswith("https://") and self._allowed.https:
            return self._of_server(url, limits, head=head)
        return None

    def _of_folder(self, path: str, limits: Limits, *, head: bool) -> RemoteRefs | None:
        """Ask the program that ``git ls-remote`` would start behind two others."""
        words = ["upload-pack", "--stateless-rpc", path]
        done = self._runner.git_network(words, limits=limits, stdin=ls_refs(head=head), protocol="version=2")
        return parse_ls_refs(done.stdout) if done.status == 0 else None

    def _of_server(self, url: str, limits: Limits, *, head: bool) -> RemoteRefs | None:
        parts = urlsplit(url)
        if not _is_plain(url, parts) or (parts.netloc in self._refused and parts.netloc not in self._answered):
            return None
        answer = self._answer(url, parts, limits, head=head)
        if answer is None or answer.status != 200 or answer.kind != _KIND:
            # Others of the same server would cost a request in vain too, unless it has answered before.
            self._refused.add(parts.netloc)
            return None
        refs = parse_ls_refs(answer.body)
        self._answered.add(parts.netloc)
        return refs

    def _answer(self, url: str, parts: SplitResult, limits: Limits, *, head: bool) -> Answer | None:
        library = import_module("git_hybrid.git.keptalive")
        target = f"{parts.path.rstrip('/')}/git-upload-pack"
        try:
            answer: Answer = self._connections(library).post(
                parts.hostname or "",
                parts.port or 443,
                target,
                body=ls_refs(head=head),
                headers=_HEADERS,
                limits=limits,
            )
        except library.Stalled as error:
            seconds = int(limits.stall.total_seconds())
            told = f"Operation too slow. Less than 1000 bytes/sec transferred the last {seconds} seconds"
            raise _as_git_says(url, told) from error
        except (library.Broken, OSError):
            return None
        if answer.status in _BUSY:
            failure = _as_git_says(url, f"The requested URL returned error: {answer.status}")
            if isinstance(failure, NetworkFailure):
                failure.retry_after = seconds_of(answer.retry_after)
            raise failure
        return answer

    def _connections(self, library: Any) -> KeptAlive:
        with self._lock:
            if self._client is None:
                cancelled = self._runner.cancelled
                self._client = library.KeptAlive(authorities=self._policy_here().authorities, cancelled=cancelled)
            return self._client

    @property
    def _allowed(self) -> _Policy:
        with self._lock:
            return self._policy_here()

    def _policy_here(self) -> _Policy:
        if self._policy is None:
            self._policy = _policy(self._runner)
        return self._policy


def _is_plain(url: str, parts: SplitResult) -> bool:
    """Tell whether *url* is asked for as it stands: no user, nothing that another client would write otherwise."""
    odd = (
        "@" in parts.netloc
        or parts.query
        or parts.fragment
        or any(part in (".", "..") for part in parts.path.split("/"))
    )
    return url.isascii() and url.isprintable() and " " not in url and bool(parts.hostname) and not odd


def _as_git_says(url: str, told: str) -> HybridError:
    return classify_network(f"fatal: unable to access '{url}/': {told}", url=url, status=128, command="git ls-remote")


def _policy(runner: Runner) -> _Policy:
    """Return what may be asked directly, from the environment and the names of the user's settings."""
    environ = runner.environ
    env = child_environment(environ, network=True)
    listed = runner.run(["git", "config", "--null", "--name-only", "--get-regexp", _SETTINGS], env=env)
    if listed.status not in (0, 1):
        return _Policy()
    keys = set(listed.stdout.decode("utf-8", "surrogateescape").split("\0")) - {""}
    # A remote of the workspace's own repository says nothing, unless it is named by a URL.
    if any(
        key.startswith(("url.", "protocol.version")) or (key.startswith("remote.") and "://" in key) for key in keys
    ):
        return _Policy()
    protocols = env["GIT_ALLOW_PROTOCOL"].split(":")
    # git gives settings of its command line to no program that it starts for a local repository.
    inherited = any(name in environ for name in ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"))
    plain = not any(_VARIABLES.fullmatch(name) and value for name, value in environ.items())
    plain = plain and not any(key.startswith("http.") and key not in _HARMLESS for key in keys)
    chosen = environ.get("GIT_SSL_CAINFO") or (_configured(runner, env) if _AUTHORITIES in keys else "")
    authorities = chosen or next((name for name in _SYSTEM if Path(name).is_file()), None)
    trusted = bool(chosen) or _is_usual(environ, authorities)
    return _Policy(
        https=plain and trusted and "https" in protocols,
        file="file" in protocols and not inherited,
        authorities=authorities,
    )


def _configured(runner: Runner, env: Mapping[str, str]) -> str:
    asked = runner.run(["git", "config", "--null", "--type=path", "--get", _AUTHORITIES], env=env)
    return asked.stdout.decode("utf-8", "surrogateescape").rstrip("\0")


def _is_usual(environ: Mapping[str, str], authorities: str | None) -> bool:
    """Tell whether variables that other programs obey name no other authorities than those of the system.

    Which of them count for git depends on what it was built with.
    """
    named = [environ[name] for name in _TRUST if environ.get(name)]
    if authorities is None:
        return not named
    usual = {Path(authorities).resolve(), Path(authorities).parent.resolve()}
    return all(Path(name).resolve() in usual for name in named)
