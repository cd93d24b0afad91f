"""Tell a repository that has all of its history from one that lacks some by design: shallow, partial, borrowed."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.git.plainfiles import expects_more
from git_hybrid.git.standing import is_there

ALTERNATES = "objects/info/alternates"


def is_complete(git_dir: Path) -> bool:
    """Tell whether the clone has all history of what it has: neither shallow nor partial, nothing borrowed.

    Raises:
        LocalIo: the machine refused to say.
    """
    return has_history(git_dir) and not borrows(git_dir)


def has_history(git_dir: Path) -> bool:
    """Tell the same where some of it may be borrowed.

    Raises:
        LocalIo: the machine refused to say.
    """
    if not os.path.isdir(f"{git_dir}/objects") or is_there(f"{git_dir}/shallow"):
        return False
    return not is_partial(git_dir) and not expects_more(git_dir)


def borrows(git_dir: Path) -> bool:
    """Tell whether git looks for objects in another repository too, as after ``git clone --reference``.

    Raises:
        LocalIo: the machine refused to say.
    """
    return is_there(f"{git_dir}/{ALTERNATES}")


def is_partial(git_dir: Path) -> bool:
    """Tell whether a pack of the repository refers to what is not there, by design."""
    packs = f"{git_dir}/objects/pack"
    return os.path.isdir(packs) and any(name.endswith(".promisor") for name in os.listdir(packs))
