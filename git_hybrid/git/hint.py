"""Write what a later look may believe, or do without: a file that is there whole or not at all, and not synced."""

from __future__ import annotations

import os
from contextlib import suppress

from git_hybrid.git.linked import real_folder

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def write_hint(path: str, data: bytes) -> None:
    """Replace the file at *path* by *data*; no link is written through, neither its folder nor what stands there.

    Raises:
        OSError: the file system refused, or its folder is a link; nothing new is left there.
    """
    folder, name = os.path.split(path)
    temporary = f"{name}.tmp"
    with real_folder(folder) as there:
        try:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=there)
            with open(os.open(temporary, _NEW, 0o666, dir_fd=there), "wb") as file:
                file.write(data)
            os.replace(temporary, name, src_dir_fd=there, dst_dir_fd=there)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=there)
            raise
