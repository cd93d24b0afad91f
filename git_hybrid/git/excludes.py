"""What git ignores for its user in every repository: the file that core.excludesFile names in the user's settings.

Local steps run without these settings, and are told of this one. Where it is not set git reads the file that stands in
its place (``~/.config/git/ignore``, gitignore(5)) by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.git.environment import child_environment

if TYPE_CHECKING:
    from git_hybrid.git.run import Runner

_KEY = "core.excludesFile"
_ABOUT_IGNORED = ("add", "check-ignore", "status")


def excluding(runner: Runner, arguments: Sequence[str]) -> Sequence[str]:
    """Return the settings for the local git command *arguments*; the user is asked once a run, where it matters."""
    if arguments[0] not in _ABOUT_IGNORED and "--exclude-standard" not in arguments:
        return ()
    if runner.excludes is None:
        env = child_environment(runner.environ, network=True)
        # Not in a repository, whose own settings are not the user's.
        done = runner.run(["git", "config", "--null", "--type=path", "--get", _KEY], env=env, cwd=Path("/"))
        path = done.stdout.decode("utf-8", "surrogateescape").removesuffix("\0")
        runner.excludes = (f"{_KEY}={path}",) if done.status == 0 else ()
    return runner.excludes
