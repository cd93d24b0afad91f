"""Where a hook starts: lean, since hooks run on every commit."""

from __future__ import annotations

import gc
import os

_OBJECTS = 50_000


def run(*names: str) -> int:
    """Return the exit status of the checks *names* (none: all); git is asked before the rest is imported."""
    # What a hook makes lives until its end: there is no garbage to search for.
    gc.set_threshold(_OBJECTS)
    from git_hybrid.cli.streams import end, make_sure_of_streams
    from git_hybrid.git.ahead import Ahead, ask_for_hook
    from git_hybrid.git.scout import workspace_root

    make_sure_of_streams()
    ahead = Ahead()
    try:
        if (root := workspace_root(os.path.realpath(os.curdir))) is not None:
            ask_for_hook(ahead, root, names)
        from git_hybrid.cli import hooking

        code = hooking.run(*names, ahead=ahead)
    finally:
        ahead.close()
    return end(code)
