"""Find what is changed in a clone, whatever its own settings say.

libgit2 compares with the index, and believes size, times (ctime too, which nobody can set) and inode. That holds unless
the clone's settings or the index itself tell it to look away; then the files are read and compared here.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from git_hybrid.core.tree import GITLINK, LINK
from git_hybrid.core.value import Struct
from git_hybrid.git.index import BadIndex, IndexEntry, index_of
from git_hybrid.git.libgit2 import STAGED, UNTRACKED, Repository, head_entries
from git_hybrid.git.oddities import odd_settings
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.quarantine import ATTRIBUTES
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import ALGORITHMS
from git_hybrid.git.unseen import not_ignored, unseen, unseen_by_git
from git_hybrid.git.worktree import look

# What can change which files git sees, and what it takes them for.
_SEEING = ("core.", "include", "filter.", "index.", "extensions.", "attr.")


def entries_of(runner: Runner, git_dir: Path, *, oid_length: int) -> list[IndexEntry]:
    """Return the entries of the index of the repository at *git_dir*.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return index_of(runner, git_dir, oid_length=oid_length)
    except BadIndex as error:
        if isinstance(error.__cause__, OSError):
            # It names the file.
            raise error.__cause__ from None
        raise OSError(f"the index {error}") from error


def find_changes(
    runner: Runner, path: Path, repository: Repository | None, index: Sequence[IndexEntry], *, thorough: bool
) -> list[bytes]:
    """Return the paths of the clone at *path*, with the entries of its *index*, that are changed, staged or untracked.

    Those that git ignores are left out. A folder that cannot be read may hold anything, so it is one of them. What is
    in the folder of a submodule that is not there is untracked, though git does not look for it.

    Raises:
        OSError: git or the system cannot read something.
    """
    # First of all, since git would wait for what it refuses.
    passed_over = unseen(runner, path, index)
    if _looks_away(runner, path):
        found, doubtful = _listed(runner, path), index
    elif repository is not None:
        found, doubtful = _by_library(runner, path, repository, index), [entry for entry in index if entry.blind]
    else:
        found, doubtful = _status(runner, path), [entry for entry in index if entry.blind]
    comparison = _Comparison(runner, path)
    changed = comparison.changed(index if thorough else doubtful)
    return sorted({*found, *changed, *passed_over})


def _looks_away(runner: Runner, path: Path) -> bool:
    """Tell whether settings or attributes of the clone's own may hide a change from git."""
    git_dir = path / ".git"
    if read_plain(git_dir / "info/attributes") != ATTRIBUTES.encode("ascii"):
        return True
    # libgit2 hands settings out only where they are UTF-8, which git does not ask for.
    return any(key.startswith(_SEEING) for key in odd_settings(runner, git_dir))


def _by_library(runner: Runner, top: Path, repository: Repository, index: Iterable[IndexEntry]) -> list[bytes]:
    status = repository.status(untracked_files="all", ignored=False)
    found = {path.encode("utf-8", "surrogateescape"): flags for path, flags in status.items() if flags}
    untracked = [path for path, flags in found.items() if flags == UNTRACKED]
    # libgit2 does not know what the user ignores everywhere.
    for path in {*untracked}.difference(not_ignored(runner, top, untracked)):
        del found[path]
    if STAGED not in found.values():
        return list(found)
    # libgit2 takes a mode of the tree as it stands, such as 100664, and git never has that in its index.
    kept = {(entry.path, entry.mode, entry.oid) for entry in index if entry.merged}
    same = {entry.path for entry in head_entries(repository) if (entry.path, entry.mode, entry.oid) in kept}
    return [path for path, flags in found.items() if flags != STAGED or path not in same]


def dirty_by_cli(runner: Runner, path: Path, links: Collection[bytes]) -> list[bytes]:
    """Return what `git status` says is changed, staged or untracked in the clone at *path*, and what it passes over.

    *links* are the submodules that its index names.

    Raises:
        OSError: git cannot tell.
    """
    return sorted({*unseen_by_git(runner, path, links), *_status(runner, path)})


def _status(runner: Runner, path: Path) -> list[bytes]:
    options = ["--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=none"]
    out = told(runner, path, "status", *options)
    return [line[3:] for line in out.split(b"\0") if line]


def _listed(runner: Runner, path: Path) -> list[bytes]:
    """Return what is staged and what is untracked; git compares no file, so no filter of the clone's runs."""
    options = ["--cached", "--name-only", "--no-renames", "--ignore-submodules=none", "-z"]
    staged = told(runner, path, "diff-index", *options, "HEAD", "--")
    case = [] if sys.platform == "darwin" else ["-c", "core.ignoreCase=false"]
    untracked = told(runner, path, *case, "ls-files", "--others", "--exclude-standard", "-z")
    return [name for name in (staged + untracked).split(b"\0") if name]


def told(runner: Runner, path: Path, *arguments: str) -> bytes:
    """Return what git tells of the working tree at *path*.

    Raises:
        OSError: git cannot tell.
    """
    done = runner.git(arguments, git_dir=path / ".git", work_tree=path)
    if done.status != 0:
        raise OSError(done.stderr.strip())
    return done.stdout


class _Comparison(Struct, frozen=True):
    """Compares files with entries of the index by reading them."""

    runner: Runner
    path: Path

    def changed(self, entries: Iterable[IndexEntry]) -> list[bytes]:
        # A file system that takes every file for executable cannot keep the bit.
        keeps_modes = not (self.path / ".git/HEAD").stat().st_mode & stat.S_IXUSR
        return [entry.path for entry in entries if self._is_changed(entry, keeps_modes=keeps_modes)]

    def _is_changed(self, entry: IndexEntry, *, keeps_modes: bool) -> bool:
        if entry.mode == GITLINK:
            return self._is_changed_submodule(entry)
        seen = look(self.path, entry.path, algorithm=ALGORITHMS[len(entry.oid)])
        if seen is None or not entry.merged or seen.blob != entry.oid:
            return True
        return seen.mode != entry.mode and (keeps_modes or LINK in (seen.mode, entry.mode))

    def _is_changed_submodule(self, entry: IndexEntry) -> bool:
        inner = Path(os.fsdecode(os.path.join(os.fsencode(self.path), entry.path)))
        if not (inner / ".git").is_dir():
            return inner.is_symlink() or (inner.exists() and (not inner.is_dir() or any(inner.iterdir())))
        head = told(self.runner, inner, "rev-parse", "--verify", "--quiet", "HEAD").decode("ascii").strip()
        if head != entry.oid:
            return True
        index = entries_of(self.runner, inner / ".git", oid_length=len(entry.oid))
        return bool(find_changes(self.runner, inner, None, index, thorough=True))
