"""Whether there is room for what is about to be written."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from git_hybrid.core.errors import reported


def require_room(folder: Path, size: int) -> None:
    """Raise unless *size* bytes have room in *folder*.

    Raises:
        LocalIo: they have not: what fills a disk takes it from everybody else too.
    """
    with reported(folder, "write to"):
        room = shutil.disk_usage(folder)
        # A file system that tells no size tells nothing of what is left of it either.
        if room.total and size > room.free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
