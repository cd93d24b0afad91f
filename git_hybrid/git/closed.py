"""Find the folders of a clone that cannot be read: git and libgit2 pass over them, as if nothing were in them."""

from __future__ import annotations

import os
from pathlib import Path

from git_hybrid.git.run import Runner


def closed_folders(runner: Runner, path: Path) -> list[bytes]:
    """Return the folders of the working tree at *path* that cannot be read, each with a slash behind its name.

    One that git ignores counts no more than another ignored folder.
    """
    found = [folder + b"/" for folder in _walk(os.fsencode(path))]
    if not found:
        return []
    asked = b"\0".join(found)
    arguments = ["check-ignore", "--no-index", "-z", "--stdin"]
    done = runner.git(arguments, git_dir=path / ".git", work_tree=path, stdin=asked)
    ignored = {*done.stdout.split(b"\0")}
    return [folder for folder in found if folder not in ignored]


def _walk(root: bytes) -> list[bytes]:
    closed, waiting = [], [b""]
    while waiting:
        folder = waiting.pop()
        here = os.path.join(root, folder)
        try:
            with os.scandir(here) as entries:
                inner = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            if not os.access(here, os.X_OK):
                closed.append(folder)
                continue
        except PermissionError:
            closed.append(folder)
            continue
        except (FileNotFoundError, NotADirectoryError):
            # Whoever looks takes no lock: a writer may be at work.
            continue
        waiting += [folder + b"/" + name if folder else name for name in inner if name != b".git"]
    return sorted(closed)
