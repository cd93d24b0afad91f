"""Ask a server, or git for its settings, apart from the repository that the program was started in.

A fetch into a stage has the settings of the user and of the system, and so has every other question to a server: those
of the repository around a workspace came with it, and may name programs.

Some of the user's may hold for a repository that does not exist yet: ``includeIf`` asks where it is, what its remotes
are, which branch it is on (git-config(1), "Conditional includes"). What git would find for a clone that it has yet to
make, nobody can ask it before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from git_hybrid.git.environment import as_options, child_environment, repository_options
from git_hybrid.git.place import git_dir, top_of
from git_hybrid.git.run import items
from git_hybrid.temporary import temporary_folder

if TYPE_CHECKING:
    from pathlib import Path

    from git_hybrid.git.run import Completed, Runner

ANYTHING = frozenset({"url."})
"""What stands for settings that cannot be told: with one of these git asks somebody else."""
_INCLUDES = r"^includeif\..*\.path$"
_NESTED = "includeif."


def settings_of_user(runner: Runner, *arguments: str) -> Completed:
    """Return what ``git config --null`` tells of the user's settings and the system's."""
    with apart() as places:
        env = child_environment(runner.environ, network=True) | places
        return runner.run(["git", "config", "--null", *arguments], env=env)


@contextmanager
def apart(*, wanted: bool = True) -> Iterator[dict[str, str]]:
    """Yield the variables with which a git that is started here has no settings of a repository; none if not *wanted*.

    Where that is stays known, so that settings of the user which count for a place (git-config(1), "Conditional
    includes") are those of a stage.
    """
    top = top_of(os.path.realpath(os.curdir), {}) if wanted else None
    if top is None:
        yield {}
        return
    common = mkdtemp(prefix="git-hybrid-", dir=temporary_folder())
    folders = (f"{common}/objects", f"{common}/refs")
    try:
        for folder in folders:
            os.mkdir(folder)
        yield {"GIT_DIR": git_dir(top, {}), "GIT_COMMON_DIR": common}
    finally:
        # Not as a tree: to list a folder takes a file, of which there may be none left.
        for folder in (*folders, common):
            with suppress(OSError):
                os.rmdir(folder)


def asked_as(runner: Runner, url: str, git_dir: Path | None = None) -> str:
    """Return what the user's settings (``url.<base>.insteadOf``) make of *url*, for the repository at *git_dir* if any.

    It may have a secret in it that *url* has not.
    """
    if not any(key.startswith("url.") for key in runner.chosen | runner.conditional):
        return url
    options = [*as_options([f"remote.origin.url={url}"]), *repository_options(git_dir, None)]
    with apart(wanted=git_dir is None) as places:
        env = child_environment(runner.environ, network=True) | places
        argv = ["git", *options, "ls-remote", "--get-url", "--end-of-options", url]
        done = runner.run(argv, env=env, cwd=git_dir)
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n") if done.status == 0 else url


def conditional_settings(runner: Runner) -> frozenset[str]:
    """Return the names of all settings in the files that the user's configuration includes under a condition."""
    if not any(key.startswith(_NESTED) for key in runner.chosen):
        return frozenset()
    env = child_environment(runner.environ, network=True)
    done = settings_of_user(runner, "--type=path", "--get-regexp", _INCLUDES)
    found = frozenset[str]()
    for item in items(done.stdout):
        path = item.partition("\n")[2]
        # A relative path begins at the file that it stands in, which is not told.
        found |= _names(runner, env, path) if os.path.isabs(path) else ANYTHING
    return found


def _names(runner: Runner, env: Mapping[str, str], path: str) -> frozenset[str]:
    argv = ["git", "config", "--null", "--name-only", "--includes", "--file", path, "--list"]
    names = frozenset(items(runner.run(argv, env=env).stdout))
    return ANYTHING if any(name.startswith(_NESTED) for name in names) else names
