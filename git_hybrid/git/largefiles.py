"""Content of Git LFS: that it stands in place of its pointers, whatever the tree and the user's settings say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from git_hybrid.core.check_sources import LFS_HEAD, LFS_LIMIT
from git_hybrid.core.errors import WrongContent
from git_hybrid.core.ids import SourceName
from git_hybrid.core.tree import show_path
from git_hybrid.git.lfsanswers import EVERYTHING
from git_hybrid.git.local import must
from git_hybrid.git.run import Runner

_ALGORITHMS = {40: "sha1", 64: "sha256"}


def as_environment() -> dict[str, str]:
    """Return :data:`EVERYTHING` as variables, for git-lfs where a checkout starts it."""
    pairs = list(enumerate(EVERYTHING.items()))
    found = {f"GIT_CONFIG_KEY_{at}": key for at, (key, _) in pairs}
    return {
        **found,
        **{f"GIT_CONFIG_VALUE_{at}": value for at, (_, value) in pairs},
        "GIT_CONFIG_COUNT": str(len(pairs)),
    }


def refuse_pointers(runner: Runner, path: Path, *, name: SourceName) -> None:
    """Raise if a file in the working tree at *path* that LFS has the content of is still its pointer.

    Raises:
        WrongContent: one is.
    """
    git_dir = path / ".git"
    listed = must(runner, name, git_dir, ["ls-files", "--stage", "-z"]).stdout.split(b"\0")
    blobs = {
        file: head.split()[1].decode("ascii") for head, _, file in (line.partition(b"\t") for line in listed if line)
    }
    small = {file: blob for file, blob in blobs.items() if _is_pointer(os.path.join(os.fsencode(path), file), blob)}
    if small:
        asked = ["check-attr", "-z", "--stdin", "filter"]
        told = must(runner, name, git_dir, asked, work_tree=path, stdin=b"".join(b"%s\0" % file for file in small))
        for file in _of_lfs(told.stdout):
            what = f"LFS content of {show_path(file)}"
            raise WrongContent(name=name, what=what, expected="what its pointer names", found="the pointer itself")


def _is_pointer(file: bytes, blob: str) -> bool:
    """Tell whether the *file* is the pointer that *blob* is, and not content that looks like one."""
    try:
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            data = opened.read(LFS_LIMIT + 1)
    except OSError:
        return False
    if not data.startswith(LFS_HEAD):
        return False
    return hashlib.new(_ALGORITHMS[len(blob)], b"blob %d\0" % len(data) + data).hexdigest() == blob


def _of_lfs(told: bytes) -> Iterator[bytes]:
    """Yield the files of which ``git check-attr -z filter`` has *told* that LFS has their content."""
    words = told.split(b"\0")
    return (words[at] for at in range(0, len(words) - 2, 3) if words[at + 2] == b"lfs")
