"""Other repositories in a clone: a checkout that needs the place of one removes it, with all commits that are in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from git_hybrid.core.errors import NestedRepository
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.planner import source_path
from git_hybrid.core.tree import show_path
from git_hybrid.git.endangered import Endangering
from git_hybrid.git.local import must
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import mode_of


def refuse_repositories(runner: Runner, path: Path, *, name: SourceName, commit: Oid) -> None:
    """Raise if a folder of the clone at *path*, in whose place *commit* has a file, has a repository in it.

    git looks for untracked files there and finds none.

    Raises:
        NestedRepository: one has.
        LocalIo: the machine refused to look.
        GitFailed: git cannot compare the commits.
    """
    options = ["-r", "-z", "--no-renames", "--name-only", "--diff-filter=AT"]
    arguments = ["diff-tree", *options, "HEAD^{commit}", f"{commit}^{{commit}}", "--"]
    root, added = os.fsencode(path), must(runner, name, path / ".git", arguments).stdout.split(b"\0")[:-1]
    folders = [place for place in added if stat.S_ISDIR(mode_of(os.path.join(root, place)) or 0)]
    looking = Endangering(root, ())
    looking.by_writing(folders, links=(), known=())
    if inner := tuple(map(show_path, sorted(looking.found.repositories))):
        raise NestedRepository(name=name, path=source_path(name), inner=inner)
