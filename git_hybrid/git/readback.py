"""Read back what is saved before the only other copy of it goes, and write it once more where that fails.

git writes no object that seems to be there. What a power cut left of one, a file of its name with nothing in it, would
stand for the work of somebody who is then told that it is saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from git_hybrid.core.ids import SourceName
from git_hybrid.git.listing import batch, pieces, size_of_blob
from git_hybrid.git.packs import move
from git_hybrid.git.quarantine import Disk, GitQuarantine
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import ALGORITHMS


def holds_tree(runner: Runner, git_dir: Path, tree: str) -> bool:
    """Tell whether git can read *tree* and all trees below it."""
    return runner.git(["ls-tree", "-r", "-z", "--name-only", tree], git_dir=git_dir).status == 0


def holds_blobs(runner: Runner, git_dir: Path, oids: Collection[str]) -> bool:
    """Tell whether git can read each of the blobs, and each is what its id says."""
    with batch(runner, git_dir, oids) as out:
        return all(_is_next(out, oid) for oid in oids)


def _is_next(out: IO[bytes], oid: str) -> bool:
    if (size := size_of_blob(out, oid)) is None:
        return False
    digest = hashlib.new(ALGORITHMS[len(oid)], b"blob %d\0" % size)
    for piece in pieces(out, size):
        digest.update(piece)
    return digest.hexdigest() == oid


@contextmanager
def written_anew(disk: Disk, quarantine: GitQuarantine, git_dir: Path, *, name: SourceName) -> Iterator[dict[str, str]]:
    """Yield the environment in which git writes every object, and put these in the place of those that are there.

    Raises:
        LocalIo, OSError: the file system refused.
    """
    stage = Path(quarantine.stage(name, borrow=False, suffix="saved").path, ".git")
    yield {"GIT_OBJECT_DIRECTORY": f"{stage}/objects"}
    move(disk, stage, git_dir)
    for folder in sorted((stage / "objects").glob("[0-9a-f][0-9a-f]")):
        target = git_dir / "objects" / folder.name
        disk.make_folder(target)
        for path in sorted(folder.iterdir()):
            disk.rename_path(path, target / path.name)
