"""Read commits and trees of a stage or a clone: a few from its files, else by libgit2, and by git where it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from git_hybrid.core.errors import GitFailed
from git_hybrid.core.ids import Oid, parse_oid
from git_hybrid.core.ports import CommitFacts, CommitLine, Range, Stage
from git_hybrid.core.tree import GITLINK, TreeEntry, TreeLimits, content_digest, scan_tree
from git_hybrid.core.value import Struct, replace
from git_hybrid.git import sums
from git_hybrid.git.classify import last_words
from git_hybrid.git.facts import moment, told_of
from git_hybrid.git.hashing import small_hashes
from git_hybrid.git.kept import UPSTREAM, kept_ref
from git_hybrid.git.libgit2 import damage, descends, entries_at, fetched, links, open_repository, released
from git_hybrid.git.listing import batch, beginnings, hash_one, parse_entries
from git_hybrid.git.raw import FEW, Unsure, opened
from git_hybrid.git.run import Runner
from git_hybrid.git.standing import is_there
from git_hybrid.git.trees import TooManyTrees, entries_of, scanned

_CHUNK = 1 << 18
_SUBJECT = 1000
"""So much of a line of a log is read: the subject of a commit may have as many bytes as a file."""
_MANY = 1_000_000
_FOLDERS, _FILES = 1000, 5000
"""A tree with more of them is read by libgit2: to import it takes as long as to look at so many here."""


class GitObjects(Struct, frozen=True):
    """The objects of :mod:`git_hybrid.core.ports`."""

    runner: Runner

    def has_commit(self, stage: Stage, oid: Oid) -> bool:
        """Tell whether the commit *oid* is there."""
        with suppress(Unsure), opened(_git_dir(stage)) as raw:
            return raw.holds(oid) and bool(raw.links(oid))
        with released(open_repository(_git_dir(stage))) as repository:
            if repository is not None:
                return links(repository, oid) is not None
        return self.kind(stage, oid) == "commit"

    def kind(self, stage: Stage, oid: Oid) -> str:
        """Return what the object *oid* is, such as ``blob``; nothing if it is not there."""
        return self._ask(stage, "cat-file", "-t", oid)

    def has_content(self, stage: Stage, oid: Oid, *, history: bool = False) -> bool:
        """Tell whether the commit *oid* has its whole tree here, with *history* also all that came before it.

        A partial clone lacks objects by design, a clone that another tool left half done by accident.
        """
        if not history:
            with suppress(Unsure), opened(_git_dir(stage)) as raw:
                return raw.holds_all(oid)
        with released(None if history else open_repository(_git_dir(stage))) as repository:
            if repository is not None:
                try:
                    return all(True for _entry in entries_at(repository, oid, most=_MANY))
                except KeyError:
                    return False
                except (ValueError, TooManyTrees, damage()):
                    pass  # Something that git may read all the same.
        walk = [] if history else ["--no-walk"]
        arguments = ["rev-list", "--objects", *walk, "--missing=print", "--end-of-options", oid]
        done = self.runner.git(arguments, git_dir=_git_dir(stage))
        return done.status == 0 and b"\n?" not in b"\n" + done.stdout

    def upstream(self, stage: Stage, ref: str) -> tuple[Oid, Oid | None] | None:
        """Return the commit and, of an annotated tag, the tag object that *ref* was fetched as."""
        kept = kept_ref(ref)
        with suppress(Unsure), opened(_git_dir(stage)) as raw:
            return _with_tag(*raw.fetched(kept))
        with released(open_repository(_git_dir(stage))) as repository:
            if repository is not None:
                with suppress(KeyError, damage()):
                    found = fetched(repository, kept)
                    if found is not None:
                        return _with_tag(*found)
        target = self._ask(stage, "rev-parse", "--verify", "--quiet", "--end-of-options", kept)
        commit = self._ask(stage, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{kept}^{{commit}}")
        return _with_tag(target, commit) if target and commit else None

    def upstream_refs(self, stage: Stage) -> Mapping[str, Oid]:
        """Return the commits of all fetched branches and tags by their full refs, branches first."""
        fields = "%(refname) %(objectname) %(*objectname)"
        out = self._ask(stage, "for-each-ref", f"--format={fields}", f"{UPSTREAM}heads/", f"{UPSTREAM}tags/")
        refs: dict[str, Oid] = {}
        for line in out.split("\n") if out else ():
            name, _, oids = line.partition(" ")
            refs["refs/" + name.removeprefix(UPSTREAM)] = parse_oid(oids.split()[-1])
        return refs

    def is_ancestor(self, stage: Stage, old: Oid, new: Oid) -> bool:
        """Tell whether *old* is *new* or in its history."""
        if old == new:
            return True
        with suppress(Unsure), opened(_git_dir(stage)) as raw:
            return raw.descends(new, old, most=FEW)
        with released(open_repository(_git_dir(stage))) as repository:
            if repository is not None and not repository.is_shallow:
                known = descends(repository, new, old)
                if known is not None:
                    return known
        done = self.runner.git(["merge-base", "--is-ancestor", "--end-of-options", old, new], git_dir=_git_dir(stage))
        return done.status == 0

    def is_behind(self, stage: Stage, oid: Oid, tips: Sequence[Oid]) -> bool:
        """Tell whether *oid* is one of *tips* or in the history of one, by one walk over all of them."""
        done = self.runner.git(["rev-list", "--max-count=1", oid, "--not", *tips, "--"], git_dir=_git_dir(stage))
        return done.status == 0 and not done.stdout

    def facts(self, stage: Stage, oid: Oid, *, complete: bool) -> CommitFacts:
        """Return tree, commit time and, where history is *complete*, the root commits of *oid*.

        Raises:
            GitFailed: the commit is not there.
        """
        if (facts := told_of(_git_dir(stage), oid)) is None:
            tree, _, seconds = self._must(stage, "log", "-1", "--format=%T %ct", "--end-of-options", oid).partition(" ")
            facts = CommitFacts(tree=parse_oid(tree), commit_time=moment(seconds), root_commits=())
        if not complete:
            return facts
        roots = self._must(stage, "rev-list", "--max-parents=0", "--end-of-options", oid).split()
        return replace(facts, root_commits=tuple(sorted(parse_oid(root) for root in roots)))

    def find_prefix(self, stage: Stage, prefix: str) -> tuple[Oid, ...]:
        """Return the commits whose ids start with *prefix*; names of refs play no part."""
        found = self._ask(stage, "rev-parse", f"--disambiguate={prefix}").split()
        return tuple(oid for text in found if self.has_commit(stage, oid := parse_oid(text)))

    def scan(
        self, stage: Stage, oid: Oid, limits: TreeLimits, *, like: Stage | None = None
    ) -> tuple[Sequence[TreeEntry], tuple[str, ...]]:
        """Return the entries of the tree of *oid* and what is wrong with them (:func:`scan_tree`).

        *like* is a clone most files of which are the same.
        """
        with suppress(Unsure, ValueError, TooManyTrees), opened(_git_dir(stage)) as raw:
            size = raw.few_sizes(_FILES) if like is None else sums.sizes(sums.read(like.path), raw)
            most = limits.max_entries if like is not None else min(limits.max_entries, _FOLDERS)
            entries = entries_of(raw.links(oid)[0], raw.read, size, most=most)
            return scan_tree(entries, limits=limits, read_link=lambda blob: raw.read(blob)[1])
        with released(open_repository(_git_dir(stage))) as repository:
            if repository is not None:
                odb = repository.odb
                with suppress(KeyError, ValueError, damage()):
                    entries = entries_at(repository, oid, most=limits.max_entries)
                    return scanned(entries, limits, lambda blob: odb.read(blob)[1])
        arguments = ["ls-tree", "-r", "-t", "-l", "-z", "--full-tree", "--end-of-options", oid]
        with self.runner.stream(arguments, git_dir=_git_dir(stage)) as out:
            return scanned(parse_entries(out, stage), limits, lambda blob: self._blob(stage, blob))

    def _blob(self, stage: Stage, oid: str) -> bytes:
        with suppress(Unsure), opened(_git_dir(stage)) as raw:
            return raw.read(oid)[1]
        done = self.runner.git(["cat-file", "blob", oid], git_dir=_git_dir(stage))
        if done.status != 0:
            raise GitFailed(command="git cat-file", status=done.status, stderr=last_words(done.stderr), name=stage.name)
        return done.stdout

    def has_digest(self, stage: Stage, entries: Sequence[TreeEntry], sha256: str, *, like: Stage) -> bool:
        """Tell whether the digest of the content is surely *sha256*, by what the clone *like* knows of most blobs.

        If so, it knows the others too from then on.
        """
        with suppress(Unsure, OSError):
            with opened(_git_dir(stage)) as raw:
                hashes = sums.hashed(sums.read(like.path), raw, entries)
            if content_digest(entries, iter(hashes)) == sha256:
                sums.write(like.path, entries, hashes)
                return True
        return False

    def content_sha256(self, stage: Stage, entries: Sequence[TreeEntry]) -> str:
        """Return SHA-256 over ``<mode> <sha256 of the blob> <path>`` NUL of each entry, in the order of the tree.

        A gitlink has no blob here and counts as the empty string.

        Raises:
            WrongContent: a blob is missing or not what its id says.
        """
        blobs = [entry.oid for entry in entries if entry.mode != GITLINK]
        hashes = small_hashes(_git_dir(stage), entries, name=stage.name)
        return content_digest(entries, hashes or self._blob_hashes(stage, blobs))

    def _blob_hashes(self, stage: Stage, oids: Sequence[str]) -> Iterator[str]:
        with batch(self.runner, _git_dir(stage), oids, folder=stage.path) as out:
            for oid in oids:
                yield hash_one(out, oid, stage)

    def uses_lfs(self, stage: Stage, entries: Sequence[TreeEntry]) -> bool:
        """Tell whether a ``.gitattributes`` of the tree hands files to Git LFS."""
        files = [entry for entry in entries if entry.path.rsplit(b"/", 1)[-1] == b".gitattributes"]
        return any(b"filter=lfs" in self._blob(stage, entry.oid) for entry in files if entry.size < _CHUNK)

    def judge_lfs(self, stage: Stage, oid: Oid, entries: Sequence[TreeEntry], limits: TreeLimits) -> None:
        """Raise unless git-lfs may fetch what the *entries* name (:func:`git_hybrid.git.largefiles.judge_lfs`)."""
        from git_hybrid.git.largefiles import judge_lfs

        judge_lfs(self.runner, stage, oid, entries, limits)

    def has_lfs(self, stage: Stage, oid: Oid) -> bool:
        """Tell whether all LFS content of *oid* is there, whatever it holds.

        Raises:
            GitFailed, WrongContent: git cannot tell what that is.
        """
        from git_hybrid.git.lfsstore import has_all

        return has_all(self.runner, stage, oid)

    def submodules(self, stage: Stage, oid: Oid) -> Sequence[tuple[str, Oid, str]]:
        """Return path, commit and URL of each submodule of *oid*; the URL is empty where ``.gitmodules`` has none.

        Raises:
            HostileTree: ``.gitmodules`` has more settings than any has.
        """
        from git_hybrid.git.listed import settings_in

        listed = self._must(stage, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", oid)
        links = {}
        for line in listed.split("\0"):
            head, _, path = line.partition("\t")
            if head.startswith(f"{GITLINK} "):
                links[path] = parse_oid(head.split()[2])
        if not links:
            return ()
        values = dict(settings_in(self.runner, stage, oid, ".gitmodules"))
        paths = {value: key.removesuffix(".path") for key, value in values.items() if key.endswith(".path")}
        return tuple((path, link, values.get(f"{paths.get(path)}.url", "")) for path, link in links.items())

    def between(self, stage: Stage, old: Oid, new: Oid, *, limit: int, files: bool = True) -> Range:
        """Return counts, at most *limit* commits (newest first) and the number of *files* between two commits.

        git goes through both trees to count files, however large they are.

        Raises:
            GitFailed: one of the commits is not there.
        """
        counts = self._must(stage, "rev-list", "--left-right", "--count", f"{old}...{new}", "--").split()
        log = ("log", "-z", f"--max-count={limit}", "--format=%H %s", f"{old}..{new}", "--")
        with self.runner.stream(log, git_dir=_git_dir(stage)) as out:
            lines = [line.decode("utf-8", "replace").partition(" ") for line in beginnings(out, _SUBJECT)]
        shown = ("diff-tree", "-r", "--no-renames", "--name-only", "-z", "--ignore-submodules=none", old, new, "--")
        changed = self._must(stage, *shown).count("\0") if files else None
        return Range(
            behind=int(counts[0]),
            ahead=int(counts[1]),
            commits=tuple(CommitLine(commit=parse_oid(oid), subject=subject) for oid, _, subject in lines),
            files=changed,
        )

    def is_shallow(self, stage: Stage) -> bool:
        """Tell whether commits are there as if they had no parents, because history is cut off at them."""
        return is_there(_git_dir(stage) / "shallow")

    def _ask(self, stage: Stage, *arguments: str) -> str:
        """Return what git answers, or nothing if it fails."""
        done = self.runner.git(arguments, git_dir=_git_dir(stage))
        return done.stdout.decode("utf-8", "surrogateescape").strip() if done.status == 0 else ""

    def _must(self, stage: Stage, *arguments: str) -> str:
        done = self.runner.git(arguments, git_dir=_git_dir(stage))
        if done.status != 0:
            command, words = f"git {arguments[0]}", last_words(done.stderr)
            raise GitFailed(command=command, status=done.status, stderr=words, name=stage.name)
        # As _ask: a path is looked for in what that returns.
        return done.stdout.decode("utf-8", "surrogateescape")


def _with_tag(target: str, commit: str) -> tuple[Oid, Oid | None]:
    return parse_oid(commit), None if target == commit else parse_oid(target)


def _git_dir(stage: Stage) -> Path:
    return _place(stage.git_dir)


@lru_cache(maxsize=64)
def _place(path: str) -> Path:
    # A source is looked at several times: a path is taken apart but once.
    return Path(path)
