"""The environment of every git process that the test servers and upstreams start."""

from __future__ import annotations

import os
from typing import Final

IDENTITY: Final = "Upstream Author <upstream@example.org>"
EPOCH: Final = 1_700_000_000
"""Unix time of the first object of every upstream."""


def git_env() -> dict[str, str]:
    """Return an environment in which git sees no configuration but the repository's own."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def dated_env(when: int) -> dict[str, str]:
    """Return `git_env()` with a fixed author and committer at `when` (Unix seconds)."""
    name, _, email = IDENTITY.rstrip(">").partition(" <")
    env = git_env()
    for role in ("AUTHOR", "COMMITTER"):
        env |= {
            f"GIT_{role}_NAME": name,
            f"GIT_{role}_EMAIL": email,
            f"GIT_{role}_DATE": f"@{when} +0000",
        }
    return env
