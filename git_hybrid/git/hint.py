"""Write what a later look may believe, or do without: a file that is there whole or not at all, and not synced."""

from __future__ import annotations

import os
from contextlib import suppress


def write_hint(path: str, data: bytes) -> None:
    """Replace the file at *path* by *data*.

    Raises:
        OSError: the file system refused; nothing new is left there.
    """
    temporary = f"{path}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
