"""Look at a clone in full: what stands at a path, whether it is whole, what is changed in it. Imports libgit2."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.ids import InvalidText, Oid, parse_oid
from git_hybrid.core.pattern import pattern
from git_hybrid.core.plan import PIN_REF, SHOWN_FILES, Absent, Broken, Clone, Foreign, Observed
from git_hybrid.core.tree import GITLINK, name_of, show_path
from git_hybrid.core.value import Struct
from git_hybrid.git.changes import dirty_by_cli, entries_of, find_changes, told
from git_hybrid.git.complete import borrows, has_history
from git_hybrid.git.glance import OPERATIONS
from git_hybrid.git.health import lack, lack_by_git, trouble
from git_hybrid.git.index import IndexEntry
from git_hybrid.git.kept import packed_refs
from git_hybrid.git.libgit2 import GitError, Repository, holds, open_repository, opens, released
from git_hybrid.git.openable import refuse_closed
from git_hybrid.git.origin import has_settings, origin_of
from git_hybrid.git.owners import lock_held_in
from git_hybrid.git.plainfiles import read_plain
from git_hybrid.git.quarantine import ATTRIBUTES, ATTRIBUTES_LFS, uses_lfs
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import refuse_unreadable
from git_hybrid.git.unfit import elsewhere, unfit

# The file, where Python or libgit2 names it.
_NAMED = pattern(r"'(/[^']+)'")
_ATTRIBUTES = (ATTRIBUTES.encode(), ATTRIBUTES_LFS.encode())


class _Unsure(Exception):
    """libgit2 cannot read it, or finds it broken: git itself is to be asked."""


class _OfLfs(Struct, frozen=True, kw_only=True):
    """Files that are still pointers, and whether what the clone keeps of their content is damaged."""

    pointers: tuple[str, ...] = ()
    rotten: bool = False


class FullLook(Struct, frozen=True):
    """Looks at clones; ``runner`` starts git where libgit2 cannot read."""

    runner: Runner

    def at(self, path: Path, pin: Oid | None, *, thorough: bool = False) -> Observed:
        """Return what stands at *path*.

        Raises:
            LocalIo: the machine refused to read it: that says nothing about the clone.
        """
        try:
            found = self._look(path, pin, thorough=thorough)
            if isinstance(found, Broken):
                refuse_closed(path / ".git")
            return found
        except (GitError, KeyError, OSError, UnicodeDecodeError) as error:
            words = _words(error)
            if (reason := trouble(words)) is not None:
                named = _NAMED.search(words)
                raise LocalIo(path=named[1] if named else str(path), operation="read", reason=reason) from error
            # A reader takes no lock: a writer may have moved the clone away while it was looked at.
            return Broken(f"git cannot read it: {words[:200]}") if path.exists() else Absent()

    def _look(self, path: Path, pin: Oid | None, *, thorough: bool) -> Observed:
        if path.is_symlink():
            return Foreign("a symbolic link")
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return Absent()
        if not path.is_dir():
            return Foreign("a file")
        git_dir = path / ".git"
        if git_dir.is_symlink() or git_dir.is_file():
            return Foreign("a working tree of another repository (its .git is not a folder)")
        if not git_dir.is_dir():
            return Foreign("a folder that is no git repository")
        return self._inspect_clone(path, git_dir, pin, thorough=thorough)

    def _inspect_clone(self, path: Path, git_dir: Path, pin: Oid | None, *, thorough: bool) -> Observed:
        if (found := elsewhere(git_dir) or unfit(git_dir)) is not None:
            return found
        # Of many sources the packs of all of them would stay open else.
        with released(open_repository(git_dir)) as repository:
            if repository is not None:
                with suppress(_Unsure):
                    return self._by_library(path, git_dir, repository, pin, thorough=thorough)
        # libgit2 reads less than git does (a split index, some settings): what git reads is no broken clone.
        return self._inspect_opened(path, git_dir, None, pin, thorough=thorough)

    def _by_library(
        self, path: Path, git_dir: Path, repository: Repository, pin: Oid | None, *, thorough: bool
    ) -> Observed:
        try:
            found = self._inspect_opened(path, git_dir, repository, pin, thorough=thorough)
        except (GitError, OSError, ValueError) as error:
            # pygit2 makes the last two of what libgit2 says of the system, or calls invalid.
            if trouble(_words(error)) is not None:
                raise
            raise _Unsure from error
        if isinstance(found, Broken):
            raise _Unsure
        return found

    def _inspect_opened(
        self, path: Path, git_dir: Path, repository: Repository | None, pin: Oid | None, *, thorough: bool
    ) -> Observed:
        head = self._head_by_cli(git_dir) if repository is None else self._head_of(repository, git_dir)
        if head is None:
            begun = self._begun_branch(path, git_dir, pin) if repository is None else None
            return begun or Broken("its HEAD names no commit")
        if not (git_dir / "index").exists():
            return Broken("it has no index: nothing was checked out, or the index was lost")
        if not self._has(repository, git_dir, head):
            return Broken("the commit that HEAD names is missing")
        operation = next((word for mark, word in OPERATIONS.items() if (git_dir / mark).exists()), None)
        try:
            if repository is not None and not opens(repository, head):
                repository = None
            index = entries_of(self.runner, git_dir, oid_length=len(head))
            asked = git_dir, head, index
            missing = lack_by_git(self.runner, *asked) if repository is None else lack(repository, *asked)
            if missing is not None:
                return Broken(missing)
            links, of_lfs = _links(index), _OfLfs()
            if lfs := uses_lfs(git_dir):
                dirty, of_lfs = self._look_at_lfs(path, index, thorough=thorough)
            else:
                dirty = find_changes(self.runner, path, repository, index, thorough=thorough)
            submodules = _submodules(os.fsencode(path), links)
            # To git an id of 40 digits is the beginning of one of 64, and libgit2 takes none of 64.
            same_format = pin is not None and len(pin) == len(head)
            has_pin = pin is not None and same_format and (pin == head or self._has(repository, git_dir, pin))
        except KeyError as error:
            return Broken(f"git cannot read it: {str(error)[:200]}")
        refuse_unreadable(path, dirty)
        shown = dirty[:SHOWN_FILES]
        # What is named with a slash is another repository, and not of the commit.
        folders = {file: f"{path}/{os.fsdecode(file)}/.git" for file in shown if not file.endswith(b"/")}
        inside = [file for file, folder in folders.items() if os.path.isdir(folder)]
        return Clone(
            head=head,
            branch=_branch(git_dir),
            dirty=tuple(map(name_of, shown)),
            dirty_count=len(dirty),
            changed_inside=tuple(map(name_of, inside)),
            operation=operation,
            locked=lock_held_in(git_dir, path),
            has_pin=has_pin,
            hollow=self._is_hollow(submodules, len(head)),
            filled=any(map(os.path.isdir, submodules)),
            complete=has_history(git_dir),
            borrows=borrows(git_dir),
            lfs=lfs,
            pointers=of_lfs.pointers,
            rotten=of_lfs.rotten,
            intact=has_settings(git_dir) and read_plain(git_dir / "info/attributes") in _ATTRIBUTES,
            installed=self._installed(git_dir),
            origin=origin_of(git_dir),
        )

    def _look_at_lfs(self, path: Path, index: Sequence[IndexEntry], *, thorough: bool) -> tuple[list[bytes], _OfLfs]:
        """Return what is changed in a clone with LFS content, and how that content is."""
        from git_hybrid.git.largefiles import LISTED, pointers
        from git_hybrid.git.lfslook import differing
        from git_hybrid.git.lfsstore import damaged

        dirty = dirty_by_cli(self.runner, path, _links(index))
        dirty = differing(self.runner, path, index, dirty, thorough=thorough)
        pointing = islice(pointers(path, told(self.runner, path, *LISTED)), SHOWN_FILES)
        rotten = thorough and bool(damaged(self.runner, path / ".git", {entry.oid for entry in index}))
        return dirty, _OfLfs(pointers=tuple(map(show_path, pointing)), rotten=rotten)

    def _has(self, repository: Repository | None, git_dir: Path, oid: Oid) -> bool:
        if repository is not None:
            return holds(repository, oid)
        return self.runner.git(["cat-file", "-e", oid], git_dir=git_dir).status == 0

    def _is_hollow(self, submodules: list[bytes], oid_length: int) -> bool:
        """Tell whether one of *submodules*, by their ``.git``, is not there, or lacks one of its own.

        What git itself has checked out may lack any, as it does by default.
        """
        return any(not os.path.exists(inner) or self._lacks_inner(inner, oid_length) for inner in submodules)

    def _lacks_inner(self, git_dir: bytes, oid_length: int) -> bool:
        top = os.path.dirname(git_dir)
        if not os.path.isdir(git_dir) or not os.path.exists(os.path.join(top, b".gitmodules")):
            return False
        try:
            index = entries_of(self.runner, Path(os.fsdecode(git_dir)), oid_length=oid_length)
        except OSError:
            # The submodule is changed then, and told as that.
            return False
        return self._is_hollow(_submodules(top, _links(index)), oid_length)

    def _head_of(self, repository: Repository, git_dir: Path) -> Oid | None:
        try:
            return parse_oid(str(repository.head.target))
        except UnicodeDecodeError:
            # libgit2 cannot even say what is wrong with a name that is no UTF-8.
            return self._head_by_cli(git_dir)
        except (GitError, InvalidText, KeyError):
            return None

    def _head_by_cli(self, git_dir: Path) -> Oid | None:
        done = self.runner.git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], git_dir=git_dir)
        return parse_oid(done.stdout.decode().strip()) if done.status == 0 else None

    def _installed(self, git_dir: Path) -> Oid | None:
        """Return what ``refs/hybrid/pin`` names, which only this tool writes; a gc may have packed it."""
        try:
            loose = git_dir / PIN_REF
            if loose.is_file():
                return parse_oid(loose.read_text(encoding="ascii").strip())
            packed = packed_refs(git_dir).get(PIN_REF)
            if packed is None and (git_dir / "reftable").is_dir():
                packed = self.runner.git(["rev-parse", "--verify", PIN_REF], git_dir=git_dir).stdout.decode().strip()
            return None if packed is None else parse_oid(packed)
        except (OSError, InvalidText, UnicodeDecodeError):
            return None

    def _begun_branch(self, path: Path, git_dir: Path, pin: Oid | None) -> Clone | None:
        """Return the clone if HEAD names a branch that never was, as after ``git checkout --orphan``."""
        ref = os.fsdecode(self.runner.git(["symbolic-ref", "--quiet", "HEAD"], git_dir=git_dir).stdout.strip())
        installed = self._installed(git_dir)
        # One that was is lost.
        if not ref or installed is None or any(os.path.lexists(git_dir / name) for name in (ref, f"logs/{ref}")):
            return None
        dirty = dirty_by_cli(self.runner, path, _links(entries_of(self.runner, git_dir, oid_length=len(installed))))
        return Clone(
            head=installed,
            dirty=tuple(map(name_of, dirty[:SHOWN_FILES])),
            dirty_count=len(dirty),
            operation="first commit of a branch",
            locked=lock_held_in(git_dir, path),
            has_pin=pin is not None and len(pin) == len(installed) and self._has(None, git_dir, pin),
            complete=has_history(git_dir),
            borrows=borrows(git_dir),
            installed=installed,
            origin=origin_of(git_dir),
        )


def _links(index: Iterable[IndexEntry]) -> list[bytes]:
    """Return the paths of the submodules that *index* names."""
    return [entry.path for entry in index if entry.mode == GITLINK]


def _submodules(top: bytes, links: Iterable[bytes]) -> list[bytes]:
    """Return where each of *links* has its ``.git``: a folder, or a file where the repository is in the one around it.

    Without a ``.gitmodules`` they are none that anybody could fetch.
    """
    told_of = os.path.exists(os.path.join(top, b".gitmodules"))
    return [os.path.join(top, link, b".git") for link in links if told_of]


def _words(error: Exception) -> str:
    # pygit2 raises this where what libgit2 says is not UTF-8: a name is in it.
    return error.object.decode("utf-8", "replace") if isinstance(error, UnicodeDecodeError) else str(error)


def _branch(git_dir: Path) -> str | None:
    try:
        text = (git_dir / "HEAD").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text.removeprefix("ref: refs/heads/") if text.startswith("ref: refs/heads/") else None
