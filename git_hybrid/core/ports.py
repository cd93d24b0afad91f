"""What the use cases need of the outside, as Protocols. Each has a real adapter and a fake in the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Defaults
from git_hybrid.core.plan import Absent, Clone, Observed, Stray
from git_hybrid.core.tree import TreeEntry, TreeLimits
from git_hybrid.core.value import Struct, field


class Stage(Struct, frozen=True):
    """A repository in quarantine, its working folder at ``path``; ``borrows``: it sees the clone's objects.

    ``apart`` is where the repository itself is, if not in ``.git`` there.
    """

    name: SourceName
    path: str
    borrows: bool = False
    apart: str = ""

    @property
    def git_dir(self) -> str:
        """The path of the repository itself."""
        return self.apart or f"{self.path}/.git"


class RemoteRefs(Struct, frozen=True, kw_only=True):
    """What a server lists: tips by full ref, peeled commits of annotated tags, the default branch.

    ``at`` is where it sent on whoever asked, if it did, without what may be secret.
    """

    tips: Mapping[str, Oid] = field(default_factory=dict)
    peeled: Mapping[str, Oid] = field(default_factory=dict)
    head: RefName | None = None
    at: str = ""

    def commit(self, ref: str) -> Oid | None:
        """Return the commit that *ref* names (an annotated tag is peeled), or None if it is not listed."""
        return self.peeled.get(ref) or self.tips.get(ref)


class FetchRequest(Struct, frozen=True, kw_only=True):
    """What to fetch: full refs (kept below ``refs/hybrid/upstream/``) and single commits.

    ``depth`` 1 leaves out all history; ``commits_only`` all trees and files; what is ``waived`` may fail git's fsck.
    ``glimpsed`` has what refs were at a URL a moment ago, by both: that need not be looked at again. ``listed`` has
    what its server said that they are: of many refs these ids are asked for.
    """

    refs: Sequence[str] = ()
    commits: Sequence[Oid] = ()
    depth: int | None = None
    commits_only: bool = False
    waived: Sequence[Oid] = ()
    glimpsed: Mapping[tuple[str, str], Oid] = field(default_factory=dict)
    listed: Mapping[tuple[str, str], Oid] = field(default_factory=dict)


class CommitFacts(Struct, frozen=True, kw_only=True):
    """What the lock keeps of a commit."""

    tree: Oid
    commit_time: datetime
    root_commits: tuple[Oid, ...]


class CommitLine(Struct, frozen=True, kw_only=True):
    """One commit for people: its id and the first line of its message."""

    commit: Oid
    subject: str


class Range(Struct, frozen=True, kw_only=True):
    """What stands between two commits: counts, the newest commits, how many files differ; None if nobody counted."""

    ahead: int
    behind: int
    commits: tuple[CommitLine, ...]
    files: int | None


class Transport(Protocol):
    """Asks servers. Every method may raise any RemoteError."""

    def list_refs(self, url: str, defaults: Defaults, *, head: bool) -> RemoteRefs:
        """Return the branches and tags that the server at *url* lists, with *head* also its default branch."""
        ...

    def glimpse(self, url: str, ref: str) -> Oid | None:
        """Return what *ref* is at *url* by now, where that shows without asking anybody; None where it does not."""
        ...

    def fetch(self, stage: Stage, url: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch into *stage*, or raise RefMissing if the server lacks a ref."""
        ...

    def fetch_lfs(self, stage: Stage, url: str, oid: Oid, defaults: Defaults) -> None:
        """Fetch the LFS content of a commit into *stage*, from the server at *url* and from no other."""
        ...

    def fetch_bundle(self, stage: Stage, bundle: str, request: FetchRequest, defaults: Defaults) -> None:
        """Fetch from a bundle file into *stage*, with the same checks as from a server."""
        ...

    def head_of_bundle(self, bundle: str, defaults: Defaults) -> Oid | None:
        """Return the commit at HEAD of a bundle file, None if it has no HEAD."""
        ...


class Objects(Protocol):
    """Reads commits and trees in a stage or a clone."""

    def has_commit(self, stage: Stage, oid: Oid) -> bool:
        """Tell whether the commit is there."""
        ...

    def kind(self, stage: Stage, oid: Oid) -> str:
        """Return what the object is, such as ``blob``; nothing if it is not there."""
        ...

    def has_content(self, stage: Stage, oid: Oid, *, history: bool = False) -> bool:
        """Tell whether every file of the commit is there, with *history* also every earlier commit with its files."""
        ...

    def upstream(self, stage: Stage, ref: str) -> tuple[Oid, Oid | None] | None:
        """Return the commit and the tag object of a fetched ref, or None if it was not fetched."""
        ...

    def upstream_refs(self, stage: Stage) -> Mapping[str, Oid]:
        """Return all fetched refs with their commits."""
        ...

    def is_ancestor(self, stage: Stage, old: Oid, new: Oid) -> bool:
        """Tell whether *old* is in the history of *new* (a commit is in its own)."""
        ...

    def is_behind(self, stage: Stage, oid: Oid, tips: Sequence[Oid]) -> bool:
        """Tell whether one of *tips*, which are there, is *oid* or has it in its history."""
        ...

    def facts(self, stage: Stage, oid: Oid, *, complete: bool) -> CommitFacts:
        """Return what the lock keeps of a commit; root commits only where history is *complete*."""
        ...

    def find_prefix(self, stage: Stage, prefix: str) -> tuple[Oid, ...]:
        """Return the commits whose ids start with *prefix*."""
        ...

    def scan(
        self, stage: Stage, oid: Oid, limits: TreeLimits, *, like: Stage | None = None
    ) -> tuple[Sequence[TreeEntry], tuple[str, ...]]:
        """Return the entries of the commit's tree and what is wrong with them.

        *like* is a clone that surely stands untouched, at another commit: what it knows of its blobs saves reading.
        """
        ...

    def has_digest(self, stage: Stage, entries: Sequence[TreeEntry], sha256: str, *, like: Stage) -> bool:
        """Tell whether the digest of the content is surely *sha256*, by what the clone *like* knows of most blobs."""
        ...

    def content_sha256(self, stage: Stage, entries: Sequence[TreeEntry]) -> str:
        """Return the digest of the content, as the lock keeps it."""
        ...

    def uses_lfs(self, stage: Stage, entries: Sequence[TreeEntry]) -> bool:
        """Tell whether a .gitattributes of the tree hands files to Git LFS."""
        ...

    def judge_lfs(self, stage: Stage, oid: Oid, entries: Sequence[TreeEntry], limits: TreeLimits) -> None:
        """Raise HostileTree unless git-lfs may fetch the content that the *entries*, the tree of *oid*, name."""
        ...

    def has_lfs(self, stage: Stage, oid: Oid) -> bool:
        """Tell whether all LFS content of the commit is there, of which there may be none."""
        ...

    def submodules(self, stage: Stage, oid: Oid) -> Sequence[tuple[str, Oid, str]]:
        """Return path, commit and URL (empty if there is none) of each submodule that the commit names."""
        ...

    def between(self, stage: Stage, old: Oid, new: Oid, *, limit: int, files: bool = True) -> Range:
        """Return what stands between two commits; their *files* are counted only where both trees passed the scan."""
        ...

    def is_shallow(self, stage: Stage) -> bool:
        """Tell whether history is cut off, so that commits between two may not be there."""
        ...


class Quarantine(Protocol):
    """Makes and drops stages; what is in it is never mistaken for a clone."""

    def stage(self, name: SourceName, *, borrow: bool, oid_length: int = 40, suffix: str = "") -> Stage:
        """Return a new empty stage; with *borrow* it sees the objects of the clone of that name.

        Of two that one source has at a time, one has a *suffix*.
        """
        ...

    def beside(self, name: SourceName, *, oid_length: int) -> Stage:
        """Return a new stage that sees the objects of the clone of that name, also where its history is cut off.

        What a server is asked about a commit that the clone has is asked there: no setting of the clone counts.
        """
        ...

    def drop(self, stage: Stage) -> None:
        """Remove the stage."""
        ...


class Clones(Protocol):
    """Reads the clones below ``sources/``."""

    def inspect(self, name: SourceName, pin: Oid | None, *, thorough: bool = False) -> Observed:
        """Return what stands at the source's path; with *thorough* no cache of git is believed."""
        ...

    def glance(self, pins: Mapping[SourceName, Pin]) -> Mapping[SourceName, Clone | Absent]:
        """Return the clones that surely stand untouched at their pins, and which are not there, but no others."""
        ...

    def stands(self, name: SourceName, head: Oid) -> bool:
        """Tell at little cost whether the clone surely is at *head*, nothing staged, nothing begun; no edit is seen."""
        ...

    def unsaved(self, name: SourceName) -> tuple[str, ...]:
        """Return what of the clone exists nowhere else.

        These are refs, HEAD, ``commit ID``, ``worktree PATH``, and for a submodule each of them after ``in PATH:``.
        """
        ...

    def saved(self, name: SourceName, run: str) -> tuple[str, ...]:
        """Return the refs below which *run* saved local work in the clone of *name*."""
        ...

    def strangers(self, known: frozenset[SourceName]) -> tuple[str, ...]:
        """Return the folders below ``sources/`` that belong to no source of the manifest."""
        ...

    def stray(self, name: SourceName) -> Stray:
        """Return what stands at the path of *name*, as far as that shows without looking at what is changed."""
        ...

    def as_stage(self, name: SourceName) -> Stage:
        """Return the clone as something that Objects can read."""
        ...

    def submodule(self, stage: Stage, path: str) -> Stage | None:
        """Return the submodule that stands at *path* of the clone, or of a submodule, *stage*; None if none does."""
        ...


class Durations(Protocol):
    """Knows how long work on each source took last time: a hint for the order of work, and no more."""

    def known(self, kind: str) -> Mapping[SourceName, float]:
        """Return the seconds that work of this *kind* took, by source."""
        ...

    def keep(self, kind: str, took: Mapping[SourceName, float]) -> None:
        """Keep how long work of this *kind* *took*, in seconds; a failure changes nothing."""
        ...


class NoDurations:
    """Knows nothing and keeps nothing."""

    def known(self, kind: str) -> Mapping[SourceName, float]:
        """Return nothing."""
        del kind
        return {}

    def keep(self, kind: str, took: Mapping[SourceName, float]) -> None:
        """Keep nothing."""


ProgressKind = Literal["begin", "start", "step", "done", "retry", "note"]
"""``begin`` is about a part of the run: its name is what is done there, its text the number of sources in it."""


class Progress(Protocol):
    """Is told what happens; knows how to show it, or shows nothing."""

    def __call__(self, kind: ProgressKind, name: str, text: str) -> None:
        """Take one event about one source, or about the run."""
        ...
