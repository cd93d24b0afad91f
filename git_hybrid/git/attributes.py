"""A clone's own ``.git/info/attributes``: what git does to files between the objects and the working tree."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from git_hybrid.git.quarantine import Disk, uses_lfs


def smudging(git_dir: Path) -> dict[str, str]:
    """Return what lets git-lfs put content in place of pointers, in the clones that ask for it."""
    if not uses_lfs(git_dir):
        return {}
    from git_hybrid.git.largefiles import as_environment

    return {"GIT_LFS_SKIP_SMUDGE": "0", **as_environment()}


def attributes_of(git_dir: Path) -> bytes | None:
    """Return what the attributes of the repository say, or None if it has none."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return (git_dir / "info/attributes").read_bytes()
    return None


def set_attributes(disk: Disk, git_dir: Path, text: str) -> None:
    """Write the attributes unless they are so already."""
    put_back_attributes(disk, git_dir, text.encode("ascii"))


def put_back_attributes(disk: Disk, git_dir: Path, former: bytes | None) -> None:
    """Make the attributes what :func:`attributes_of` had returned."""
    path = git_dir / "info/attributes"
    if former is None:
        disk.remove_file(path)
    elif attributes_of(git_dir) != former:
        path.parent.mkdir(exist_ok=True)
        disk.write_file(path, former)
