"""The environment of everything that the bench starts: nothing of the user's own configuration."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Final

GIT_ENV: Final = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": os.devnull,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "LC_ALL": "C",
    "TZ": "UTC",
}
"""For git on the upstreams."""

_GITCONFIG = """[user]
\tname = Bench
\temail = bench@example.org
[init]
\tdefaultBranch = main
[protocol "file"]
\tallow = always
[advice]
\tdetachedHead = false
"""


def end_with_parent() -> None:
    """End this process when the one at the other end of its standard input does, however that one ends."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def make_home(folder: Path, bins: list[Path]) -> dict[str, str]:
    """Make a home folder for the tools and return their environment; *bins* come first on PATH.

    The configuration of git holds a name, and what submodules need for `file://`; nothing that makes a tool faster.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".gitconfig").write_text(_GITCONFIG, encoding="utf-8")
    path = [str(place) for place in bins] + [os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(path),
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
    }
