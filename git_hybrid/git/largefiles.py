"""Content of Git LFS: that it stands in place of its pointers, whatever the tree and the user's settings say."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from git_hybrid.core.clone_proof import LFS_HEAD, LFS_LIMIT, lfs_size
from git_hybrid.core.errors import HostileTree, WrongContent
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, TreeLimits, show_path
from git_hybrid.git.local import must
from git_hybrid.git.plainfiles import file_at
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import object_id

LISTED = ("ls-files", "--stage", "-z", "--", ":(top,attr:filter=lfs)")
"""The git command that lists the files whose content LFS has."""
_SETTINGS = ".lfsconfig"
_AT_ONCE = 1000


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
    return object_id("blob", data, len(blob)) == blob


def judge_lfs(runner: Runner, stage: Stage, oid: Oid, entries: Sequence[TreeEntry], limits: TreeLimits) -> None:
    """Raise unless git-lfs may fetch the content that the *entries*, the tree of *oid*, name.

    Raises:
        HostileTree: with that content the files are larger than policy allows, or git-lfs may not read the
            ``.lfsconfig``: it has more settings than any, or is a link, behind which any file would be read.
        WrongContent: a small file is missing or not what its id says.
    """
    from git_hybrid.git.listed import settings_in

    config = next((entry for entry in entries if entry.path == _SETTINGS.encode()), None)
    if config is not None:
        if config.mode == LINK:
            raise HostileTree(name=stage.name, commit=oid, findings=(f"{_SETTINGS}: is a symbolic link",))
        settings_in(runner, stage, oid, _SETTINGS)
    size = sum(entry.size for entry in entries) + _named(runner, stage, entries)
    if size > limits.max_bytes:
        finding = limits.too_large(" with their Git LFS content")
        raise HostileTree(name=stage.name, commit=oid, findings=(finding,))


def _named(runner: Runner, stage: Stage, entries: Sequence[TreeEntry]) -> int:
    """Return how large all content is that pointers of the tree name: git-lfs looks at each small file."""
    from git_hybrid.git.rehashed import Unproved, reading

    small = [entry.oid for entry in entries if entry.mode not in (LINK, GITLINK) and 0 < entry.size < LFS_LIMIT]
    total, left = 0, iter(small)
    try:
        with reading(runner, Path(stage.git_dir)) as found:
            while some := tuple(islice(left, _AT_ONCE)):
                blobs = found.objects(dict.fromkeys(some, "blob"))
                total += sum(lfs_size(blobs[oid]) for oid in some)
    except Unproved as error:
        what = "file content"
        raise WrongContent(name=stage.name, what=what, expected="what the tree names", found=str(error)) from error
    return total
