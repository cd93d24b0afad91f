"""What servers answer git-lfs: it tells that in its trace, and asks one that leads in a circle for ever."""

from __future__ import annotations

import os
import re
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from git_hybrid.core.errors import (
    AccessDenied,
    EndlessAnswer,
    GitFailed,
    HybridError,
    InsecureRedirect,
    LfsMissing,
    NetworkFailure,
    RedirectLoop,
    RepositoryNotFound,
    WrongContent,
)
from git_hybrid.core.ids import Oid
from git_hybrid.core.pattern import pattern
from git_hybrid.git.classify import classify_network, last_words
from git_hybrid.git.environment import as_options
from git_hybrid.git.lfslogins import LOGINS

if TYPE_CHECKING:
    from git_hybrid.git.run import Completed

EVERYTHING = {
    "lfs.fetchinclude": "",
    "lfs.fetchexclude": "",
    "lfs.fetchrecentalways": "false",
    "lfs.skipdownloaderrors": "false",
    "lfs.storage": "lfs",
}
"""The settings with which git-lfs asks for all of a commit, for no other one, and keeps it in the repository."""
_ASKED = pattern(rb"^\S+ trace git-lfs: HTTP: [A-Z]+ ([a-z]+://[^\s/?#]*)", re.MULTILINE | re.IGNORECASE)
_ANSWERED = pattern(rb"^\S+ trace git-lfs: HTTP: (\d{3})$", re.MULTILINE)
_WAITS = pattern(rb"^\S+ trace git-lfs: tq: enqueue retry #\d+ after (\d{1,9}\.\d+)s for ", re.MULTILINE)
# Git LFS 3.8 does not wait that long, and fails.
_TOO_LONG = pattern(rb"^\S+ trace git-lfs: tq: refusing to retry .*, retry after (\d{1,9})s exceeds ", re.MULTILINE)
_WRONG = pattern(r"^expected OID (?P<expected>[0-9a-f]{64}), got (?P<found>[0-9a-f]{64})", re.MULTILINE)
# The words of a server in it may have lines.
_OBJECT = pattern(r"^\[[0-9a-f]{64}\] [\s\S]{0,4000}?: \[(?P<status>\d{3})\]", re.MULTILINE)
_NOTHING = pattern(r"^(?:missing protocol: .*|\[.*\] The server returned an unknown OID\.|panic: .*)", re.MULTILINE)
"""What git-lfs says of an answer that names nothing it could fetch; some it does not survive."""
# git-lfs gets so much of it that only an answer takes more (git_hybrid.git.memory).
_SPENT = pattern(r"^(?:fatal error: )?(?:runtime: )?(?:out of memory|cannot allocate memory)", re.MULTILINE)
_INSECURE = "refusing insecure redirect"
# Of a server that is a folder.
_WRONG_THERE = pattern(r"\bhas an invalid hash (?P<found>[0-9a-f]{64}), expected (?P<expected>[0-9a-f]{64})")
_LACKED = pattern(r"\bremote missing object (?P<oid>[0-9a-f]{64})\b")
_OF_BATCH = "batch response:"
"""How git-lfs begins what it says of the answer that tells where the objects are; all else is of an object."""
# The address of an object, where git-lfs has no words of its own for the status.
_UNREADABLE = pattern(r" &\{%!.*?\}s\(MISSING\)")
# git-lfs says so as well where nothing more came to be written; its own word before why tells that from a disk.
_UNREAD = pattern(r'cannot write data to temporary file "[^"\n]*": (?=LFS: )')
_GONE, _NO_LFS = (404, 410), (405, 501)
_SHOWN = 3
_FOLLOWED = 20
"""How many redirects in a row are followed, as by git; and how often a login may be asked for in a row."""
_FAILED = 400
_PIECE = 1 << 20
_LEAST, _STEP = 1000, 1.0
_WEIGHED, _PATIENCE = 0.5, 2.0
"""How often, in seconds, what has come is weighed; and how long git-lfs may wait before it asks once more."""


def no_server() -> dict[str, str]:
    """Return the settings of a git-lfs in a local step: it fails for what is not here already, and for nothing else.

    At its URL nothing is served; that of a ``.lfsconfig`` or an ``origin`` counts less. A clone could name another in
    its place (``url.*.insteadOf``), but of several such names the longest counts, and nobody knew this one before.
    """
    nobody = f"file:///dev/null/{secrets.token_hex(16)}"
    return {"lfs.url": nobody, f"url.{nobody}.insteadOf": nobody, **EVERYTHING}


def lfs_arguments(url: str, oid: Oid, asked: str, stall: timedelta) -> list[str]:
    """Return the arguments with which git fetches the LFS content of *oid* for the repository at *url*.

    A server may keep it waiting for *stall*.

    *asked* is what the user's settings make of that. Only over https does the server of content have a place of its
    own: over ssh git-lfs asks the repository where it is, or has all from there, and from a folder it copies.
    """
    server = f"{url.rstrip('/').removesuffix('.git')}.git/info/lfs" if asked.startswith("https://") else url
    # One quick try more is git-lfs's; the others, with their delays, are counted and told by who calls this.
    tries = {"lfs.transfer.maxretries": "1", "lfs.ssh.retries": "1"}
    waits = dict.fromkeys(
        ("lfs.activitytimeout", "lfs.dialtimeout", "lfs.tlstimeout"), f"{max(int(stall.total_seconds()), 1)}"
    )
    settings = {"lfs.url": server, "remote.origin.url": url, **tries, **waits, **EVERYTHING}
    told = [f"{key}={value}" for key, value in settings.items()]
    return [*as_options([*told, *LOGINS]), "lfs", "fetch", "origin", oid]


class Pace:
    """Tells whether as much comes as git asks of its own transfers: git-lfs waits for some answers without an end."""

    def __init__(self, stall: timedelta) -> None:
        """Begin now; *stall* is how long too little may come."""
        self._stall, self._looked = stall.total_seconds(), time.monotonic()
        self._waited, self._came, self._before = 0.0, 0, (0, 0)

    def is_lost(self, traced: int, size: int) -> bool:
        """Tell whether for that long nothing was *traced*, and what is incomplete, now of *size*, grew too slowly.

        Both are counts of bytes. What gets smaller has come to its end.
        """
        before, self._before = self._before, (traced, size)
        last, self._looked = self._looked, time.monotonic()
        # While this program was stopped nobody looked.
        self._waited += min(self._looked - last, _STEP)
        self._came += size - before[1]
        moves = traced != before[0] or size < before[1]
        is_over = self._waited >= self._stall
        is_slow = is_over and not moves and self._came < _LEAST * self._stall
        if moves or is_over:
            self._waited, self._came = 0.0, 0
        return is_slow


class Led:
    """Looks at a trace while git-lfs runs."""

    def __init__(
        self,
        trace: IO[bytes],
        url: str,
        judge: Callable[[Sequence[str]], None],
        folder: str = "",
        most: int = 0,
        stall: timedelta = timedelta.max,
    ) -> None:
        """Begin at the start of *trace*; *url* is what was asked first, and *judge* refuses servers that may not be.

        In *folder* there may be *most* bytes of what has not come to its end. It may stand still for *stall*.
        """
        self._folder, self._most, self._looked = folder, most, 0.0
        self._pace, self._stall = Pace(stall), stall
        self._trace = trace
        self._url = url
        self._judge = judge
        self._servers: tuple[str, ...] = ()
        self._at = 0
        self._counts = (0, 0)
        self._status = 0

    def check(self) -> None:
        """Look at what is new.

        Raises:
            RedirectLoop: the servers lead on and on.
            AccessDenied: they want other credentials again and again.
            EndlessAnswer: they send more than anything that is asked for has.
            NetworkFailure: git-lfs would wait by itself, without a word; or next to nothing comes.
            HybridError: what the judge of servers says.
        """
        self._weigh()
        # Not read(): its place in the file is the one at which git-lfs writes.
        data = os.pread(self._trace.fileno(), _PIECE, self._at)
        whole = data.rfind(b"\n") + 1
        if not whole and len(data) < _PIECE:
            return
        # The end of a piece without an end of a line may be the beginning of one that counts.
        data = data[: whole or _PIECE - 1]
        self._at += len(data)
        if (servers := asked_servers(data, self._servers)) != self._servers:
            self._servers = servers
            self._judge(servers)
        for status in _ANSWERED.findall(data):
            self._status = int(status)
            led, asked = self._counts
            self._counts = (led + 1 if status.startswith(b"3") else 0, asked + 1 if status == b"401" else 0)
            if self._counts[0] > _FOLLOWED:
                raise RedirectLoop(url=self._url, message=f"more than {_FOLLOWED} redirects, one after the other")
            if self._counts[1] > _FOLLOWED:
                raise AccessDenied(url=self._url, message=f"more than {_FOLLOWED} answers 401, one after the other")
        if (waits := _WAITS.search(data)) is not None and (seconds := float(waits[1])) > _PATIENCE:
            raise self._busy(seconds)

    def _weigh(self) -> None:
        now = time.monotonic()
        if not self._folder or now - self._looked < _WEIGHED:
            return
        self._looked, size = now, 0
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._folder):
                with suppress(FileNotFoundError):
                    size += entry.stat(follow_symlinks=False).st_size
        if size > self._most:
            raise EndlessAnswer(
                url=self._url, message="it sends more LFS content than [policy] max_bytes lets anything have"
            )
        # Before, it looks for what it lacks in the tree.
        if self._pace.is_lost(os.fstat(self._trace.fileno()).st_size, size) and self._servers:
            told = f"less than {_LEAST} bytes/sec of LFS content came for {self._stall.total_seconds():.0f} s"
            raise NetworkFailure(url=self._url, message=told, kind="stalled")

    def _busy(self, seconds: float) -> NetworkFailure:
        told = f"it answers with HTTP status {self._status}"
        return NetworkFailure(url=self._url, message=told, kind=f"http-{self._status}", retry_after=seconds)


def asked_servers(trace: bytes, before: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the servers that were asked *before* and in *trace*, as URLs without a path, each once."""
    return tuple(dict.fromkeys((*before, *(found.decode("ascii", "replace") for found in _ASKED.findall(trace)))))


def last_status(trace: bytes) -> int:
    """Return the HTTP status of the last answer in *trace*, 0 where there is none."""
    told = _ANSWERED.findall(trace)
    return int(told[-1]) if told else 0


def asked_wait(trace: bytes) -> float | None:
    """Return the seconds that a server asked to wait for, and git-lfs did not wait; None where none did."""
    told = _TOO_LONG.search(trace)
    return float(told[1]) if told is not None else None


def classify_lfs(stderr: str, *, url: str, status: int, http: int) -> HybridError:
    """Return the error that a failed git-lfs stands for.

    *status* is how it ended, *http* the status of the last answer.
    """
    wrong = _WRONG.search(stderr) or _WRONG_THERE.search(stderr)
    if wrong is not None:
        expected, found = wrong["expected"], wrong["found"]
        return WrongContent(name="", what="LFS content", expected=expected, found=found, url=url)
    if http == 401 and status in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return AccessDenied(url=url, message="the server does not accept the credentials that it was given")
    if lacked := tuple(dict.fromkeys(match["oid"] for match in _LACKED.finditer(stderr))):
        more = f" and {len(lacked) - _SHOWN} more" if len(lacked) > _SHOWN else ""
        return LfsMissing(url=url, message=f"it has no object {', '.join(lacked[:_SHOWN])}{more}")
    if _SPENT.search(stderr):
        return EndlessAnswer(url=url, message="git-lfs gets 1 GiB of memory for what it says")
    if (nothing := _NOTHING.search(stderr)) is not None:
        return LfsMissing(url=url, message=last_words(nothing[0]))
    if http < _FAILED and _INSECURE in stderr:
        return InsecureRedirect(url=url, message="", target="http", by_lfs=True)
    # A server answers for each object as well.
    of_one = _OBJECT.search(stderr)
    failed = int(of_one["status"]) if of_one else http if http >= _FAILED else 0
    stderr = _UNREAD.sub("", _UNREADABLE.sub("", stderr))
    if failed in _NO_LFS and not of_one and _OF_BATCH in stderr:
        plain = f"no Git LFS is served there (HTTP {failed}), as by any server of plain files"
        return LfsMissing(url=url, message=f"{last_words(stderr)}\n{plain}")
    if failed in _GONE and (of_one or _OF_BATCH not in stderr):
        return LfsMissing(url=url, message=last_words(stderr))
    error = classify_network(stderr, url=url, status=status, command="git lfs", http=failed)
    if isinstance(error, RepositoryNotFound) and failed not in (0, *_GONE):
        # It wants to be paid, finds that too large or may not give it out: the repository is there.
        return LfsMissing(url=url, message=error.message, status=failed)
    return error


def failure_of(done: Completed, *, url: str, command: str, http: int) -> HybridError:
    """Return what it means that *command* of git failed at *url*; *http* is the status of the last answer there."""
    if command == "lfs":
        return classify_lfs(done.stderr, url=url, status=done.status, http=http)
    from git_hybrid.git.memory import files_are_bounded

    bounded = files_are_bounded()
    error = classify_network(done.stderr, url=url, status=done.status, command=f"git {command}", bounded=bounded)
    if isinstance(error, GitFailed):
        error.stdout = done.stdout.decode("utf-8", "replace")[:500]
    return error
