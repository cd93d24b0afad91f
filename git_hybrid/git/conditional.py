"""Which settings of the user's may hold for a repository that does not exist yet: those that a condition includes.

``includeIf`` asks where the repository is, what its remotes are, which branch it is on (git-config(1), "Conditional
includes"). What git would find for a clone that it has yet to make, nobody can ask it before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from git_hybrid.git.apart import settings_of_user
from git_hybrid.git.environment import child_environment
from git_hybrid.git.run import Runner, items

if TYPE_CHECKING:
    from collections.abc import Mapping

ANYTHING = frozenset({"url."})
"""What stands for settings that cannot be told: with one of these git asks somebody else."""
_INCLUDES = r"^includeif\..*\.path$"
_NESTED = "includeif."


def conditional_settings(runner: Runner) -> frozenset[str]:
    """Return the names of all settings in the files that the user's configuration includes under a condition."""
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
