"""Read what git's configuration says about us, in one call, so that ``git -c hybrid.jobs=2 hybrid sync`` works."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from git_hybrid.core.errors import GitFailed, ToolTooOld
from git_hybrid.git.ahead import CONFIG, VERSION
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import MINIMUM_GIT, Runner


def read_config(runner: Runner, folder: Path) -> Mapping[str, str]:
    """Return the settings of git that matter here, keys in lower case; the last value of a key wins.

    Raises:
        ToolTooOld: git is not installed.
    """
    env = child_environment(runner.environ, network=True)
    told = runner.asked(CONFIG, folder)
    if told is None:
        told = runner.run(CONFIG, env=env, cwd=folder).stdout
    runner.learn(item.partition("\n")[0] for item in told.decode("utf-8", "surrogateescape").split("\0") if item)
    pairs = (item.partition("\n") for item in told.decode("utf-8", "replace").split("\0") if item)
    return {key.lower(): value if newline else "true" for key, newline, value in pairs}


def operator(environ: Mapping[str, str], config: Mapping[str, str]) -> str:
    """Return who runs the command: ``GIT_HYBRID_OPERATOR``, else git's user, else the login.

    Never ``GIT_AUTHOR_*``: inside a hook that is the author of somebody's commit.
    """
    chosen = environ.get("GIT_HYBRID_OPERATOR") or config.get("hybrid.operator")
    if chosen:
        return _clean(chosen)
    name, email = config.get("user.name", ""), config.get("user.email", "")
    if name or email:
        return _clean(f"{name} <{email}>".strip() if email else name)
    import getpass

    try:
        return _clean(getpass.getuser())
    except (KeyError, OSError):
        return "unknown"


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:200] or "unknown"


def git_version(runner: Runner, folder: Path) -> tuple[int, ...]:
    """Return the version of the installed git.

    Raises:
        ToolTooOld: it is not installed, or older than the oldest that is supported.
        GitFailed: it does not tell.
    """
    told = runner.asked(VERSION, folder)
    if told is None:
        done = runner.run(VERSION, env=child_environment(runner.environ, network=False))
        if done.status != 0:
            raise GitFailed(command="git version", status=done.status, stderr=done.stderr.strip())
        told = done.stdout
    text = told.decode("ascii", "replace")
    parts = text.removeprefix("git version ").split()[:1]
    numbers = tuple(int(part) for part in (parts[0] if parts else "").split(".") if part.isdigit())
    if numbers < MINIMUM_GIT:
        raise ToolTooOld(tool="git", found=text.strip(), needed=".".join(map(str, MINIMUM_GIT)))
    return numbers
