"""Write the files of a commit into a scratch folder: the blobs themselves, no attribute, filter or hook in between.

``git archive`` would obey export-ignore and export-subst, and a checkout the filters, of a tree that a stranger wrote.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from git_hybrid.core.errors import HostileTree, WrongContent, reported
from git_hybrid.core.ids import Oid
from git_hybrid.core.pointers import LFS_LIMIT, parse_pointer
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, TreeLimits, show_path
from git_hybrid.core.value import Struct
from git_hybrid.git.listing import batch, pieces_of_blob
from git_hybrid.git.objects import GitObjects
from git_hybrid.git.plainfiles import bytes_at, file_at
from git_hybrid.git.run import Runner

_CHUNK = 1 << 18
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class GitExporter(Struct, frozen=True):
    """The exporter of :mod:`git_hybrid.core.ports_scan`."""

    runner: Runner

    def export(self, stage: Stage, oid: Oid, folder: str, limits: TreeLimits, *, lfs: bool = False) -> Sequence[bytes]:
        """Write every file of the commit *oid* below *folder* and return their paths.

        No file is executable; a submodule is an empty folder. Symbolic links come last, so that nothing is written
        through one; none leads out of the folder, since the tree was looked at before. With *lfs* the content that the
        stage has of Git LFS is written in place of its pointers.

        Raises:
            HostileTree: the tree has what may not be checked out either.
            LocalIo: there is no room for a file.
            WrongContent: a file of it is missing from the object store, or content of LFS is not what its pointer says.
        """
        entries, findings = GitObjects(self.runner).scan(stage, oid, limits)
        if findings:
            raise HostileTree(name=stage.name, commit=oid, findings=findings)
        base = os.fsencode(folder)
        files = sorted((entry for entry in entries if entry.mode != GITLINK), key=lambda entry: entry.mode == LINK)
        for entry in entries:
            parent = entry.path if entry.mode == GITLINK else os.path.dirname(entry.path)
            os.makedirs(os.path.join(base, parent), exist_ok=True)
        git_dir = Path(stage.git_dir)
        with batch(self.runner, git_dir, (entry.oid for entry in files)) as out:
            for entry in files:
                _write(out, entry, base, stage)
        if lfs:
            for entry in files:
                if entry.mode != LINK and entry.size < LFS_LIMIT:
                    _fill(git_dir, os.path.join(base, entry.path), entry, stage)
        return [entry.path for entry in files]


def _write(out: IO[bytes], entry: TreeEntry, base: bytes, stage: Stage) -> None:
    path, content = os.path.join(base, entry.path), pieces_of_blob(out, entry.oid, stage)
    if entry.mode == LINK:
        os.symlink(b"".join(content).split(b"\0", 1)[0], path)
    else:
        # What fails on an open file names none.
        with reported(os.fsdecode(path), "write"), os.fdopen(os.open(path, _NEW, 0o644), "wb") as file:
            file.writelines(content)


def _fill(git_dir: Path, path: bytes, entry: TreeEntry, stage: Stage) -> None:
    """Put the content in place of the pointer at *path*, if it is one and the content is there."""
    if (pointer := parse_pointer(bytes_at(path))) is None:
        return
    oid, digest = pointer.sha256, hashlib.sha256()
    try:
        content = file_at(git_dir / "lfs/objects" / oid[:2] / oid[2:4] / oid)
    except FileNotFoundError:
        return
    with content, reported(os.fsdecode(path), "write"), open(path, "wb") as file:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != oid:
        what = f"LFS content of {show_path(entry.path)}"
        raise WrongContent(name=stage.name, what=what, expected=oid, found=digest.hexdigest())
