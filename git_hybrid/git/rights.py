"""Whether a clone can be changed by us: of one that several people share, one of them may have closed a part."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.errors import LocalIo

_MOVED = ("..", "", "refs", "refs/hybrid", "logs", "logs/HEAD")
"""What a checkout makes files in, or appends to: what it replaces needs no right of its own."""
_FETCHED = ("objects", "objects/pack")
"""What new objects are put into."""


def closed(git_dir: Path, inner: Sequence[str] = (*_MOVED, *_FETCHED)) -> Path | None:
    """Return the first of the paths *inner* in the clone, with its ``.git`` at *git_dir*, that we may not write to.

    They are by default all that a sync writes to; None where it may.
    """
    paths = (git_dir.parent if name == ".." else git_dir / name for name in inner)
    return next((path for path in paths if path.exists() and not os.access(path, os.W_OK)), None)


def require_rights(git_dir: Path) -> None:
    """Raise where a checkout would fail: git finds that out when it has written the files, and moves HEAD.

    Raises:
        LocalIo: it would.
    """
    if (path := closed(git_dir, _MOVED)) is not None:
        number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
        raise LocalIo(path=str(path), operation="write", reason=os.strerror(number))
