"""What is about to be committed: the files of a workspace as the index has them, and what changed since HEAD."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.check_sources import is_of_sources
from git_hybrid.core.errors import InvalidFile, LocalIo, SymlinkRefused
from git_hybrid.core.files import FILES, LOG, MARKER
from git_hybrid.core.value import Struct, field
from git_hybrid.core.words import typed
from git_hybrid.git.abandoned import ROOTS, abandoned
from git_hybrid.git.ahead import STAGED, staged_question
from git_hybrid.git.plainfiles import file_at, read_plain
from git_hybrid.git.repository import CLONE, FILE, LINK, Entry, Repository, blobs, is_below, is_listed, of_tree
from git_hybrid.git.run import items

_RUNS = (f"{MARKER}/", "state/journal/")
_FIXED = (*FILES, LOG, "state", "sources", "sources/.gitignore")


class Staged(Struct):
    """Reads files as they are about to be committed: of a workspace that git knows a file of, nothing else counts.

    Where git knows none of them, the files are read from the disk. ``root`` is the root of the workspace, which may be
    a folder inside of the repository, and need not be on the disk.
    """

    repository: Repository
    root: Path
    _known: dict[str, bytes | None] = field(default_factory=dict)
    _entries: dict[str, Entry] | None = None
    _in_git: bool | None = None

    @property
    def entries(self) -> dict[str, Entry]:
        """What git has of the workspace, by path from its root."""
        if self._entries is None:
            prefix, found = self.repository.prefix(self.root), self.repository.entries()
            at = len(prefix)
            self._entries = {path[at:]: entry for path, entry in found.items() if path.startswith(prefix)}
        return self._entries

    @property
    def in_git(self) -> bool:
        """Whether the index or HEAD has the workspace."""
        if self._in_git is None:
            self._in_git = bool(self.repository.revision) or any(name in self.entries for name in (*FILES, LOG))
            if not self._in_git and self.repository.top is not None:
                self._in_git = is_committed(self.repository, self.root)
        return self._in_git

    def refuse_links(self) -> None:
        """Refuse what is no file where the workspace has files.

        Raises:
            SymlinkRefused: it is a symbolic link.
            InvalidFile: it is a submodule.
        """
        for name in (*_FIXED, *self.archives(), *(name for name in self.entries if name.startswith("state/scans"))):
            mode, _ = self.entries.get(name, ("", ""))
            if mode == LINK:
                raise SymlinkRefused(path=name)
            if mode and not mode.startswith(FILE) and name != "sources":
                reason = "is a submodule, and must be a file or a folder of the workspace"
                raise InvalidFile.at(name, "index", reason, mend=f"git rm -r --cached -- {typed(name)}")

    def archives(self) -> tuple[str, ...]:
        """Return the archived files of the audit log that git has, in no order."""
        return tuple(name for name in self.entries if _is_archive(name))

    def prefetch(self, names: Iterable[str]) -> None:
        """Read *names* with one process.

        Raises:
            LocalIo, InvalidFile, GitRefused: one of them cannot be read, or would have to be fetched.
        """
        if not (wanted := [name for name in names if name not in self._known]):
            return
        if not self.in_git:
            self._known.update((name, _on_disk(self.root, name)) for name in wanted)
            return
        told = None
        if not self.repository.revision and self.repository.top == self.root:
            told = self.repository.runner.asked(STAGED, self.root, staged_question(wanted))
        there = [name for name in wanted if self.entries.get(name, ("", ""))[1]]
        if told is not None:
            found = zip(wanted, blobs(told), strict=True)
            self._known.update((name, blob if name in self.entries else None) for name, blob in found)
        elif there:
            self._known.update(zip(there, self.repository.blobs(self.entries[name][1] for name in there), strict=True))
        for name in wanted:
            if self._known.setdefault(name, None) is None and self.entries.get(name, ("", ""))[0].startswith(FILE):
                raise self.repository.lost(name)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file by its path from the root, or None if it will not be there.

        Raises:
            LocalIo, InvalidFile: it cannot be read.
        """
        self.prefetch((name,))
        return self._known[name]

    def unstaged(self, names: Collection[str]) -> tuple[str, ...]:
        """Return which of *names* are another on the disk, or are there alone."""
        if not self.in_git or self.repository.revision:
            return ()
        return tuple(name for name in names if self.differs(name))

    def differs(self, name: str) -> bool:
        """Tell whether the file *name* has other bytes on the disk than git has of it, or is there alone."""
        _, oid = self.entries.get(name, ("", ""))
        try:
            data = _on_disk(self.root, name)
        except (LocalIo, InvalidFile):
            # It is mended by git add, which says why it cannot be read.
            return True
        # Not at the top: a hook that has nothing of that kind to ask needs no more.
        from git_hybrid.git.trees import object_id

        return data is not None and (not oid or object_id("blob", data, len(oid)) != oid)

    def left_out(self) -> tuple[str, ...]:
        """Return which of the files that were read are on the disk alone."""
        if self.repository.revision:
            return ()
        return tuple(name for name, content in self._known.items() if content is None and (self.root / name).is_file())

    def tracked(self) -> tuple[str, ...]:
        """Return the paths that will be in the commit and are below ``sources/``, in any case, or of one run alone."""
        return tuple(path for path in self.entries if is_of_sources(path) or _is_of_a_run(path))

    def links(self) -> frozenset[str]:
        """Return the paths below ``sources/`` at which the commit will have another repository."""
        return frozenset(path for path, (mode, _) in self.entries.items() if mode == CLONE and is_of_sources(path))

    def abandoned(self) -> Mapping[str, tuple[str, ...]]:
        """Return what will be in the commit of clones that no workspace in it has (:mod:`git_hybrid.git.abandoned`)."""
        return abandoned(self.repository, self.root)

    def runs(self) -> tuple[str, ...]:
        """Return the paths of markers and journals that git has, in any case, as some file systems find them."""
        argv = ["git", "ls-files", "-z", "--", ":(icase)state"]
        told = items(self.repository.ask(argv, cwd=self.root))
        return tuple(path for path in told if path.lower() == "state" or f"{path.lower()}/".startswith(_RUNS))

    def documents(self, named: Collection[str] = ()) -> tuple[str, ...]:
        """Return the paths of the documents, and those of *named*, that will be in the commit."""
        others = [f":(literal){name}" for name in named if not is_listed(name)]
        if others and self.repository.top is not None:
            self.entries.update(self._listed(others))
        return tuple(path for path in self.entries if path.endswith(".md") or path in named)

    def _listed(self, patterns: Sequence[str]) -> Mapping[str, Entry]:
        if self.repository.revision:
            return {}
        told = self.repository.ask(["git", "ls-files", "--stage", "-z", "--", *patterns], cwd=self.root)
        return self.repository.staged_in(told, self.root)

    def below(self, paths: Collection[str]) -> tuple[str, ...]:
        """Return the files that will be in the commit at *paths*, or below these."""
        if (revision := self.repository.revision) and paths:
            prefix = self.repository.prefix(self.root)
            argv = ["git", "ls-tree", "-r", "-z", "--full-tree", revision, "--", *(prefix + path for path in paths)]
            found = of_tree(self.repository.ask(argv))
            self.entries.update((path.removeprefix(prefix), entry) for path, entry in found)
        elif paths:
            self.entries.update(self._listed([f":(literal){path}" for path in paths]))
        wanted = {f"{path}/" for path in paths}
        files = [path for path, (mode, _) in self.entries.items() if mode.startswith(FILE)]
        return tuple(path for path in files if is_below(f"{path}/", wanted))

    def is_at_head(self) -> bool:
        """Tell whether the clones on the disk say something of what git has: of a commit but HEAD they do not."""
        revision, argv = self.repository.revision, ["git", "rev-parse", "-q", "--verify", "HEAD"]
        return not revision or self.repository.run(argv).stdout.strip().decode("ascii") == revision

    def changed(self) -> frozenset[str]:
        """Return the paths from the root that the commit changes, below the root."""
        options = ("--name-only", "--no-renames", "--ignore-submodules=none", "-z")
        prefix = self.repository.prefix(self.root)
        argv = ["git", "diff", "--cached", *options]
        if self.repository.revision:
            argv = ["git", "diff-tree", "--root", "-r", "--no-commit-id", *options, self.repository.revision]
        found = items(self.repository.ask(argv))
        return frozenset(path.removeprefix(prefix) for path in found if path.startswith(prefix))


def is_committed(repository: Repository, root: Path) -> bool:
    """Tell whether HEAD has the workspace at *root*."""
    prefix = repository.prefix(root)
    done = repository.run(["git", "ls-tree", "-z", "HEAD", "--", *(f"{prefix}{name}" for name in ROOTS)])
    # A repository without a commit has no HEAD.
    return done.status == 0 and bool(done.stdout)


def roots_in(entries: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of the workspaces that have one of *entries*, each with a slash behind it, the top empty.

    What stands below the ``sources/`` of another is part of somebody else's repository.
    """
    found = sorted({path.removesuffix(name) for path in entries for name in ROOTS if f"/{path}".endswith(f"/{name}")})
    sources = {f"{one}sources/" for one in found}
    return tuple(one for one in found if not is_below(one, sources))


def documents_on_disk(repository: Repository, root: Path) -> tuple[str, ...]:
    """Return the documents that are on the disk below *root* and that git does not ignore."""
    if repository.top is None:
        return tuple(_walked(root))
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", "*.md"]
    told = items(repository.ask(argv, cwd=root))
    return tuple(dict.fromkeys(path for path in told if (root / path).is_file()))


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".") and Path(folder, name) != root / "sources"]
        yield from (os.path.relpath(os.path.join(folder, name), root) for name in files if name.endswith(".md"))


def _is_of_a_run(path: str) -> bool:
    lowered = path.lower()
    # A folder that is called so is in the way of everybody who writes.
    is_left = ".tmp/" in f"{lowered}/" and lowered.startswith(("state/", "sources.toml."))
    return is_left or f"{lowered}/".startswith(_RUNS)


def _is_archive(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return folder == "state" and file.startswith("sources-audit.") and file[len("sources-audit.") :].endswith(".jsonl")


def _on_disk(root: Path, name: str) -> bytes | None:
    path = root / name
    try:
        if path.exists() and not path.is_file():
            raise InvalidFile.at(name, "file", "is not a regular file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LocalIo.of(error, name, "read") from error


def heads(root: Path, names: Sequence[str], ref: str = "HEAD") -> Mapping[str, str]:
    """Return the commit at *ref* of each clone below ``sources/`` that is there, read without a process.

    A ref that cannot be read this way (a branch in a packed or another kind of ref store) is an empty text.
    """
    found: dict[str, str] = {}
    folder = f"{root}/sources"
    for name in names:
        git_dir = f"{folder}/{name}/.git"
        try:
            text = _line(f"{git_dir}/{ref}")
            named = text.removeprefix("ref: ")
            found[name] = text if named == text else _line(f"{git_dir}/{named}")
        except FileNotFoundError:
            if os.path.isdir(git_dir):
                found[name] = ""
        except (OSError, UnicodeDecodeError):
            found[name] = ""
    return found


def _line(path: str) -> str:
    with file_at(path, links=True) as file:
        return (file.read() or b"").decode("ascii").strip()


def hides_clones(root: Path) -> bool:
    """Tell whether ``sources/.gitignore`` is as it was made, so that git need not be asked."""
    lines = (read_plain(root / "sources/.gitignore") or b"").splitlines()
    return [line for line in lines if line and not line.startswith(b"#")] == [b"*", b"!.gitignore"]
