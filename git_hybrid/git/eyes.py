"""Make git look at every file again."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

from git_hybrid.core.ids import SourceName
from git_hybrid.git.attributes import smudging
from git_hybrid.git.environment import configured
from git_hybrid.git.local import must
from git_hybrid.git.quarantine import Disk
from git_hybrid.git.run import Runner

_SETTINGS = {"core.ignoreStat": "false", "core.trustctime": "true", "core.checkStat": "default"}


def seeing_all(git_dir: Path) -> dict[str, str]:
    """Return the settings with which git compares all of a file, whatever the repository's own say."""
    settings = _SETTINGS if sys.platform == "darwin" else {**_SETTINGS, "core.ignoreCase": "false"}
    # A file system that takes every file for executable cannot keep the bit.
    if not (git_dir / "HEAD").stat().st_mode & stat.S_IXUSR:
        settings = {**settings, "core.fileMode": "true"}
    return settings


def wide_open(git_dir: Path) -> dict[str, str]:
    """Return the environment of a git with the settings of :func:`seeing_all`."""
    return configured(seeing_all(git_dir))


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
