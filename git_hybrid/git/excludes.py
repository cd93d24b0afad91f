"""What git ignores for its user in every repository: the file that core.excludesFile names in the user's settings.

Local steps run without these settings, and are told of this one. Where it is not set git reads the file that stands in
its place (``~/.config/git/ignore``, gitignore(5)) by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_hybrid.git.environment import child_environment, repository_options

if TYPE_CHECKING:
    from git_hybrid.git.run import Runner

_KEY = "core.excludesFile"
_ABOUT_IGNORED = ("add", "check-ignore", "status")
_OF_REPOSITORY = ("local", "worktree")
_UNSET = 1


def excluding(runner: Runner, arguments: Sequence[str], git_dir: Path | None) -> Sequence[str]:
    """Return the settings for the local git command *arguments*; the user is asked once a run, where it matters.

    What they set under a condition is asked of the first repository at *git_dir*: the others stand beside it.
    """
    if arguments[0] not in _ABOUT_IGNORED and "--exclude-standard" not in arguments:
        return ()
    if runner.excludes is None:
        env = child_environment(runner.environ, network=True)
        asking = ["config", "--null", "--show-scope", "--type=path", "--get-all", _KEY]
        # Of a submodule .git may be a file, in which no process can be started.
        cwd = Path("/") if git_dir is None else git_dir.parent
        done = runner.run(["git", *repository_options(git_dir, None), *asking], env=env, cwd=cwd)
        if done.status > _UNSET:
            # A repository that git cannot read says nothing of the others.
            return ()
        told = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        paths = [path for scope, path in zip(told[::2], told[1::2], strict=False) if scope not in _OF_REPOSITORY]
        runner.excludes = tuple(f"{_KEY}={path}" for path in paths[-1:])
    return runner.excludes
