"""What is set going before the rest of the program is imported: questions to git that every run asks, and a scout.

A question takes git two to five milliseconds, as long as a dozen imports; both go on at the same time. Where git fails,
or is not there, it is as if nobody had asked: whoever needs the answer asks again, and tells what is wrong.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress

from git_hybrid.core.errors import BadArgument
from git_hybrid.git.environment import child_environment
from git_hybrid.git.scout import Scout

OF_NETWORK = (
    r"^(core\.(sshcommand|alternaterefscommand)|hook\..*\.command|pack\.threads"
    r"|protocol\.version|(transfer|uploadpack)\.hiderefs|uploadpack\.packobjectshook"
    r"|(url|fetch\.fsck|remote\.git-hybrid|includeif)\..*)$"
)
"""The settings of the user's that matter to a network step."""
CONFIG = ("git", "config", "--null", "--get-regexp", rf"^(hybrid|advice|color|user|fetch)\.|{OF_NETWORK}")
VERSION = ("git", "version")
STAGED = ("git", "cat-file", "--batch")
LISTED = ("git", "ls-files", "-z", "--")
"""Followed by patterns: what of them the index has."""
_FILES = (
    "sources.toml",
    "state/sources.lock",
    "state/sources.json",
    "state/sources-overrides.json",
    "state/sources-mirrors.json",
)
LOG = "state/sources-audit.jsonl"
BEFORE = ("MERGE_HEAD", "HEAD^1", "HEAD^2")
"""Commits whose records must all be there as well: what is being merged, and what HEAD was made from."""
_SIDES = ("HEAD", *BEFORE, "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
WITNESS = "".join(f"{side}:./{LOG}\n" for side in _SIDES).encode()
"""What ``git cat-file --batch`` is asked for the log as it was committed."""
_LOGGED = frozenset({"audit", "overrides", "scans"})
# The index in use is the one that the commit is made from: `git commit -a` sets GIT_INDEX_FILE to another.
_OF_COMMIT = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
_STANDARD = 2
_ROOM = 1 << 20
_PIECE, _MOMENT = 1 << 16, 0.0005

Key = tuple[tuple[str, ...], str, bytes]
"""A question: the command, the folder that it is about, and what the command reads."""


class _Numbers:
    """Descriptors that are open."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers

    def close(self) -> None:
        """Close them."""
        for number in self._numbers:
            os.close(number)


class Ahead:
    """What was set going; ``close`` ends what nobody wanted after all."""

    def __init__(self, scout: Scout | None = None) -> None:
        """Start with nothing asked and no *scout* but this one."""
        self.scout = scout
        self._asked: dict[Key, tuple[int, int]] = {}

    def ask(self, argv: Sequence[str], folder: str, *, env: Mapping[str, str], stdin: bytes = b"") -> None:
        """Start the git command *argv* in *folder*; where that cannot be done, nothing was asked."""
        ends: list[int] = []
        with suppress(OSError), closing(_Numbers(ends)):
            ends += os.pipe()
            ends += os.pipe()
            ends.append(os.open(os.devnull, os.O_WRONLY))
            reading, writing, source, feeding, null = ends
            if min(ends) <= _STANDARD:
                # Whoever started us had closed some of the first three: one would be put over the other.
                return
            if sys.platform == "linux":
                # What git tells does not wait for anybody who takes it.
                fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _ROOM)
            # Less than a pipe holds, so that nobody has to wait.
            os.write(feeding, stdin)
            pipes = [(os.POSIX_SPAWN_DUP2, number, at) for at, number in enumerate((source, writing, null))]
            pid = os.posix_spawnp("git", ["git", "-C", folder, *argv[1:]], env, file_actions=pipes)
            self._asked[(tuple(argv), folder, stdin)] = (pid, ends.pop(0))

    def answer(
        self, argv: Sequence[str], folder: str, stdin: bytes = b"", *, check: Callable[[], None] = lambda: None
    ) -> bytes | None:
        """Return what the command wrote, once; None where it was not asked, or git did not like it.

        *check* may raise while it is waited for.
        """
        found = self._asked.get((tuple(argv), folder, stdin))
        if found is None:
            return None
        pid, reading = found
        data = _read_all(reading, check)
        del self._asked[(tuple(argv), folder, stdin)]
        os.close(reading)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        # git config ends with 1 where there is nothing to tell (git-config(1)).
        return data if code == 0 or (code == 1 and not data) else None

    def close(self) -> None:
        """End what is still going on."""
        if self._asked:
            for pid, reading in self._asked.values():
                os.close(reading)
                os.kill(pid, signal.SIGTERM)
                os.waitpid(pid, 0)
            self._asked = {}
        if self.scout is not None:
            self.scout.close()


def _read_all(descriptor: int, check: Callable[[], None]) -> bytes:
    os.set_blocking(descriptor, False)
    pieces: list[bytes] = []
    while True:
        try:
            pieces.append(os.read(descriptor, _PIECE))
        except BlockingIOError:
            check()
            time.sleep(_MOMENT)
            continue
        if not pieces[-1]:
            return b"".join(pieces)


def ask_for_command(ahead: Ahead, root: str) -> None:
    """Ask what every command in the workspace at *root* asks git."""
    env = _environment()
    if env is not None:
        ahead.ask(CONFIG, root, env=env)
        ahead.ask(VERSION, root, env=env)


def ask_for_hook(ahead: Ahead, root: str, checks: Collection[str]) -> None:
    """Ask what the hook that runs *checks* asks git about the workspace at *root*."""
    env = _environment()
    if env is not None:
        ahead.ask(STAGED, root, env=env | of_commit(os.environ), stdin=staged_question(files_for(checks)))
        ahead.ask(CONFIG, root, env=env)
        if not checks or "audit" in checks:
            ahead.ask(STAGED, root, env=env, stdin=WITNESS)
        for check, pattern in (("sources", "sources"), ("open-issues", "*.md")):
            if not checks or check in checks:
                ahead.ask((*LISTED, pattern), root, env=env | of_commit(os.environ))


def _environment() -> dict[str, str] | None:
    try:
        return child_environment(os.environ, network=True)
    except BadArgument:
        return None


def needs_log(checks: Collection[str]) -> bool:
    """Tell whether one of *checks* (none: all) reads the audit log."""
    return not checks or not _LOGGED.isdisjoint(checks)


def files_for(checks: Collection[str]) -> Sequence[str]:
    """Return the files that *checks* read, as they are about to be committed."""
    return (*_FILES, LOG) if needs_log(checks) else _FILES


def staged_question(names: Sequence[str]) -> bytes:
    """Return what ``git cat-file --batch`` is asked for *names*: each as it is staged, and as it is at HEAD."""
    return "".join(f":./{name}\nHEAD:./{name}\n" for name in names).encode()


def of_commit(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that say which index a commit is made from."""
    return {key: environ[key] for key in _OF_COMMIT if key in environ}
