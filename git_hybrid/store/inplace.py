"""Whether a workspace is still where a run found it."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.core.errors import LocalIo, SweptAway, WorkspaceGone
from git_hybrid.store.filelock import Held
from git_hybrid.store.layout import Layout

Facts = os.stat_result


def facts_of(root: Path) -> Facts | None:
    """Return what tells the folder *root* from any other; None where there is none.

    Raises:
        LocalIo: the machine refused to say.
    """
    try:
        return os.stat(root)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise LocalIo.of(error, root, "read") from error


def is_same(root: Path, began: Facts | None) -> bool:
    """Tell whether the folder *root* is the one that *began* tells of; None tells of any."""
    now = None if began is None else facts_of(root)
    return began is None or (now is not None and os.path.samestat(began, now))


def require_place(root: Path, began: Facts | None, held: Held | None) -> None:
    """Raise where the folder *root* is not the one that *began* tells of, or the lock that is *held* not in its place.

    Raises:
        WorkspaceGone: it is not, or one of the two is not known.
        SweptAway: the lock alone is gone.
    """
    if not is_same(root, began):
        raise WorkspaceGone(path=str(root))
    if held is not None and not held.is_in_place():
        raise WorkspaceGone(path=str(root)) if began is None else SweptAway(path=str(held.path))


def require_manifest(layout: Layout) -> None:
    """Raise where there is no manifest any more: nothing may be made where a workspace was.

    Raises:
        WorkspaceGone: there is none.
    """
    if not os.path.lexists(layout.manifest):
        raise WorkspaceGone(path=str(layout.root))
