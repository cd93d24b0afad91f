"""The options of a git that asks a server, beside those that each git gets.

It begins in the folder that the user stands in: paths in their settings and variables (``ssh -i KEY``) are of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from git_hybrid.git.environment import repository_options, silenced
from git_hybrid.git.fsck import fsck_settings
from git_hybrid.git.limits import DeadlineExceeded, Limits
from git_hybrid.git.silence import Hearing

# How git asks a helper, and any other program (gitcredentials(7)).
_GET, _QUESTIONS = b"get", (b"Username for ", b"Password for ")
ASKING = ("GIT_ASKPASS", "SSH_ASKPASS")
"""The variables that name a program which answers for the user."""
_ASKED = "core.askpass"
_OF_REMOTES, _ASKED_AT, _OPERANDS = "includeif.hasconfig:", "remote.git-hybrid-asked.url", "--end-of-options"
_LIMITS = ("GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME")


def network_settings(
    environ: Mapping[str, str], chosen: Iterable[str], stall: timedelta, arguments: Sequence[str] = ()
) -> list[str]:
    """Return the settings of the step *arguments*, which may stand still for *stall*; *chosen* are keys of the user's.

    Raises:
        BadArgument: as :func:`git_hybrid.git.environment.silenced`.
    """
    keys = frozenset(chosen)
    settings = [*fsck_settings("fetch.fsck"), *silenced(keys)]
    if _ASKED in keys or any(environ.get(key) for key in ASKING):
        # A git from 2.47 on would not ask even that program.
        settings.append("credential.interactive=true")
    if _OPERANDS in arguments and any(key.startswith(_OF_REMOTES) for key in keys):
        # Of a clone that is made the remotes are known; this is so before there is one.
        settings.append(f"{_ASKED_AT}={arguments[arguments.index(_OPERANDS) + 1]}")
    if any(environ.get(key) for key in _LIMITS):
        return settings
    return [*settings, "http.lowSpeedLimit=1000", f"http.lowSpeedTime={max(int(stall.total_seconds()), 1)}"]


def naming(pid: int, check: Callable[[], None], limits: Limits, tell: Callable[[str, str], None]) -> Callable[[], None]:
    """Return *check*, which at the deadline of the git *pid* tells as well whether a login was waited for.

    It sees too that the git is not kept waiting for nothing (:mod:`git_hybrid.git.silence`).
    """
    hearing = Hearing(pid, limits, tell) if limits.url else None

    def checked() -> None:
        try:
            check()
            if hearing is not None:
                hearing.check()
        except DeadlineExceeded as late:
            late.waited_for = _asked_for_login(pid)
            raise

    return checked


def _asked_for_login(pid: int) -> str:
    """Return what git, which is *pid*, has started for a login and waits for; nothing where that is not so."""
    from git_hybrid.git.memory import started_by

    for started in started_by(pid):
        with suppress(OSError):
            last = Path(f"/proc/{started}/cmdline").read_bytes().rstrip(b"\0").rpartition(b"\0")[2]
            if last == _GET or last.endswith(b" " + _GET):
                return "the credential helper"
            if last.startswith(_QUESTIONS):
                return "the program that is asked for logins"
    return ""


def network_options(git_dir: Path | None) -> list[str]:
    """Return the options for the repository at *git_dir*: the user's folder is no working tree of it."""
    # One that is bare has none; with one it would refuse to change its branches.
    return repository_options(git_dir, git_dir if git_dir is not None and git_dir.name == ".git" else None)
