"""The options of a git that asks a server, beside those that each git gets.

It begins in the folder that the user stands in: paths in their settings and variables (``ssh -i KEY``) are of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from git_hybrid.git.environment import repository_options, silenced
from git_hybrid.git.fsck import fsck_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

ASKING = ("GIT_ASKPASS", "SSH_ASKPASS")
"""The variables that name a program which answers for the user."""
_ASKED = "core.askpass"
_LIMITS = ("GIT_HTTP_LOW_SPEED_LIMIT", "GIT_HTTP_LOW_SPEED_TIME")


def network_settings(environ: Mapping[str, str], chosen: Iterable[str], stall: timedelta) -> list[str]:
    """Return the settings of a network step, which may stand still for *stall*; *chosen* are keys of the user's.

    Raises:
        BadArgument: as :func:`git_hybrid.git.environment.silenced`.
    """
    keys = frozenset(chosen)
    settings = [*fsck_settings("fetch.fsck"), *silenced(keys)]
    if _ASKED in keys or any(environ.get(key) for key in ASKING):
        # A git from 2.47 on would not ask even that program.
        settings.append("credential.interactive=true")
    if any(environ.get(key) for key in _LIMITS):
        return settings
    return [*settings, "http.lowSpeedLimit=1000", f"http.lowSpeedTime={max(int(stall.total_seconds()), 1)}"]


def network_options(git_dir: Path | None) -> list[str]:
    """Return the options for the repository at *git_dir*: the user's folder is no working tree of it."""
    # One that is bare has none; with one it would refuse to change its branches.
    return repository_options(git_dir, git_dir if git_dir is not None and git_dir.name == ".git" else None)
