"""Bring a clone to a commit whatever state it is in, once all work in it is saved.

What was saved is made the commit and the index that git moves away from: so git itself takes away what is saved and
nothing else, and refuses where a file has changed since.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from git_hybrid.core.errors import DirtySource, DivergedSource, GitFailed, HybridError, LocalIo, LocalWork
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.plan import SHOWN_FILES, Clone
from git_hybrid.core.planner import source_path
from git_hybrid.core.ports_writer import Saved
from git_hybrid.core.value import Struct
from git_hybrid.git.attributes import smudging
from git_hybrid.git.clones import GitClones
from git_hybrid.git.eyes import open_eyes, seeing_all, wide_open
from git_hybrid.git.inner import set_aside_unsaveable
from git_hybrid.git.local import failure, files_in_the_way, must, require_complete
from git_hybrid.git.operations import end_operations
from git_hybrid.git.plainfiles import moved_from
from git_hybrid.git.quarantine import MOVED, Disk, uses_lfs
from git_hybrid.git.run import Completed
from git_hybrid.git.unseen import files_left

_TRIES = 3


class Forcing(Struct, frozen=True):
    """Brings the clone of ``name`` to ``commit``; ``save`` saves what is there that is not saved yet."""

    disk: Disk
    clones: GitClones
    name: SourceName
    commit: Oid
    run: str
    save: Callable[[], Saved]

    def go(self, saved: Saved) -> tuple[str, ...]:
        """Go to the commit from what was *saved*; return where else something is kept, in words.

        What changes meanwhile, and what the commit does not ignore any more, is saved too.

        Raises:
            DirtySource: files are left that no reset may remove, or that go on changing.
            DivergedSource: somebody goes on committing.
            LocalIo: the disk is full or refuses.
            GitFailed: git could not check it out, or end what was begun.
        """
        notes: list[str] = []
        try:
            for left in reversed(range(_TRIES)):
                notes += set_aside_unsaveable(self.disk, self.clones, self.name, self.run, saved.unsaveable)
                changed = self._moved(saved)
                if changed is None:
                    break
                if not left:
                    raise changed
                saved = self.save()
                notes += saved.notes
        except HybridError as error:
            for note in notes:
                error.add_note(note)
            raise
        return tuple(notes)

    def _moved(self, saved: Saved) -> LocalWork | None:
        path = self.clones.folder / self.name
        end_operations(self.clones.runner, path, name=self.name)
        # Content and pointer of Git LFS are the same to an index: there every file is written again.
        if uses_lfs(path / ".git") or not (path / ".git/index").exists():
            self._rewrite(saved)
        elif (changed := self._check_out(saved)) is not None:
            return changed
        after = self.clones.inspect(self.name, self.commit)
        if isinstance(after, Clone) and after.dirty_count:
            return self._changed(after.dirty, after.dirty_count)
        return None

    def _check_out(self, saved: Saved) -> LocalWork | None:
        path = self.clones.folder / self.name
        fresh = path / ".git/hybrid-index"
        for left in (fresh, path / ".git/hybrid-index.lock"):
            left.unlink(missing_ok=True)
        seeing = wide_open(path / ".git") | {"GIT_INDEX_FILE": str(fresh)}
        self._do("read-tree", f"{saved.commit}^{{tree}}", environment=seeing)
        # It ends with 1 where a file has changed.
        git = self.clones.runner.git
        git(["update-index", "-q", "--refresh"], git_dir=path / ".git", work_tree=path, environment=seeing)
        branch, stood = self._stands(path)
        if saved.head != stood:
            return self._committed(stood, saved.head)
        # HEAD is detached first: a branch that the user stands on stays where it is.
        self._do("update-ref", "--no-deref", "-m", MOVED, "HEAD", saved.commit, *filter(None, [stood]))
        options = ["--quiet", "--detach", "--no-overwrite-ignore", "--no-recurse-submodules"]
        arguments = ["checkout", *options, f"{self.commit}^{{commit}}", "--"]
        try:
            done = git(arguments, git_dir=path / ".git", work_tree=path, environment=seeing)
        except (GitFailed, LocalIo):
            if self._stands(path)[1] == saved.commit:
                self._go_back(branch, stood)
            raise
        if (came := self._came_since(saved, done, path)) is not None:
            # HEAD alone goes back: what stands in the files is saved with it.
            self._do("update-ref", "--no-deref", "-m", MOVED, "HEAD", came)
            fresh.unlink(missing_ok=True)
            return self._committed(came, saved.commit)
        if done.status != 0:
            self._go_back(branch, stood)
            fresh.unlink(missing_ok=True)
            if (files := files_in_the_way(done)) is None:
                raise failure(self.name, "checkout", done)
            return self._changed(files[:SHOWN_FILES], len(files))
        require_complete(self.name, done)
        self.disk.rename_path(fresh, path / ".git/index")
        return None

    def _go_back(self, branch: str, stood: str) -> None:
        self._do(*(("symbolic-ref", "HEAD", branch) if branch else ("update-ref", "--no-deref", "HEAD", stood)))

    def _came_since(self, saved: Saved, done: Completed, path: Path) -> str | None:
        """Return what somebody committed since HEAD was moved to what was *saved*; *done* is the checkout since."""
        if done.status != 0:
            came = self._stands(path)[1]
        else:
            # Where HEAD was at the commit already, no line of its reflog is of this checkout.
            came = "" if saved.commit == self.commit else moved_from(path / ".git", self.commit) or ""
        return None if came in ("", saved.commit) else came

    def _stands(self, path: Path) -> tuple[str, str]:
        """Return the branch that HEAD is on, nothing if it is detached, and its commit."""
        asked = ["symbolic-ref", "--quiet", "HEAD"], ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]
        told = (self.clones.runner.git(question, git_dir=path / ".git").stdout for question in asked)
        branch, commit = (text.decode("utf-8", "surrogateescape").strip() for text in told)
        return branch, commit

    def _rewrite(self, saved: Saved) -> None:
        path = self.clones.folder / self.name
        environment = smudging(path / ".git", seeing_all(path / ".git"))
        if (path / ".git/index").exists():
            open_eyes(self.clones.runner, self.disk, path / ".git", name=self.name)
        self._do("update-ref", "--no-deref", "-m", MOVED, "HEAD", self.commit, *filter(None, [saved.head]))
        self._do("reset", "--quiet", "--hard", self.commit, environment=environment)
        others = self._do("ls-files", "--others", "--exclude-standard", "-z").split(b"\0")
        kept = {*self._do("ls-tree", "-r", "-z", "--name-only", saved.commit).split(b"\0")}
        root, links = os.fsencode(path), {os.fsencode(link) for link, _ in self.clones.gitlinks(path)}
        for other in filter(kept.__contains__, [*others[:-1], *files_left(path, links)]):
            self.disk.remove_file(path / os.fsdecode(other))
            with suppress(OSError):
                while other := os.path.dirname(other):
                    os.rmdir(os.path.join(root, other))

    def _committed(self, head: str, expected: str) -> DivergedSource:
        return DivergedSource(name=self.name, path=source_path(self.name), head=head, expected=expected)

    def _changed(self, files: tuple[str, ...], count: int) -> DirtySource:
        return DirtySource(name=self.name, path=source_path(self.name), files=files, count=count)

    def _do(self, *arguments: str, environment: dict[str, str] | None = None) -> bytes:
        path = self.clones.folder / self.name
        runner, git_dir = self.clones.runner, path / ".git"
        return must(runner, self.name, git_dir, arguments, work_tree=path, environment=environment).stdout
