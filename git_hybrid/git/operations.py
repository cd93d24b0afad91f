"""What somebody has begun in a clone and not ended: rebase, am, cherry-pick, revert, bisect."""

from __future__ import annotations

from pathlib import Path

from git_hybrid.git.run import Runner

_BISECT = ("BISECT_LOG", "BISECT_START", "BISECT_NAMES", "BISECT_TERMS", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK")


def end_operations(runner: Runner, path: Path) -> None:
    """End what was begun in the clone at *path*, without a change to HEAD or to any file.

    Raises:
        OSError: the file system refused.
    """
    git_dir = path / ".git"
    for command in ("rebase", "am", "cherry-pick", "revert"):
        runner.git([command, "--quit"], git_dir=git_dir, work_tree=path)
    for left in _BISECT:
        (git_dir / left).unlink(missing_ok=True)
