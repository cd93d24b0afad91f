"""Whether a clone can be changed by us: of one that several people share, one of them may have closed a part."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from git_hybrid.core.errors import LocalIo

_CHANGED = ("..", "", "refs", "logs", "logs/HEAD", "objects")
"""What a checkout makes files in, or appends to: what it replaces needs no right of its own."""


def closed(git_dir: Path) -> Path | None:
    """Return what of the clone, with its ``.git`` at *git_dir*, we may not write to though a checkout does; or None."""
    paths = (git_dir.parent if inner == ".." else git_dir / inner for inner in _CHANGED)
    return next((path for path in paths if path.exists() and not os.access(path, os.W_OK)), None)


def require_rights(git_dir: Path) -> None:
    """Raise where a checkout would fail: git finds that out when it has written the files, and moves HEAD.

    Raises:
        LocalIo: it would.
    """
    if (path := closed(git_dir)) is not None:
        number = errno.EROFS if os.statvfs(path).f_flag & os.ST_RDONLY else errno.EACCES
        raise LocalIo(path=str(path), operation="write", reason=os.strerror(number))
