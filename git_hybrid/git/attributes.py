"""A clone's own ``.git/info/attributes``: what git does to files between the objects and the working tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from git_hybrid.core.errors import SymlinkRefused
from git_hybrid.git.environment import configured
from git_hybrid.git.plainfiles import bytes_at
from git_hybrid.git.quarantine import ATTRIBUTES, Disk, uses_lfs


def smudging(git_dir: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what lets git-lfs put content in place of pointers, in clones that ask for it, and more *settings*.

    It has what was fetched before, and asks nobody for more: it obeys no GIT_ALLOW_PROTOCOL.
    """
    if not uses_lfs(git_dir):
        return configured(settings) if settings else {}
    from git_hybrid.git.lfsanswers import no_server

    return {"GIT_LFS_SKIP_SMUDGE": "0", **configured({**no_server(), **(settings or {})})}


def attributes_of(git_dir: Path) -> bytes | None:
    """Return what the attributes of the repository say; None if it has none, or where a link stands in their place."""
    if (git_dir / "info/attributes").is_symlink():
        return None
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return bytes_at(git_dir / "info/attributes")
    return None


def set_attributes(disk: Disk, git_dir: Path, text: str) -> None:
    """Write the attributes unless they are so already."""
    put_back_attributes(disk, git_dir, text.encode("ascii"))


def put_back_attributes(disk: Disk, git_dir: Path, former: bytes | None) -> None:
    """Make the attributes what :func:`attributes_of` had returned.

    Raises:
        SymlinkRefused: a link stands in place of their folder.
    """
    path = git_dir / "info/attributes"
    if path.parent.is_symlink():
        raise SymlinkRefused(path=str(path.parent))
    if former is None:
        disk.remove_file(path)
    elif attributes_of(git_dir) != former:
        path.parent.mkdir(exist_ok=True)
        if path.is_symlink():
            # The link alone: what it leads to is whose it is.
            disk.remove_file(path)
        elif path.is_dir():
            disk.remove_tree(path)
        disk.write_file(path, former)


@contextmanager
def exact_bytes(disk: Disk, git_dir: Path) -> Iterator[None]:
    """See to it that git stores the bytes that stand in the working tree, or pointers to them.

    What fails in the block leaves the attributes as they were.
    """
    former = attributes_of(git_dir)
    try:
        if not uses_lfs(git_dir):
            set_attributes(disk, git_dir, ATTRIBUTES)
        yield
    except BaseException:
        put_back_attributes(disk, git_dir, former)
        raise
