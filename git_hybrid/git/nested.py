"""Folders that a checkout would take for empty: of another repository it sees no file, and none below a submodule."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from git_hybrid.core.errors import InTheWay, NestedRepository
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.planner import source_path
from git_hybrid.core.tree import GITLINK, show_path
from git_hybrid.git.endangered import Endangering
from git_hybrid.git.local import must
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import mode_of

_GITLINK = GITLINK.encode("ascii")
_NOTHING = b"000000"
_FEW = 300
"""So many folders are looked into in the time that a git takes to start and compare two commits."""


def refuse_folders(
    runner: Runner, path: Path, *, name: SourceName, commit: Oid, submodules: Collection[bytes] | None
) -> None:
    """Raise if a folder of the clone at *path* is in the way of *commit* without git's knowing.

    In the place of a file git looks for untracked files, and finds no repository; and it leaves any folder where a
    submodule is to be. That is put there, unless it stands, where the paths of the *submodules* that the index names
    are given, and not None.

    Raises:
        NestedRepository: a folder has a repository in it, and the commit a file in its place, or the folder is that of
            a submodule of which the commit has another commit or nothing.
        InTheWay: files that the checkout leaves are in one in whose place it has a submodule that is put there.
        LocalIo: the machine refused to look.
        GitFailed: git cannot compare the commits.
    """
    root = os.fsencode(path)
    if submodules is None and not _may_hold_a_repository(root):
        return
    # Upstream's .gitmodules may have git pass over submodules.
    options = ["--raw", "-r", "-z", "--no-renames", "--ignore-submodules=none"]
    arguments = ["diff-tree", *options, "HEAD^{commit}", f"{commit}^{{commit}}", "--"]
    told = must(runner, name, path / ".git", arguments).stdout.split(b"\0")[:-1]
    modes = {place: line[1:].split(b" ")[:2] for line, place in zip(told[::2], told[1::2], strict=True)}
    # Where a file was is none now, as the clone is clean.
    places = [place for place, (before, _) in modes.items() if before in (_NOTHING, _GITLINK)]
    folders = [place for place in places if stat.S_ISDIR(mode_of(os.path.join(root, place)) or 0)]
    links = [place for place in folders if modes[place][1] == _GITLINK]
    looking = Endangering(root, ())
    former = {place for place in folders if modes[place][0] == _GITLINK}
    looking.by_writing(folders, links={*links} - former, known=())
    refuse_repositories(path, name, looking.found.repositories, links=former)
    if submodules is not None:
        # What HEAD has in a folder that becomes one, the checkout removes.
        _refuse_files(root, name, [*links, *(place for place in submodules if place not in modes)], known=modes)


def _refuse_files(root: bytes, name: SourceName, links: Collection[bytes], *, known: Collection[bytes]) -> None:
    """Raise if anything but folders is in that of one of *links* where no repository stands: one is put there.

    Files that are *known* are left out.
    """
    looking = Endangering(root, ())
    empty = [place for place in links if mode_of(os.path.join(root, place, b".git")) is None]
    looking.by_writing(empty, links=(), known=known)
    refuse_repositories(Path(os.fsdecode(root)), name, looking.found.repositories, links=())
    if files := looking.found.files | looking.found.unsaveable:
        raise InTheWay(name=name, path=source_path(name), files=tuple(map(show_path, sorted(files)[:10])))


def refuse_repositories(path: Path, name: SourceName, found: Collection[bytes], *, links: Collection[bytes]) -> None:
    """Raise NestedRepository if any were *found* in the clone of *name* at *path*; *links* are its submodules."""
    if found:
        own = [place for place in found if place in links and _is_git_s(os.path.join(os.fsencode(path), place))]
        shown, submodules = (tuple(map(show_path, sorted(places))) for places in (found, own))
        raise NestedRepository(name=name, path=source_path(name), inner=shown, submodules=submodules)


def _is_git_s(submodule: bytes) -> bool:
    """Tell whether git has checked *submodule* out: it keeps the repository elsewhere, and this tool keeps it there."""
    return stat.S_ISREG(mode_of(os.path.join(submodule, b".git")) or 0)


def _may_hold_a_repository(root: bytes) -> bool:
    """Tell whether one is below *root*, or there are so many folders that git is asked sooner than all looked into."""
    waiting, left = [root], _FEW
    while waiting:
        here = waiting.pop()
        left -= 1
        try:
            with os.scandir(here) as found:
                entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
        except OSError:
            return True
        if left < 0 or (here != root and any(name == b".git" for name, _ in entries)):
            return True
        waiting += [os.path.join(here, name) for name, is_folder in entries if is_folder and name != b".git"]
    return False
