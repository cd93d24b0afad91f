"""Look at the clones below ``sources/``. Nothing here changes a clone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Absent, Clone, Observed, Stray
from git_hybrid.core.ports import Stage
from git_hybrid.core.tree import GITLINK
from git_hybrid.core.value import Struct
from git_hybrid.git.glance import stands
from git_hybrid.git.glances import glance_at
from git_hybrid.git.run import Runner, items
from git_hybrid.git.scout import Scout
from git_hybrid.git.standing import is_there

SAVED = "refs/hybrid/saved/"
FETCHED = (f"--exclude={SAVED}*", "--glob=refs/hybrid/*")
"""What names to git-rev-list(1) all that was fetched: thousands of refs are too many for a command line."""


class GitClones(Struct, frozen=True):
    """The clones of :mod:`git_hybrid.core.ports`; *folder* is ``sources/``, *scout* was sent there."""

    runner: Runner
    folder: Path
    scout: Scout | None = None

    def as_stage(self, name: SourceName) -> Stage:
        """Return the clone of *name* as something that Objects can read."""
        return Stage(name=name, path=str(self.folder / name))

    def submodule(self, stage: Stage, path: str) -> Stage | None:
        """Return the submodule that stands at *path* of *stage*, whoever put it there; None if none does."""
        # Only scans ask.
        from git_hybrid.git.place import git_dir

        where = f"{stage.path}/{path}"
        found = git_dir(where, {})
        return Stage(name=stage.name, path=where, apart=found) if os.path.isdir(found) else None

    def inspect(self, name: SourceName, pin: Oid | None, *, thorough: bool = False) -> Observed:
        """Return what stands at the path of *name*; *pin* is the commit to look for in it.

        With *thorough* every file is read; else one whose size, times and inode are as git left them is not.
        """
        return self.inspect_path(self.folder / name, pin, thorough=thorough)

    def glance(self, pins: Mapping[SourceName, Pin]) -> dict[SourceName, Clone | Absent]:
        """Return the clones that surely stand untouched at their *pins*, and which are not there.

        The others are left to :meth:`inspect`.
        """
        absent = self._absent(pins)
        there = {name: pin for name, pin in pins.items() if name not in absent} if absent else pins
        return {**absent, **glance_at(str(self.folder), there, self.scout)}

    def _absent(self, names: Iterable[SourceName]) -> dict[SourceName, Absent]:
        try:
            found = {*os.listdir(self.folder)}
        except FileNotFoundError:
            found = set()
        except OSError:
            return {}
        missing = [name for name in names if name not in found]
        # Where case does not count a clone may have another name in the list.
        return {name: Absent() for name in missing if _is_surely_gone(self.folder / name)}

    def inspect_path(self, path: Path, pin: Oid | None, *, thorough: bool = False) -> Observed:
        """Return what stands at *path*.

        Raises:
            LocalIo: the machine refused to read it: that says nothing about the clone.
        """
        if not is_there(path):
            return Absent()
        # Imported here: libgit2 costs more than all the rest where a glance at each clone is enough.
        looking = import_module("git_hybrid.git.looking")
        seen: Observed = looking.FullLook(self.runner).at(path, pin, thorough=thorough)
        return seen

    def stands(self, name: SourceName, head: Oid) -> bool:
        """Tell whether the clone surely stands at *head* (:func:`git_hybrid.git.glance.stands`)."""
        return stands(str(self.folder / name), head)

    def unsaved(self, name: SourceName) -> tuple[str, ...]:
        """Return what of the clone exists nowhere else (:func:`git_hybrid.git.unsaved.find_unsaved`).

        What a submodule holds begins with ``in PATH:``.
        """
        return self.unsaved_in(self.folder / name)

    def saved(self, name: SourceName, run: str) -> tuple[str, ...]:
        """Return the refs below which *run* saved local work in the clone of *name*; of one that shows none, none."""
        git_dir = self.folder / name / ".git"
        # Unlike that of a Path, it does not raise where the machine refuses to look.
        if not os.path.isdir(git_dir):
            return ()
        asked = ["for-each-ref", "--format=%(refname)", f"{SAVED}{run}", f"{SAVED}{run}-*"]
        # What is broken shows none; nothing is done by this but told.
        return tuple(self.runner.git(asked, git_dir=git_dir).stdout.decode("ascii", "replace").split())

    def holds_work(self, path: Path) -> bool:
        """Tell whether the submodule at *path* holds anything that its upstream does not have.

        Raises:
            LocalIo, GitFailed: nobody can tell.
        """
        return bool(self._work_in(path))

    def submodules(self, path: Path) -> list[str]:
        """Return the paths of the submodules in the clone at *path* that have a repository of their own."""
        return [inner for inner, _ in self.gitlinks(path) if (path / inner / ".git").is_dir()]

    def gitlinks(self, path: Path) -> list[tuple[str, Oid]]:
        """Return path and commit of each submodule that the index of the clone at *path* names.

        Raises:
            LocalIo, GitFailed: git does not tell.
        """
        # Of a submodule .git may be a file, in which no process can be started.
        done = self.runner.git(["ls-files", "--stage", "-z"], git_dir=path / ".git", work_tree=path)
        if done.status != 0:
            from git_hybrid.git.classify import last_words

            raise GitFailed(command="git ls-files", status=done.status, stderr=last_words(done.stderr))
        found = [line.partition("\t") for line in items(done.stdout) if line.startswith(f"{GITLINK} ")]
        return [(inner, Oid(head.split(" ")[1])) for head, _, inner in found]

    def unsaved_in(self, path: Path) -> tuple[str, ...]:
        """Return the same of the clone at *path*."""
        # Imported here: only what removes a clone asks.
        from git_hybrid.git.modules import work_in_modules
        from git_hybrid.git.unsaved import find_unsaved

        found = find_unsaved(self.runner, path / ".git")
        inner = (f"in {place}: {what}" for place in self.submodules(path) for what in self._work_in(path / place))
        return (*found, *inner, *work_in_modules(self, path))

    def _work_in(self, path: Path) -> tuple[str, ...]:
        """Return what the submodule at *path* holds that its upstream does not have."""
        seen = self.inspect_path(path, None)
        if not isinstance(seen, Clone):
            return ("what cannot be read",)
        begun = seen.dirty_count or seen.operation or seen.locked
        return (*(("changed files",) if begun else ()), *self.unsaved_in(path))

    def strangers(self, known: frozenset[SourceName]) -> tuple[str, ...]:
        """Return the names below ``sources/`` that belong to no source of the manifest."""
        if not self.folder.is_dir():
            return ()
        with os.scandir(self.folder) as entries:
            folders = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
        return tuple(sorted(name for name in folders if name not in known))

    def stray(self, name: SourceName) -> Stray:
        """Return what stands at the path of *name* (:func:`git_hybrid.git.strays.stray_at`)."""
        # Imported here: only what belongs to no source is looked at so.
        from git_hybrid.git.strays import stray_at

        return stray_at(self.folder / name)


def _is_surely_gone(path: Path) -> bool:
    try:
        return not is_there(path)
    except LocalIo:
        # Whoever looks at this one alone is told.
        return False
