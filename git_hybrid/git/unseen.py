"""Find the folders of a clone that are passed over, as if nothing were in them.

git and libgit2 do that with what cannot be read, and with that of a submodule which is not there, whatever else is in
it; libgit2 also with a repository in which no file is checked out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.tree import GITLINK, show_path
from git_hybrid.git.index import IndexEntry
from git_hybrid.git.run import Runner

# git and libgit2 open these wherever they look for files.
_OPENED = (b".gitignore", b".gitattributes", b".gitmodules")


def closed_folders(runner: Runner, path: Path) -> list[bytes]:
    """Return the folders of the working tree at *path* that cannot be read, each with a slash behind its name.

    One that git ignores counts no more than another ignored folder.
    """
    return not_ignored(runner, path, [folder + b"/" for folder in _walk(os.fsencode(path))[0]])


def unseen_by_git(runner: Runner, path: Path, links: Collection[bytes]) -> list[bytes]:
    """Return the same, and what is in the folders of those submodules, by their *links* in the index, not there."""
    closed, _, left = _walk(os.fsencode(path), links)
    return not_ignored(runner, path, [*(folder + b"/" for folder in closed), *left])


def unseen(runner: Runner, path: Path, index: Sequence[IndexEntry]) -> list[bytes]:
    """Return the same, and the repositories that are no submodules, each with a slash behind its name.

    Nor is one that was made in a folder of the commit's: to git that is the folder still.
    """
    links = {entry.path for entry in index if entry.mode == GITLINK}
    closed, repositories, left = _walk(os.fsencode(path), links)
    folders = [*closed, *(_strangers(repositories, index) if repositories else ())]
    return not_ignored(runner, path, [*(folder + b"/" for folder in folders), *left])


def files_left(path: Path, links: Collection[bytes]) -> list[bytes]:
    """Return what is in the folders of the submodules at *links* that are not there, also what git ignores."""
    return _walk(os.fsencode(path), links)[2]


def _strangers(repositories: list[bytes], index: Sequence[IndexEntry]) -> list[bytes]:
    submodules = {entry.path for entry in index if entry.mode == GITLINK}
    found = []
    for folder in repositories:
        parts = folder.split(b"/")
        is_inside = any(b"/".join(parts[: count + 1]) in submodules for count in range(len(parts)))
        if not is_inside and not any(entry.path.startswith(folder + b"/") for entry in index):
            found.append(folder)
    return found


def not_ignored(runner: Runner, path: Path, names: list[bytes]) -> list[bytes]:
    """Return those of *names*, untracked paths in the working tree at *path*, that git does not ignore there."""
    if not names:
        return []
    arguments = ["check-ignore", "--no-index", "-z", "--stdin"]
    done = runner.git(arguments, git_dir=path / ".git", work_tree=path, stdin=b"\0".join(names))
    ignored = {*done.stdout.split(b"\0")}
    return [name for name in names if name not in ignored]


def _walk(root: bytes, links: Collection[bytes] = ()) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return the folders below *root* that cannot be read, those that are repositories, and what is left below *links*.

    That is each file where no repository stands at one of *links*, and each repository, with a slash behind its name.

    Raises:
        OSError: something stands there that git would wait for.
    """
    closed, repositories, left, waiting = [], [], [], [(b"", False)]
    while waiting:
        folder, is_below = waiting.pop()
        here = os.path.join(root, folder)
        try:
            with os.scandir(here) as entries:
                listed = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
            for name in _OPENED:
                if (name, False) in listed:
                    _refuse_endless(os.path.join(here, name), os.path.join(folder, name))
            if not os.access(here, os.X_OK):
                closed.append(folder)
                continue
        except PermissionError:
            closed.append(folder)
            continue
        except (FileNotFoundError, NotADirectoryError):
            # Whoever looks takes no lock: a writer may be at work.
            continue
        if folder and any(name == b".git" for name, _ in listed):
            repositories.append(folder)
            left += [folder + b"/"] if is_below else []
            is_below = False
        else:
            is_below = is_below or folder in links
        above = folder + b"/" if folder else b""
        waiting += [(above + name, is_below) for name, is_folder in listed if is_folder and name != b".git"]
        if is_below:
            left += [above + name for name, is_folder in listed if not is_folder]
    return sorted(closed), sorted(repositories), left


def _refuse_endless(path: bytes, shown: bytes) -> None:
    mode = stat.S_IFREG
    with suppress(OSError):
        mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise OSError(f"{show_path(shown)} is no file")
