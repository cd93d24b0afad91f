"""The one door to child processes.

Network steps keep the user's git configuration (credential helpers, proxies, insteadOf); local steps run with none.
Hardening goes on the command line as ``-c``: an inherited GIT_CONFIG_PARAMETERS beats the environment, and our own
``-c`` beats both. Secrets are the reverse: they never stand on a command line.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import BadArgument, Interrupted, LocalIo, ToolTooOld

MINIMUM_GIT = (2, 34)
_POLL = 0.1
_GRACE = 3.0

HARDENING = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "safe.bareRepository=explicit",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "transfer.bundleURI=false",
    "promisor.acceptFromServer=none",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",
    "fetch.writeCommitGraph=false",
    "core.fsync=all",
    "gc.auto=0",
    "maintenance.auto=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.useReplaceRefs=false",
    "core.autocrlf=false",
    "credential.interactive=false",
)
# Old repositories carry these in commits that nobody can change any more; none of them harms a checkout.
FSCK_WARNINGS = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "emptyName",
    "gitmodulesMissing",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "multipleAuthors",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
]

# What `git rev-parse --local-env-vars` lists, less the variables that carry configuration; and what leads output,
# templates or helpers astray.
_DROPPED = frozenset(
    [
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_GRAFT_FILE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_COMMON_DIR",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_NAMESPACE",
        "GIT_TEMPLATE_DIR",
        "GIT_ATTR_SOURCE",
        "GIT_QUARANTINE_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_CURL_VERBOSE",
        "GIT_REDACT_COOKIES",
        "GIT_DEFAULT_HASH",
        "GIT_DEFAULT_REF_FORMAT",
        "GIT_REFLOG_ACTION",
        "GIT_LITERAL_PATHSPECS",
        "GIT_GLOB_PATHSPECS",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_DIFF_OPTS",
        "GIT_MERGE_VERBOSITY",
        "GIT_CEILING_DIRECTORIES",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE",
        "GIT_ADVICE",
        "GIT_FLUSH",
        "GIT_PROGRESS_DELAY",
        "GIT_SEQUENCE_EDITOR",
    ]
)
_FIXED = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "LC_ALL": "C",
    "LANGUAGE": "",
}
_LOCAL = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}
_PROTOCOLS = ("https", "ssh", "file")
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oServerAliveCountMax=4"


@dataclass(frozen=True, slots=True)
class Completed:
    """A child that ended: its exit status and everything that it wrote."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a network step may take: without progress, and in all."""

    stall: timedelta
    deadline: timedelta


class DeadlineExceeded(Exception):
    """A child was killed because its time was over."""


def child_environment(environ: Mapping[str, str], *, network: bool) -> dict[str, str]:
    """Return the environment of a git child, made from the caller's.

    Raises:
        BadArgument: GIT_SSL_NO_VERIFY is set, which would make every server trusted.
    """
    if environ.get("GIT_SSL_NO_VERIFY"):
        raise BadArgument(what="GIT_SSL_NO_VERIFY", value="set", reason="certificates are always verified; unset it")
    kept = {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED and not key.startswith(("GIT_TRACE", "GIT_TEST_"))
    }
    if not network:
        kept = {key: value for key, value in kept.items() if not key.startswith("GIT_CONFIG_")}
    allowed = environ.get("GIT_ALLOW_PROTOCOL")
    protocols = [name for name in _PROTOCOLS if allowed is None or name in allowed.split(":")]
    result = kept | _FIXED | {"GIT_ALLOW_PROTOCOL": ":".join(protocols) or "none"}
    # true(1) answers a question for a password with nothing, at once; a login that somebody set up for CI stays.
    result.setdefault("GIT_ASKPASS", "true")
    result.setdefault("SSH_ASKPASS", "true")
    return result if network else result | _LOCAL


def user_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a command of the user's own: theirs, without what points git at another repository."""
    return {
        key: value
        for key, value in environ.items()
        if key not in _DROPPED or key.startswith(("GIT_AUTHOR_", "GIT_COMMITTER_"))
    }


def hardened(extra: Sequence[str] = ()) -> list[str]:
    """Return the ``-c`` options that every git child gets, with *extra* settings behind them."""
    return [part for setting in (*HARDENING, *extra) for part in ("-c", setting)]


def fsck_settings(area: str) -> list[str]:
    """Return the settings that let harmless old faults pass, for *area* ``fetch.fsck`` or ``fsck``."""
    return [f"{area}.{message}=warn" for message in FSCK_WARNINGS]


@dataclass(slots=True)
class Runner:
    """Starts children and ends them: each in a process group of its own, gone when the program is.

    ``cancelled`` returns the number of a signal that asks to stop, or 0.
    """

    environ: Mapping[str, str]
    cancelled: Callable[[], int] = field(default=lambda: 0)
    _prefix: tuple[str, ...] | None = field(default=None, init=False)
    _ssh_environment: dict[str, str] | None = field(default=None, init=False)

    def git(
        self,
        arguments: Sequence[str],
        *,
        git_dir: Path | None = None,
        work_tree: Path | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a local git command: no configuration of the user's, no network."""
        argv = ["git", *hardened(), *_repository(git_dir, work_tree), *arguments]
        env = child_environment(self.environ, network=False) | dict(environment or {})
        return self.run(argv, env=env, cwd=cwd or work_tree or git_dir, stdin=stdin)

    def git_network(
        self, arguments: Sequence[str], *, limits: Limits, git_dir: Path | None = None, cwd: Path | None = None
    ) -> Completed:
        """Run a git command that talks to a server, with the user's configuration.

        Raises:
            DeadlineExceeded: it took longer than the limits allow.
        """
        stall = max(int(limits.stall.total_seconds()), 1)
        extra = fsck_settings("fetch.fsck")
        if not any(self.environ.get(key) for key in ("GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME")):
            extra += ["http.lowSpeedLimit=1000", f"http.lowSpeedTime={stall}"]
        env = child_environment(self.environ, network=True) | self._ssh
        argv = ["git", *hardened(extra), *_repository(git_dir, None), *arguments]
        return self.run(argv, env=env, cwd=cwd or git_dir, deadline=limits.deadline)

    @property
    def _ssh(self) -> dict[str, str]:
        """What ssh needs in order never to ask and never to hang, unless the user chose an ssh command."""
        if self._ssh_environment is None:
            env = child_environment(self.environ, network=True)
            chosen = bool(self.environ.get("GIT_SSH_COMMAND") or self.environ.get("GIT_SSH"))
            chosen = chosen or self.run(["git", "config", "--get", "core.sshCommand"], env=env).status == 0
            self._ssh_environment = {} if chosen else {"GIT_SSH_COMMAND": _SSH}
        return self._ssh_environment

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        stdin: bytes | None = None,
        deadline: timedelta | None = None,
    ) -> Completed:
        """Run *argv* to its end and return what it wrote.

        Raises:
            DeadlineExceeded: *deadline* passed.
            Interrupted: the program was asked to stop.
            ToolTooOld: the program is not installed.
        """
        end = None if deadline is None else time.monotonic() + deadline.total_seconds()
        with self._started(
            argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE
        ) as child:
            data = stdin
            while True:
                try:
                    out, err = child.communicate(data, timeout=_POLL)
                except subprocess.TimeoutExpired:
                    data = None
                    self._check(end)
                    continue
                return Completed(child.returncode, out or b"", (err or b"").decode("utf-8", "replace"))

    def _check(self, end: float | None) -> None:
        if number := self.cancelled():
            raise Interrupted(signal=number)
        if end is not None and time.monotonic() > end:
            raise DeadlineExceeded

    @contextmanager
    def stream(
        self, arguments: Sequence[str], *, git_dir: Path, stdin: IO[bytes] | int = subprocess.DEVNULL
    ) -> Iterator[IO[bytes]]:
        """Run a local git command and yield its output as it comes; leaving the block ends the child."""
        argv = ["git", *hardened(), *_repository(git_dir, None), *arguments]
        env = child_environment(self.environ, network=False)
        with self._started(argv, env=env, cwd=git_dir, stdin=stdin, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            yield child.stdout

    @contextmanager
    def _started(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        stdin: IO[bytes] | int,
        stderr: int = subprocess.PIPE,
    ) -> Iterator[subprocess.Popen[bytes]]:
        try:
            child = subprocess.Popen(
                [*self._die_with_parent, *argv],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            if cwd is not None and not cwd.is_dir():
                raise LocalIo(path=str(cwd), operation="enter", reason="no such folder") from error
            raise ToolTooOld(tool=argv[0], found="nothing", needed=_minimum()) from error
        except OSError as error:
            raise LocalIo(path=argv[0], operation="start", reason=error.strerror or str(error)) from error
        try:
            yield child
        finally:
            if child.poll() is None:
                _end_group(child)
            for pipe in (child.stdout, child.stderr, child.stdin):
                if pipe is not None:
                    pipe.close()

    @property
    def _die_with_parent(self) -> tuple[str, ...]:
        # setpriv(1) sets PR_SET_PDEATHSIG, which exec keeps: a child ends with us even after SIGKILL. Setting it from
        # Python would need preexec_fn, which is not safe with threads.
        if self._prefix is None:
            found = shutil.which("setpriv") if sys.platform == "linux" else None
            self._prefix = (found, "--pdeathsig", "TERM", "--") if found else ()
        return self._prefix


def _repository(git_dir: Path | None, work_tree: Path | None) -> list[str]:
    options = [] if git_dir is None else [f"--git-dir={git_dir}"]
    return options if work_tree is None else [*options, f"--work-tree={work_tree}"]


def _minimum() -> str:
    return ".".join(map(str, MINIMUM_GIT))


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End the child and everything that it started: TERM, a moment of grace, KILL."""
    for number, grace in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        try:
            child.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            continue
        return
