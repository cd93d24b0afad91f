"""Content of Git LFS: that it stands in place of its pointers, whatever the tree and the user's settings say."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from git_hybrid.core.check_sources import LFS_HEAD, LFS_LIMIT
from git_hybrid.core.errors import HostileTree, WrongContent
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import LINK, TreeEntry, show_path
from git_hybrid.git.local import must
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.run import Runner

LISTED = ("ls-files", "--stage", "-z", "--", ":(top,attr:filter=lfs)")
"""The git command that lists the files whose content LFS has."""
_SETTINGS = ".lfsconfig"
_ALGORITHMS = {40: "sha1", 64: "sha256"}


def refuse_pointers(runner: Runner, path: Path, *, name: SourceName) -> None:
    """Raise if a file in the working tree at *path* that LFS has the content of is still its pointer.

    Raises:
        WrongContent: one is.
    """
    for file in pointers(path, must(runner, name, path / ".git", LISTED, work_tree=path).stdout):
        what = f"LFS content of {show_path(file)}"
        raise WrongContent(name=name, what=what, expected="what its pointer names", found="the pointer itself")


def pointers(path: Path, listed: bytes) -> Iterator[bytes]:
    """Yield the files in the working tree at *path* that are still pointers, of what :data:`LISTED` has *listed*."""
    for head, _, file in (line.partition(b"\t") for line in listed.split(b"\0") if line):
        if _is_pointer(os.path.join(os.fsencode(path), file), head.split()[1].decode("ascii")):
            yield file


def _is_pointer(file: bytes, blob: str) -> bool:
    """Tell whether the *file* is the pointer that *blob* is, and not content that looks like one."""
    try:
        with file_at(file) as pointer:
            data = pointer.read(LFS_LIMIT + 1) or b""
    except OSError:
        return False
    if not data.startswith(LFS_HEAD):
        return False
    return hashlib.new(_ALGORITHMS[len(blob)], b"blob %d\0" % len(data) + data).hexdigest() == blob


def judge_lfs(runner: Runner, stage: Stage, oid: Oid, entries: Sequence[TreeEntry]) -> None:
    """Raise unless git-lfs may read the ``.lfsconfig`` of the *entries*, the tree of *oid*.

    Raises:
        HostileTree: it has more settings than any, or is a link, behind which any file would be read.
    """
    from git_hybrid.git.listed import settings_in

    config = next((entry for entry in entries if entry.path == _SETTINGS.encode()), None)
    if config is not None:
        if config.mode == LINK:
            raise HostileTree(name=stage.name, commit=oid, findings=(f"{_SETTINGS}: is a symbolic link",))
        settings_in(runner, stage, oid, _SETTINGS)
