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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from git_hybrid.core.errors import BadArgument
from git_hybrid.core.files import FILES, LOCK, LOG, MANIFEST
from git_hybrid.git.environment import asking_environment, on_path, to_read
from git_hybrid.git.place import of_commit, top_of
from git_hybrid.git.scout import Scout

OF_NETWORK = (
    r"^(core\.(sshcommand|askpass|alternaterefscommand)|hook\..*\.command|pack\.threads"
    r"|protocol\.(version|(.*\.)?allow)|(transfer|uploadpack)\.hiderefs|uploadpack\.packobjectshook"
    r"|(url|fetch\.fsck|remote\.git-hybrid|includeif)\..*|http\..*\.(sslverify|followredirects))$"
)
"""The settings of the user's that matter to a network step."""
OF_REPOSITORY = "core.repositoryformatversion"
"""What git writes into the configuration of each repository that it makes: whoever is told of it was told of that."""
CONFIG = (
    "git",
    "config",
    "--null",
    "--show-scope",
    "--get-regexp",
    rf"^((hybrid|advice|color|user|fetch)\.|{OF_REPOSITORY}$)|{OF_NETWORK}",
)
VERSION = ("git", "version")
STAGED = ("git", "cat-file", "--batch")
_WHERE = (":(icase)*sources*", "*.md", ":(icase)state", ":(icase)*/state*")
LISTED = ("git", "ls-files", "--stage", "-z", "--", *_WHERE)
"""What the index has of every workspace of a repository and of what is below its ``sources/``, and its documents."""
_BEFORE = ("MERGE_HEAD", "HEAD^1", "HEAD^2")
_OTHERS = ("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
_MERGED = "GITHEAD_"
_LOGGED = frozenset({"audit", "overrides", "scans"})
_STANDARD = 2
_ROOM = 1 << 20
_PIECE, _MOMENT, _PATIENCE = 1 << 16, 0.0005, 3.0

Key = tuple[tuple[str, ...], str, bytes]
"""A question: the command, the folder that it is about, and what the command reads."""


class Ahead:
    """What was set going; ``close`` ends what nobody wanted after all."""

    def __init__(self, scout: Scout | None = None) -> None:
        """Start with nothing asked and no *scout* but this one."""
        self.scout = scout
        self._asked: dict[Key, tuple[int, int, tuple[int, int]]] = {}

    def ask(self, argv: Sequence[str], folder: str, *, env: Mapping[str, str], stdin: bytes = b"") -> None:
        """Start the git command *argv* in *folder*; where that cannot be done, nothing was asked."""
        ends: list[int] = []
        # posix_spawnp would look for it by our own PATH, and so in the folder where somebody stands.
        if (git := on_path("git", env)) is None:
            return
        with suppress(OSError):
            try:
                # The first three stay ours.
                ends += reversed(os.pipe())
                ends += os.pipe()
                ends += os.pipe()
                ends.append(os.open(os.devnull, os.O_WRONLY))
                holding, held, reading, writing, source, feeding, null = ends
                if min(ends) <= _STANDARD:
                    # Whoever started us had closed some of the first three: one would be put over the other.
                    return
                if sys.platform == "linux":
                    # What git tells does not wait for anybody who takes it.
                    fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _ROOM)
                # Less than a pipe holds, so that nobody has to wait.
                os.write(feeding, stdin)
                words, pipes = ["git", "-C", folder, *to_read(argv)[1:]], (source, writing, null, held)
                actions = [(os.POSIX_SPAWN_DUP2, number, at) for at, number in enumerate(pipes)]
                pid = os.posix_spawn(git, words, env, file_actions=actions, setpgroup=0)
                tie(held, pid)
                self._asked[(tuple(argv), folder, stdin)] = (pid, reading, (holding, held))
                del ends[:3]
            finally:
                for number in ends:
                    os.close(number)

    def answer(
        self, argv: Sequence[str], folder: str, stdin: bytes = b"", *, check: Callable[[], None] = lambda: None
    ) -> bytes | None:
        """Return what the command wrote, once; None where it was not asked, or git did not like it.

        *check* may raise while it is waited for.
        """
        found = self._asked.get((tuple(argv), folder, stdin))
        if found is None:
            return None
        from git_hybrid.git.limits import at_work

        pid, reading, (holding, held) = found
        data = _read_all(reading, at_work(pid, folder, check, argv))
        del self._asked[(tuple(argv), folder, stdin)]
        os.close(reading)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        let_go(holding, held)
        # git config ends with 1 where there is nothing to tell (git-config(1)).
        return data if code == 0 or (code == 1 and not data) else None

    def close(self) -> None:
        """End what is still going on."""
        if self._asked:
            for pid, reading, tied in self._asked.values():
                # It only reads, and leaves nothing half done.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
                _bury(pid)
                for number in (reading, *tied):
                    os.close(number)
            self._asked = {}
        if self.scout is not None:
            self.scout.close()


def tie(held: int, group: int) -> None:
    """Let the process *group* have SIGTERM once nobody holds the other end of *held*, a pipe's reading end.

    The group holds *held* too; one that is gone already needs nothing. See :mod:`git_hybrid.git.tether`.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            fcntl.fcntl(held, fcntl.F_SETSIG, signal.SIGTERM)
            fcntl.fcntl(held, fcntl.F_SETOWN, -group)
            fcntl.fcntl(held, fcntl.F_SETFL, os.O_ASYNC)


def let_go(holding: int, held: int) -> None:
    """Close both ends of a pipe that a group was tied by: what it has left running on purpose goes on."""
    fcntl.fcntl(held, fcntl.F_SETFL, 0)
    os.close(held)
    os.close(holding)


def _bury(pid: int) -> None:
    """Wait for *pid*, which was killed; not for long, since one that waits for a dead disk may not end either."""
    end = time.monotonic() + _PATIENCE
    while not os.waitpid(pid, os.WNOHANG)[0] and time.monotonic() < end:
        time.sleep(_MOMENT)


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


def ask_for_hook(ahead: Ahead, folder: str, checks: Collection[str]) -> None:
    """Ask what the hook that runs *checks* in *folder* asks git about the repository, and a workspace at its top."""
    env = _environment()
    top = top_of(folder, os.environ)
    if env is None or top is None:
        return
    env |= of_commit(os.environ, top)
    ahead.ask(LISTED, top, env=env)
    if os.path.lexists(f"{top}/{MANIFEST}"):
        ahead.ask(STAGED, top, env=env, stdin=staged_question(files_for(checks)))
        if not checks or "audit" in checks:
            ahead.ask(STAGED, top, env=env, stdin=question(witness_names(sides(os.environ), LOG, LOCK)))
    if not checks or "mirrors" in checks:
        ahead.ask(CONFIG, top, env=env)


def _environment() -> dict[str, str] | None:
    try:
        return asking_environment(os.environ)
    except BadArgument:
        return None


def needs_log(checks: Collection[str]) -> bool:
    """Tell whether one of *checks* (none: all) reads the audit log."""
    return not checks or not _LOGGED.isdisjoint(checks)


def files_for(checks: Collection[str]) -> Sequence[str]:
    """Return the files that *checks* read, as they are about to be committed."""
    return (*FILES, LOG) if needs_log(checks) else FILES


def question(names: Iterable[str]) -> bytes:
    """Return what git is asked for *names* where it reads one from each line."""
    return "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")


def staged_question(names: Sequence[str]) -> bytes:
    """Return what ``git cat-file --batch`` is asked for *names* as they are staged."""
    return question(f":./{name}" for name in names)


def sides(environ: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the commits that a commit is made from, and those whose records it may have as well.

    HEAD comes first; then what is being merged, and what HEAD was made from. While ``pre-merge-commit`` runs, git
    names what is merged in variables alone.
    """
    merged = [key.removeprefix(_MERGED) for key in environ if key.startswith(_MERGED)]
    return ("HEAD", *_BEFORE, *(name for name in merged if name.isalnum())), _OTHERS


def witness_names(commits: tuple[tuple[str, ...], tuple[str, ...]], *paths: str) -> list[str]:
    """Return the names that git has for the files of the log at *paths* as *commits* have them."""
    return [f"{side}:./{path}" for side in (*commits[0], *commits[1]) for path in paths]
