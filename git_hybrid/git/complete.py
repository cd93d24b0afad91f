"""Tell a repository that has all of its history from one that lacks some by design: shallow, partial, borrowed."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.git.plainfiles import expects_more
from git_hybrid.git.standing import is_there


def is_complete(git_dir: Path) -> bool:
    """Tell whether the clone has all history of what it has: neither shallow nor partial, nothing borrowed.

    Raises:
        LocalIo: the machine refused to say.
    """
    objects = f"{git_dir}/objects"
    if not os.path.isdir(objects) or is_there(f"{git_dir}/shallow") or is_there(f"{objects}/info/alternates"):
        return False
    return not is_partial(git_dir) and not expects_more(git_dir)


def is_partial(git_dir: Path) -> bool:
    """Tell whether a pack of the repository refers to what is not there, by design."""
    packs = f"{git_dir}/objects/pack"
    return os.path.isdir(packs) and any(name.endswith(".promisor") for name in os.listdir(packs))
