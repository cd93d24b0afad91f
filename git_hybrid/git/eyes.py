"""Make git look at every file again."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.core.ids import SourceName
from git_hybrid.git.attributes import smudging
from git_hybrid.git.local import must
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner


def open_eyes(runner: Runner, disk: Disk, git_dir: Path, *, name: SourceName) -> None:
    """Write the index anew without what git remembers of the files, and without its orders not to look at some.

    A checkout leaves a file alone whose entry says so, or which it takes for unchanged by its times.

    Raises:
        LocalIo: the file system refused.
    """
    listed = must(runner, name, git_dir, ["ls-files", "--stage", "-z"], environment=smudging(git_dir)).stdout
    fresh = git_dir / "hybrid-index"
    fresh.unlink(missing_ok=True)
    if listed:
        environment = {"GIT_INDEX_FILE": str(fresh)}
        must(runner, name, git_dir, ["update-index", "-z", "--index-info"], stdin=listed, environment=environment)
        disk.rename_path(fresh, git_dir / "index")
