"""Read what proves that a clone stands at its pin: each object is hashed again, and no cache of git is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.clone_proof import Content, FileSeen, Standing, index_differences
from git_hybrid.core.ids import Oid, parse_oid
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Source
from git_hybrid.core.tree import GITLINK, LINK, TreeEntry, show_path
from git_hybrid.core.value import Struct
from git_hybrid.git import place
from git_hybrid.git.index import BadIndex, index_of
from git_hybrid.git.oddities import find_oddities
from git_hybrid.git.packfiles import is_whole, pack_files
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.rehashed import Unproved, reading
from git_hybrid.git.run import Runner
from git_hybrid.git.trees import ALGORITHMS
from git_hybrid.git.worktree import walk


class GitProver(Struct, frozen=True):
    """The prover of :mod:`git_hybrid.core.ports_identity`; *folder* is ``sources/``."""

    runner: Runner
    folder: Path

    def standing(self, source: Source, pin: Pin) -> Standing:
        """Return what the git folder of the clone says of *pin*."""
        git_dir = self.folder / source.name / ".git"
        return self._standing(git_dir, pin.commit, lfs=source.lfs == "fetch")

    def _standing(self, git_dir: Path, commit: Oid, *, lfs: bool) -> Standing:
        oddities = list(find_oddities(self.runner, git_dir, lfs=lfs))
        try:
            with reading(self.runner, git_dir) as objects:
                tree, entries = objects.tree(commit)
        except Unproved as error:
            return Standing(tree=None, broken=str(error), oddities=tuple(oddities))
        differs: tuple[str, ...] = ()
        try:
            index = index_of(self.runner, git_dir, oid_length=len(commit))
        except BadIndex as error:
            oddities.append(f"the index {error}")
        else:
            differs = index_differences(entries, ((item.mode, item.oid, item.path) for item in index if item.merged))
            blind = [show_path(item.path) for item in index if item.blind]
            if blind:
                oddities.append(f"git is told not to look at {', '.join(blind[:10])} (assume-unchanged, skip-worktree)")
        return Standing(tree=tree, entries=entries, index_differs=differs, oddities=tuple(oddities))

    def content(self, source: Source, standing: Standing) -> Content:
        """Return what the working tree of the clone holds.

        Raises:
            OSError: a file cannot be read.
        """
        path = self.folder / source.name
        return self._content(path, standing, submodules=source.submodules, lfs=source.lfs == "fetch")

    def damaged_packs(self, source: Source) -> tuple[str, ...]:
        """Return the names of the files of packs in the clone that hold something else than their checksums say.

        Raises:
            OSError: one cannot be read.
        """
        folder = self.folder / source.name / ".git/objects/pack"
        return tuple(name for name in pack_files(folder) if not is_whole(f"{folder}/{name}"))

    def damaged_lfs(self, source: Source, standing: Standing) -> tuple[str, ...]:
        """Return the ids of the objects of Git LFS in the clone that the commit names and that hold something else.

        Raises:
            OSError: one cannot be read.
        """
        from git_hybrid.git.lfsstore import damaged

        git_dir = self.folder / source.name / ".git"
        return damaged(self.runner, git_dir, {entry.oid for entry in standing.entries})

    def _content(self, path: Path, standing: Standing, *, submodules: bool, lfs: bool) -> Content:
        wanted = {entry.path: entry for entry in standing.entries}
        algorithm = ALGORITHMS[len(standing.tree or "") or 40]
        files = dict(walk(path, wanted, algorithm=algorithm))
        pointers: dict[bytes, bytes] = {}
        if lfs:
            changed = [entry for entry in wanted.values() if _may_be_lfs(entry, files.get(entry.path))]
            pointers = self._pointers(path / ".git", changed)
        inner: dict[bytes, tuple[Standing, Content]] = {}
        for entry in standing.entries if submodules else ():
            seen = files.get(entry.path)
            if entry.mode == GITLINK and seen is not None and seen.mode == GITLINK:
                inner[entry.path] = self._submodule(path / os.fsdecode(entry.path), parse_oid(entry.oid))
        return Content(files=files, pointers=pointers, inner=inner)

    def _submodule(self, path: Path, commit: Oid) -> tuple[Standing, Content]:
        git_dir = Path(place.git_dir(str(path), {}))
        if not git_dir.is_dir():
            return Standing(tree=None, broken="its .git leads nowhere"), Content(files={})
        standing = self._standing(git_dir, commit, lfs=False)
        head = self._head(git_dir, commit)
        # What git itself has checked out has settings of git's own, and its files are compared all the same.
        odd = () if (path / ".git").is_file() else (*standing.oddities, *standing.index_differs)
        if head != commit or odd:
            why = [*odd, f"HEAD is {head}"]
            standing = Standing(tree=standing.tree, entries=standing.entries, broken=why[0])
        return standing, self._content(path, standing, submodules=True, lfs=False)

    def _head(self, git_dir: Path, commit: Oid) -> str:
        """Return what HEAD names; git is asked where the file alone does not say that it is *commit*."""
        if read_plain(git_dir / "HEAD") == f"{commit}\n".encode("ascii"):
            return commit
        return self.runner.git(["rev-parse", "--verify", "--quiet", "HEAD"], git_dir=git_dir).stdout.decode().strip()

    def _pointers(self, git_dir: Path, entries: Sequence[TreeEntry]) -> dict[bytes, bytes]:
        """Return the blobs of *entries* that are small enough to be LFS pointers and are what their ids say."""
        from git_hybrid.git.largefiles import small_blobs

        blobs = small_blobs(self.runner, git_dir, [entry.oid for entry in entries])
        return {entry.path: blobs[entry.oid] for entry in entries if entry.oid in blobs}


def _may_be_lfs(entry: TreeEntry, seen: FileSeen | None) -> bool:
    return seen is not None and entry.mode not in (LINK, GITLINK) and seen.blob != entry.oid
