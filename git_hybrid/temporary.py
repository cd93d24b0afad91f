"""The folders for temporary files: those that are meant for them, never the current one.

Python takes the current folder where no other can be written to: a clone, or a repository of the user's.
"""

from __future__ import annotations

import errno
import os
from tempfile import gettempdir

_VARIABLES = ("TMPDIR", "TEMP", "TMP")
_USUAL = ("/tmp", "/var/tmp", "/usr/tmp")  # noqa: S108


def temporary_folder() -> str:
    """Return the folder for temporary files.

    Raises:
        FileNotFoundError: none can be written to.
    """
    try:
        folder = gettempdir()
        if folder in _meant() or folder != os.path.abspath(os.curdir):
            return folder
    except FileNotFoundError:
        pass
    raise FileNotFoundError(errno.ENOENT, "no folder for temporary files can be written to", "TMPDIR")


def temporary_folders() -> list[str]:
    """Return the folders for temporary files, beginning with that of :func:`temporary_folder`.

    Raises:
        FileNotFoundError: none can be written to.
    """
    others = [folder for folder in _meant() if os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)]
    return list(dict.fromkeys([temporary_folder(), *others]))


def _meant() -> list[str]:
    named = (os.environ.get(variable) for variable in _VARIABLES)
    return [*(os.path.abspath(folder) for folder in named if folder), *_USUAL]
