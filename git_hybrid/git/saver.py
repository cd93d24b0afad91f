"""Save everything that a user did in a clone, as one commit below ``refs/hybrid/saved/``.

The commit's tree holds the working tree with its untracked files, as `git stash --include-untracked` would; its first
parent is HEAD, the others are the index where it differs, of an unmerged one each side, and what a merge was bringing
in. Nothing of the user is changed: not the index, not a ref of theirs.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.planner import source_path
from git_hybrid.core.ports_writer import Saved
from git_hybrid.core.tree import GITLINK
from git_hybrid.git import place
from git_hybrid.git.clones import FETCHED
from git_hybrid.git.endangered import Endangering, is_unsaveable
from git_hybrid.git.eyes import wide_open
from git_hybrid.git.local import must
from git_hybrid.git.nested import refuse_repositories
from git_hybrid.git.operations import IDENTITY, brought, patches
from git_hybrid.git.quarantine import uses_lfs
from git_hybrid.git.readback import holds_blobs, holds_tree
from git_hybrid.git.run import Runner
from git_hybrid.git.savedrefs import free_ref, known_ref
from git_hybrid.git.standing import mode_of
from git_hybrid.git.unseen import closed_folders

Anew = Callable[[], AbstractContextManager[dict[str, str]]]


def save_work(
    runner: Runner,
    path: Path,
    *,
    name: SourceName,
    run: str,
    pin: Oid,
    anew: Anew,
    cleared: Collection[str] | None = None,
    standing: Collection[str] = (),
) -> Saved:
    """Save HEAD, index, changed and untracked files of the clone at *path*.

    Ignored files that the commit *pin* would overwrite are saved too. The submodules *cleared* are kept otherwise, and
    *pin* gets its own in their places; None: they stay where they are. Those *standing* are as *pin* has them, and no
    work. What cannot be read back is written once more in the environment of *anew*
    (:func:`git_hybrid.git.readback.written_anew`).

    Raises:
        LocalIo: something cannot be read, or not be read back; nothing was changed.
        NestedRepository: another repository stands in the clone; nothing was changed.
        GitFailed: something could not be saved; nothing was changed.
    """
    if closed := closed_folders(runner, path):
        where = os.fsdecode(os.path.join(os.fsencode(path), closed[0].rstrip(b"/")))
        raise LocalIo(path=where, operation="save", reason=os.strerror(errno.EACCES))
    saver = _Saver(runner=runner, path=path, name=name, anew=anew, standing={*map(os.fsencode, standing)})
    head = saver.commit("HEAD")
    scratch = path / ".git" / f"hybrid-index-{run}"
    try:
        tree, unsaveable = saver.snapshot(
            scratch, head, pin, None if cleared is None else frozenset(map(os.fsencode, cleared))
        )
        index_trees = saver.index_trees(scratch)
        patch_tree = saver.patch_tree(scratch)
    finally:
        scratch.unlink(missing_ok=True)
        scratch.with_name(scratch.name + ".lock").unlink(missing_ok=True)
    head_tree = saver.ask("rev-parse", "--verify", "--quiet", f"{head}^{{tree}}") if head else ""
    staged = {staged: words for staged, words in index_trees.items() if staged not in (head_tree, tree)}
    begun = [oid for line in brought(path / ".git", saver.ask) if (oid := saver.commit(line))]
    if tree == head_tree and not staged and not patch_tree and all(map(saver.is_upstream, [head, *begun])):
        return Saved(None, head, unsaveable, head)
    parents = [head] if head else []
    if patch_tree:
        staged[patch_tree] = "Patches that git am was to apply, saved by git hybrid"
    for beside, words in staged.items():
        parents_beside = ["-p", head] if head else []
        parents.append(saver.must("commit-tree", beside, *parents_beside, "-m", words))
    parents += begun
    options = [part for parent in parents for part in ("-p", parent)]
    message = f"Local work in {name}, saved by git hybrid before going to {pin}"
    if (known := known_ref(saver.ask, tree, parents)) is not None:
        return Saved(*known, unsaveable, head)
    commit = saver.must("commit-tree", tree, *options, "-m", message)
    ref = free_ref(saver.ask, run)
    saver.must("update-ref", ref, commit, "")
    return Saved(ref, commit, unsaveable, head)


class _Saver:
    """Runs git in one clone."""

    def __init__(self, *, runner: Runner, path: Path, name: SourceName, anew: Anew, standing: set[bytes]) -> None:
        self._runner, self._path, self._name, self._anew, self._standing = runner, path, name, anew, standing
        self._seeing = wide_open(path / ".git")

    def ask(self, *arguments: str) -> str:
        git_dir, path = self._path / ".git", self._path
        done = self._runner.git(arguments, git_dir=git_dir, work_tree=path, environment=self._seeing)
        return done.stdout.decode("ascii", "replace").strip() if done.status == 0 else ""

    def commit(self, text: str) -> str:
        """Return the commit that *text* names; nothing if it names none."""
        return self.ask("rev-parse", "--verify", "--quiet", f"{text}^{{commit}}")

    def must(self, *arguments: str, environment: dict[str, str] | None = None, stdin: bytes | None = None) -> str:
        return self._done(arguments, IDENTITY | (environment or {}), stdin).decode("ascii", "replace").strip()

    def _done(self, arguments: Sequence[str], environment: dict[str, str], stdin: bytes | None = None) -> bytes:
        git_dir, path = self._path / ".git", self._path
        seen = self._seeing | environment
        done = must(self._runner, self._name, git_dir, arguments, work_tree=path, stdin=stdin, environment=seen)
        return done.stdout

    def snapshot(
        self, scratch: Path, head: str, pin: Oid, cleared: Collection[bytes] | None
    ) -> tuple[str, tuple[bytes, ...]]:
        """Return the tree of the working tree, written through an index of our own, and what cannot be saved."""
        environment = {"GIT_INDEX_FILE": str(scratch)}
        self.must("read-tree", *([head] if head else ["--empty"]), environment=environment)
        self._refuse_nested(environment)
        lost = self._add_all(environment)
        unsaveable = self._add_endangered(environment, pin, cleared, lost) | {link + b"/.git" for link in lost}
        if head and uses_lfs(self._path / ".git"):
            from git_hybrid.git.lfslook import take_as_committed

            take_as_committed(self._runner, self._path, head, self._done, environment)
        tree = self._tree(environment)
        self._read_back(tree, scratch, [pin, *filter(self.is_upstream, [head])])
        return tree, tuple(sorted(unsaveable))

    def index_trees(self, scratch: Path) -> dict[str, str]:
        """Return the trees that together hold all that is in the index, each with the words for its commit.

        One that is unmerged is no tree, and so it is written once without what is, and once for each stage.
        """
        words = "Index saved by git hybrid"
        if self.ask("write-tree"):
            return {self._tree({}): words}
        staged: dict[bytes, list[bytes]] = {stage: [] for stage in (b"0", b"1", b"2", b"3")}
        for line in self._done(["ls-files", "--stage", "-z"], {}).split(b"\0")[:-1]:
            info, _, path = line.partition(b"\t")
            mode, oid, stage = info.split(b" ")
            staged[stage].append(b"%b %b\t%b\0" % (mode, oid, path))
        merged = staged.pop(b"0")
        found = {self._written(scratch, merged): f"{words}, without what is unmerged"}
        for stage, entries in staged.items():
            # What comes last wins where one has a file and the other a folder.
            if entries:
                tree = self._written(scratch, merged + entries)
                found[tree] = f"{words}, with stage {stage.decode()} of what is unmerged"
        return found

    def patch_tree(self, scratch: Path) -> str:
        """Return the tree of the patches that ``git am`` was to apply; nothing if there are none."""
        names = patches(self._path / ".git")
        if not names:
            return ""
        asked = "".join(f".git/rebase-apply/{name}\n" for name in names).encode("ascii")
        arguments = ["hash-object", "-w", "--no-filters", "--stdin-paths"]
        oids = self._done(arguments, {}, asked).split()
        self._require({oid.decode("ascii") for oid in oids}, lambda anew: self._done(arguments, anew, asked))
        lines = [b"100644 %b\t%b\0" % (oid, name.encode("ascii")) for oid, name in zip(oids, names, strict=True)]
        return self._written(scratch, lines)

    def _written(self, scratch: Path, entries: Sequence[bytes]) -> str:
        scratch.unlink(missing_ok=True)
        environment = {"GIT_INDEX_FILE": str(scratch)}
        self.must("update-index", "-z", "--index-info", environment=environment, stdin=b"".join(entries))
        return self._tree(environment)

    def _tree(self, environment: dict[str, str]) -> str:
        """Return the tree of the index, which can be read."""
        tree = self.must("write-tree", environment=environment)
        if not holds_tree(self._runner, self._path / ".git", tree):
            with self._anew() as anew:
                self.must("write-tree", "--missing-ok", "--ignore-cache-tree", environment=environment | anew)
        return tree

    def _read_back(self, tree: str, scratch: Path, known: Sequence[str]) -> None:
        """See to it that the files of *tree* that are in none of the commits *known* can be read."""
        all_of, *others = ({*self._done(["ls-tree", "-r", "-z", of], {}).split(b"\0")} for of in (tree, *known))
        new = [line.partition(b"\t") for line in all_of.difference(*others)]
        blobs = {path: info[12:].decode("ascii") for info, _, path in new if info[6:12] == b" blob "}

        def add(anew: dict[str, str]) -> None:
            scratch.unlink()
            self._add(blobs.keys(), anew | {"GIT_INDEX_FILE": str(scratch)})

        self._require({*blobs.values()}, add)

    def _require(self, blobs: Collection[str], write: Callable[[dict[str, str]], object]) -> None:
        git_dir = self._path / ".git"
        if blobs and not holds_blobs(self._runner, git_dir, blobs):
            with self._anew() as anew:
                write(anew)
            if not holds_blobs(self._runner, git_dir, blobs):
                where, reason = f"{source_path(self._name)}/.git/objects", "objects there are damaged"
                raise LocalIo(path=where, operation="read back what was saved in", reason=reason)

    def _refuse_nested(self, environment: dict[str, str]) -> None:
        """Raise if git lists a folder as one thing: of another repository it would save no more than a name.

        Of those standing only what HEAD does not have is listed, and left out.
        """
        listed = self._done(["ls-files", "--others", "--exclude-standard", "-z"], environment)
        self._standing.intersection_update(found := {path[:-1] for path in listed.split(b"\0") if path.endswith(b"/")})
        self._refuse({path + b"/" for path in found - self._standing})

    def _refuse(self, repositories: Collection[bytes], links: Collection[bytes] = ()) -> None:
        refuse_repositories(self._path, self._name, repositories, links=links)

    def _add_all(self, environment: dict[str, str]) -> set[bytes]:
        """Add all files; return the submodules whose ``.git`` leads nowhere, of which each file is added by itself."""
        added = (".", *(f":(exclude,literal){os.fsdecode(path)}" for path in self._standing))
        try:
            self.must("add", "--all", "--", *added, environment=environment)
        except GitFailed:
            root, known = os.fsencode(self._path), self._entries(["ls-files", "--stage", "-z"], environment)
            unsaveable = {path for path in known if is_unsaveable(mode_of(os.path.join(root, path)))}
            lost = {path for path, mode in known.items() if mode == GITLINK and self._is_lost(path)}
            if not (unsaveable or lost):
                raise
            self._drop(unsaveable | lost, environment)
            self.must("add", "--all", "--", *added, environment=environment)
            return lost
        return set()

    def _is_lost(self, link: bytes) -> bool:
        top = f"{self._path}/{os.fsdecode(link)}"
        return os.path.isfile(f"{top}/.git") and not os.path.isdir(place.git_dir(top, {}))

    def _add_endangered(
        self, environment: dict[str, str], pin: Oid, cleared: Collection[bytes] | None, lost: Collection[bytes]
    ) -> set[bytes]:
        """Add what going to *pin* would take away and no index has: ignored files of the user, for the most part.

        Return what of it git cannot store. In the folders *lost* nothing is looked for.
        """
        listed = self._entries(["ls-tree", "-r", "-z", pin], {})
        known = self._entries(["ls-files", "--stage", "-z"], environment)
        links = {path for path, mode in known.items() if mode == GITLINK}
        files = known.keys() - links
        root = os.fsencode(self._path)
        looking = Endangering(root, {*lost, *(cleared or ())})
        named = (path for path, mode in listed.items() if mode == GITLINK and path not in lost)
        staying = {path for path in named if mode_of(os.path.join(root, path, b".git")) is not None}
        if cleared is not None:
            # One that git put there does not give way, and is a change where the commit has another one or none.
            staying = self._as_listed(staying - self._standing, environment, pin) | self._standing
            looking.by_writing(links - listed.keys(), links=(), known=())
        looking.by_writing(listed.keys() - files, links=staying, known=files)
        looking.by_removing(self._entries(["ls-files", "--stage", "-z"], {}).keys() - known.keys())
        self._refuse(looking.found.repositories, links)
        if not (wanted := looking.found.files):
            return looking.found.unsaveable
        # git adds nothing below what it takes for a submodule.
        hollow = {link for link in links if any(path.startswith(link + b"/") for path in wanted)}
        self._drop(hollow, environment)
        self._add(wanted, environment)
        # It passes over files of another repository without a word.
        left = wanted - self._entries(["ls-files", "--stage", "-z"], environment).keys()
        self._refuse({looking.repository_of(path) for path in left})
        return looking.found.unsaveable

    def _as_listed(self, links: Collection[bytes], environment: dict[str, str], pin: Oid) -> set[bytes]:
        """Return those of *links*, where repositories stand, that *pin* has, with nothing changed in them."""
        if not links:
            return set()
        options = ["--name-only", "-z", "--no-renames", "--ignore-submodules=none"]
        return {*links} - {*self._done(["diff-index", *options, pin, "--"], environment).split(b"\0")}

    def _add(self, paths: Collection[bytes], environment: dict[str, str]) -> None:
        literal = environment | {"GIT_LITERAL_PATHSPECS": "1"}
        options = ["--force", "--pathspec-from-file=-", "--pathspec-file-nul"]
        self._fed("add", *options, environment=literal, paths=paths)

    def _drop(self, paths: Collection[bytes], environment: dict[str, str]) -> None:
        self._fed("update-index", "--force-remove", "-z", "--stdin", environment=environment, paths=paths)

    def _fed(self, *arguments: str, environment: dict[str, str], paths: Collection[bytes]) -> None:
        self.must(*arguments, environment=environment, stdin=b"".join(path + b"\0" for path in sorted(paths)))

    def _entries(self, arguments: Sequence[str], environment: dict[str, str]) -> dict[bytes, str]:
        """Return the paths that git lists with the mode of each."""
        lines = self._done(arguments, environment).split(b"\0")[:-1]
        return {path: info[:6].decode("ascii") for info, _, path in (line.partition(b"\t") for line in lines)}

    def is_upstream(self, head: str) -> bool:
        """Tell whether *head* is in the history of what was fetched."""
        done = self._runner.git(["rev-list", "--max-count=1", head, "--not", *FETCHED], git_dir=self._path / ".git")
        return bool(head) and done.status == 0 and not done.stdout
