"""Everything that can go wrong, as facts.

::

    HybridError
    ├── file and usage:   InvalidFile NewerSchema NoWorkspace WorkspaceExists WorkspaceTakenOut FolderTaken
    │                     NotCheckedOut UnknownSource DuplicateSource BadArgument
    │                     SymlinkRefused ToolTooOld MissingOptions HookTaken GitRefused
    │                     LibraryMissing ForeignWorkspace
    ├── pins:             NoPin
    ├── local work:       DirtySource DivergedSource OperationInProgress IndexLocked ForeignFolder UnsavedWork InTheWay
    │                     NestedRepository
    ├── network:          NetworkFailure AccessDenied RepositoryNotFound LfsMissing RedirectLoop EndlessAnswer
    │                     InsecureRedirect TlsFailure HostKeyFailure Offline NotCarried RepositoryDamaged
    ├── verification:     Unreachable SubmoduleUnreachable UnusableRef MovedTag UnexplainedMove RefMissing
    │                     RewrittenHistory IdentityChanged WrongContent HostileTree MalformedObjects FsckRefused
    ├── policy:           OffBranch Rollback HostNotAllowed TooYoung PolicyNotMet ScanBlocked
    ├── overrides:        OverrideUnnecessary OverrideEnded OverrideUnsigned OverrideUnrecorded UnknownOverride
    ├── scans:            NoScanner NotInstalled ScanFindings ScanIncomplete ScanOvertaken
    ├── mirrors, bundles: UnknownMirror DuplicateMirror MirrorLacks MirrorBehind MirrorLies StaleMirror
    │                     MirrorAlone BadBundle BundlePrerequisites OldBundle BundleConflict
    ├── object cache:     CacheRefused CacheDamaged
    ├── runs:             UnfinishedRun LogWithoutRun LockBusy LockUnsupported Overtaken Interrupted
    ├── clusters:         ExecutorMissing ClusterUnreachable ClusterLost ClusterMismatch WorkerLost
    └── machine:          LocalIo WorkspaceGone SweptAway MirrorGone FolderGone DecidedOnly ReportLost
    │                     GitFailed

A class says what happened and carries the facts; which exit status it has and which words and hints a user sees is the
business of :mod:`git_hybrid.cli.remedies` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from git_hybrid.core.report import Row

T = TypeVar("T")


@dataclass_transform(eq_default=False, kw_only_default=True)
class HybridError(Exception):
    """Root of every error that the program raises on purpose; ``code`` is stable.

    ``adding``: it is about a source that was to be added, of which nothing was written; ``added`` is its URL,
    ``imported`` the file, as it was typed, that it was to be taken over from, and ``listed`` tells that the commit, if
    it names one, is in that file, and not in an index. ``stray``: it is about a folder that belongs to no source.
    ``asked``: the server that it is about is known. ``mended``: what was mended, in words, before the command came to
    it. An error that has a fact ``mirror`` with a default tells by it the base URL of the mirror that was asked,
    nothing where that was the source's own URL; ``mirrors`` is the list then that the mirror stands in. ``bundled``:
    that URL is a git bundle's, which was read in place of a server. ``passed_over``: what became of the servers that
    were asked before, in words.

    A subclass declares its facts as annotations, as a dataclass does; making half a hundred real dataclasses would
    cost every start of the program, and every hook, more than all else that is imported.
    """

    code: ClassVar[str] = "error"
    adding: ClassVar[bool] = False
    added: ClassVar[str] = "URL"
    imported: ClassVar[str] = ""
    listed: ClassVar[bool] = False
    stray: ClassVar[bool] = False
    asked: ClassVar[bool] = False
    bundled: ClassVar[bool] = False
    mirrors: ClassVar[tuple[str, ...]] = ()
    mended: ClassVar[tuple[str, ...]] = ()
    passed_over: ClassVar[tuple[str, ...]] = ()
    _names: ClassVar[tuple[str, ...]]

    def __init__(self, **facts: object) -> None:
        """Take every fact by name; one that has a default may be left out.

        Raises:
            TypeError: a fact is missing, or is none of this error.
        """
        super().__init__()
        names = self.fact_names()
        wrong = [name for name in facts if name not in names]
        wrong += [name for name in names if name not in facts and not hasattr(type(self), name)]
        if wrong:
            raise TypeError(f"{type(self).__name__}: wrong or missing facts: {', '.join(wrong)}")
        vars(self).update(facts)

    @classmethod
    def fact_names(cls) -> tuple[str, ...]:
        """Return the names of the facts, in the order in which they are declared.

        They are collected when the first error of its kind is made: most are never.
        """
        if "_names" not in vars(cls):
            declared = [getattr(kind, "__annotations__", {}).items() for kind in reversed(cls.__mro__)]
            names = [name for own in declared for name, kind in own if not str(kind).startswith("ClassVar")]
            cls._names = tuple(dict.fromkeys(names))
        return cls._names

    def facts(self) -> Mapping[str, object]:
        """Return the facts by name."""
        return {name: getattr(self, name) for name in self.fact_names()}

    def about(self, name: str) -> Self:
        """Return the error; one that was raised where the source was not known gets its *name*."""
        if getattr(self, "name", None) == "":
            vars(self)["name"] = name
        return self

    def while_adding(self, imported: str = "", added: str = "URL", *, listed: bool = False) -> Self:
        """Return the error; it is about a source that is not in the manifest, and for this reason will not be.

        *imported* is the file that it was to be taken over from, if so, which has its commit itself where that is
        *listed*, or the folder of its clone, with a slash behind it; *added* is its URL, as typed.
        """
        vars(self).update(adding=True, imported=imported, added=added, listed=listed)
        return self

    def about_a_stray(self) -> Self:
        """Return the error; it is about a folder below ``sources/`` that belongs to no source of the manifest."""
        vars(self)["stray"] = True
        return self

    def after_mending(self, notes: Sequence[str]) -> Self:
        """Return the error; *notes* tell what had been mended by then of what an earlier run left."""
        vars(self)["mended"] = tuple(notes)
        return self

    def after_servers(self, notes: Sequence[str]) -> Self:
        """Return the error; *notes* tell what became of the servers that were asked before, one each."""
        vars(self)["passed_over"] = tuple(notes)
        return self

    def from_mirror(self, base: str | None, url: str = "", mirrors: tuple[str, ...] = ()) -> Self:
        """Return the error; one about what a server has tells that the mirror at *base* was asked for it, at *url*.

        *base* None: no mirror was, but the source's own URL. A git bundle is its own base, which no mirror is.
        *mirrors* is the list that was set. The server that is told first stays.
        """
        if self.asked or getattr(type(self), "mirror", None) != "":
            vars(self).setdefault("mirrors", mirrors)
            return self
        bundled = bool(base) and base == url
        vars(self).update(asked=True, mirror=base or "", mirrors=mirrors, bundled=bundled)
        if base and url and hasattr(self, "url"):
            vars(self)["url"] = url
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return _made_again, (type(self), {**vars(self)})

    def __str__(self) -> str:
        """Return the code and the facts; what users see is made from the table of remedies."""
        return f"{self.code}: " + ", ".join(f"{key}={value!r}" for key, value in self.facts().items())


def _made_again(kind: type[HybridError], told: Mapping[str, object]) -> HybridError:
    """Return another error of that *kind* with all that the first one *told*: it may have been on another machine."""
    error = kind.__new__(kind)
    vars(error).update(told)
    if "__notes__" in told:
        error.__notes__ = [*error.__notes__]
    return error


class Problem:
    """One thing wrong with a file: the entry (or ``line 3``) and what is wrong with it.

    Not a NamedTuple: the first one that is defined takes every start of the program a millisecond.
    """

    __slots__ = ("place", "reason")

    def __init__(self, place: str, reason: str) -> None:
        """Say that *reason* is wrong at *place*."""
        self.place, self.reason = place, reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and (self.place, self.reason) == (other.place, other.reason)

    def __hash__(self) -> int:
        return hash((self.place, self.reason))

    def __repr__(self) -> str:
        return f"Problem(place={self.place!r}, reason={self.reason!r})"


MOST_PROBLEMS = 100
"""So many are looked for in one file, and told: a stranger may have written it, and nobody reads them all at once."""


def until_many(entries: Iterable[T], problems: Sequence[Problem]) -> Iterator[T]:
    """Yield *entries* of a file until more than :data:`MOST_PROBLEMS` are in *problems*."""
    for entry in entries:
        if len(problems) > MOST_PROBLEMS:
            break
        yield entry


class InvalidFile(HybridError):
    """A file does not follow its format; its bad entries are named, up to :data:`MOST_PROBLEMS`.

    ``otherwise`` helps where ``mend`` does not.
    """

    code: ClassVar[str] = "invalid-file"
    path: str
    problems: tuple[Problem, ...]
    mend: str = ""
    otherwise: str = ""

    @classmethod
    def at(cls, path: str, place: str, reason: str, *, mend: str = "", otherwise: str = "") -> Self:
        """Return the error for one problem at one *place* of the file *path*."""
        return cls(path=path, problems=(Problem(place, reason),), mend=mend, otherwise=otherwise)


class NewerSchema(HybridError):
    """A file was written by a newer version of the program."""

    code: ClassVar[str] = "newer-schema"
    path: str
    found: int
    known: int


class NoWorkspace(HybridError):
    """Neither the folder nor one above it holds ``sources.toml``; *below* names those in it, *hint* goes to one.

    Where another branch has one these tell of that, and *begin* how git merges it; else how a new one is begun.
    """

    code: ClassVar[str] = "no-workspace"
    path: str
    below: str = ""
    hint: str = ""
    begin: str = "git hybrid init"


class WorkspaceExists(HybridError):
    """``init`` was asked for where a workspace is already; *lacks* and *mend* tell what an older one has not."""

    code: ClassVar[str] = "workspace-exists"
    path: str
    lacks: str = ""
    mend: str = ""


class WorkspaceTakenOut(HybridError):
    """``what`` of a workspace, manifest or audit log, is there no more, and git has it; ``mend`` is a command."""

    code: ClassVar[str] = "workspace-taken-out"
    path: str
    what: str
    mend: str


class FolderTaken(HybridError):
    """A folder that was to become a workspace has, in ``folder``, *files* of its own that would not be safe there.

    ``why`` says what would become of them, ``mend`` is how they get out of the way.
    """

    code: ClassVar[str] = "folder-taken"
    path: str
    folder: str
    files: tuple[str, ...]
    why: str
    mend: str


class NotCheckedOut(HybridError):
    """git has *files* of the workspace and left them out of the working tree; ``mend`` is a command."""

    code: ClassVar[str] = "not-checked-out"
    path: str
    files: tuple[str, ...]
    mend: str


class UnknownSource(HybridError):
    """Names or groups that the manifest does not have, each with the nearest that it has.

    ``instead`` is what may have been meant as it is typed, if known; ``also`` is a command that shows what there is.
    """

    code: ClassVar[str] = "unknown-source"
    names: tuple[str, ...]
    nearest: tuple[str, ...]
    what: str = "source"
    instead: str = ""
    also: str = "git hybrid status"


class DuplicateSource(HybridError):
    """The name is taken, or differs from a taken one only in case; ``renaming`` says how it gets another, if it can."""

    code: ClassVar[str] = "duplicate-source"
    name: str
    taken_by: str
    renaming: str = ""


class BadArgument(HybridError):
    """An argument, environment variable or git setting outside its grammar; ``hint`` is what to type, if known."""

    code: ClassVar[str] = "bad-argument"
    what: str
    value: str
    reason: str
    hint: str = ""


class LibraryMissing(HybridError):
    """The command ``what`` needs a library that is not installed: it comes with the extra of that name.

    ``python`` is the interpreter that lacks it, ``library`` what pip calls the package.
    """

    code: ClassVar[str] = "library-missing"
    what: str
    module: str
    library: str
    python: str


class MissingOptions(HybridError):
    """The command line is incomplete."""

    code: ClassVar[str] = "missing-options"
    command: str
    options: tuple[str, ...]


class HookTaken(HybridError):
    """A git hook of the user's stands where ours would go; ``hint`` is how it runs ours, ``instead`` a better way."""

    code: ClassVar[str] = "hook-taken"
    path: str
    hint: str
    instead: str = ""


class SymlinkRefused(HybridError):
    """A path that must be a real file or folder is a symbolic link."""

    code: ClassVar[str] = "symlink-refused"
    path: str


class ToolTooOld(HybridError):
    """A program or libgit2 is missing, or older than the version that is safe to use; ``needed`` is empty for any."""

    code: ClassVar[str] = "tool-too-old"
    tool: str
    found: str
    needed: str


class GitRefused(HybridError):
    """git answers nothing about the repository around a workspace; ``words`` are its own, ``mend`` a command.

    ``is_unfetched``: it would have had to fetch, since the repository is a partial clone; ``what``: what it was asked
    about, in words that ``path`` follows.
    """

    code: ClassVar[str] = "git-refused"
    path: str
    words: str
    mend: str
    is_unfetched: bool = False
    what: str = "the repository at"


class ForeignWorkspace(HybridError):
    """A workspace belongs to another user: its *path*, or its manifest's, to ``owner``, a number; ``mend`` trusts."""

    code: ClassVar[str] = "foreign-workspace"
    path: str
    owner: int
    mend: str


class NoPin(HybridError):
    """The source has no pin, or one made from another manifest entry; ``mend`` pins it, or brings a lost lock back."""

    code: ClassVar[str] = "no-pin"
    name: str
    stale: bool
    mend: str


class LocalWork(HybridError):
    """Base of what keeps a source from being touched: local work stands in its folder."""

    name: str
    path: str


class DirtySource(LocalWork):
    """Changed, staged or untracked files; at most ten are named, ``count`` has all.

    ``inside`` names those of the ten that are submodules: what is changed is in them.
    """

    code: ClassVar[str] = "dirty"
    files: tuple[str, ...]
    count: int
    inside: tuple[str, ...] = ()


class DivergedSource(LocalWork):
    """HEAD stands at a commit that is neither recorded nor pinned."""

    code: ClassVar[str] = "diverged"
    head: str
    expected: str


class OperationInProgress(LocalWork):
    """A merge, rebase or the like was begun and not ended."""

    code: ClassVar[str] = "operation-in-progress"
    operation: str


class IndexLocked(LocalWork):
    """Another git process works in the folder: it holds ``lock`` of its ``.git``."""

    code: ClassVar[str] = "index-locked"
    lock: str


class ForeignFolder(LocalWork):
    """What this program did not clone stands where the clone belongs; ``command`` is to be run once it is away.

    ``take`` is a hint for what makes a source of it, if anything does.
    """

    code: ClassVar[str] = "foreign-folder"
    what: str
    command: str
    take: str = ""


class NestedRepository(LocalWork):
    """Other git repositories stand in the clone: their work cannot be saved with the rest.

    ``submodules`` are those that somebody has checked out by git, which can take them out again.
    """

    code: ClassVar[str] = "nested-repository"
    inner: tuple[str, ...]
    submodules: tuple[str, ...] = ()


class UnsavedWork(LocalWork):
    """The clone holds what exists nowhere else; ``refs`` says what, as :meth:`Clones.unsaved` does."""

    code: ClassVar[str] = "unsaved-work"
    refs: tuple[str, ...]


class InTheWay(LocalWork):
    """Ignored or untracked files, or folders of them, stand where the new commit has files or submodules."""

    code: ClassVar[str] = "in-the-way"
    files: tuple[str, ...]


class RemoteError(HybridError):
    """Base of what happens between here and a server; ``message`` is the server's or git's last word."""

    url: str
    message: str
    name: str = ""
    mirror: str = ""


DEADLINE = "deadline"
"""The kind of a network failure that took all the time that a step has: another try would take as much."""
STALL = "stall"
"""The kind of a network failure where nothing came for far longer than a transfer may stand still."""
LATE = frozenset({DEADLINE, STALL})
"""Those that took a long time already: they are not tried again."""
TIMEOUT = "timeout"
"""The kind of a network failure where no connection came about in time."""


class NetworkFailure(RemoteError):
    """A failure that may pass (``kind`` says which), after ``attempts`` tries.

    ``until`` is when the server lets itself be asked again, where that is later than this run waits. ``elsewhere`` is
    the server that LFS content is kept at, where it was that one; the one at ``url`` answered then.
    """

    code: ClassVar[str] = "network"
    kind: str
    attempts: int = 1
    retry_after: float | None = None
    until: str = ""
    elsewhere: str = ""


class AccessDenied(RemoteError):
    """The server wants credentials, or does not accept those it got; or the proxy on the way to it does.

    ``trust``: it is a folder of another user on this machine, which git uses after this command. ``elsewhere``: the
    server that keeps LFS content and wants a login, which is shown to none that nobody here has named.
    """

    code: ClassVar[str] = "access-denied"
    by_proxy: bool = False
    trust: str = ""
    elsewhere: str = ""


class RepositoryNotFound(RemoteError):
    """No repository is served at the URL, or not to this user."""

    code: ClassVar[str] = "repository-not-found"


class RepositoryDamaged(RemoteError):
    """The server has the repository, and cannot read all of it: ``message`` names the object."""

    code: ClassVar[str] = "repository-damaged"


class LfsMissing(RemoteError):
    """The server has the repository, and not the Git LFS content of the commit; ``status``: by that it refuses it."""

    code: ClassVar[str] = "lfs-missing"
    status: int = 0


class RedirectLoop(RemoteError):
    """The server sends whoever asks on and on, and nowhere answers."""

    code: ClassVar[str] = "redirect-loop"


class InsecureRedirect(RemoteError):
    """The server sends whoever asks on to ``target``, which is not https; that is a scheme where no host is known.

    ``by_lfs``: git-lfs was led there, as a rule because content is kept there.
    """

    code: ClassVar[str] = "insecure-redirect"
    target: str
    by_lfs: bool = False


class EndlessAnswer(RemoteError):
    """What the server answers, a list of refs or headers before it, takes more memory than git gets, or has no end."""

    code: ClassVar[str] = "endless-answer"


class TlsFailure(RemoteError):
    """The server's certificate was not accepted."""

    code: ClassVar[str] = "tls"


class HostKeyFailure(RemoteError):
    """The ssh host key is unknown or has changed.

    ``host`` and ``file`` are what ssh has for it in which list of known hosts; empty where it does not tell.
    """

    code: ClassVar[str] = "host-key"
    host: str = ""
    file: str = ""


class Offline(HybridError):
    """Something has to be fetched, or the mirror ``name`` to be asked, and the network is forbidden.

    ``brought`` is the beginning of the SHA-256 of the bundle file that the source came in, if it did; ``is_news``: what
    is wanted is newer than that.
    """

    code: ClassVar[str] = "offline"
    name: str
    url: str
    why: str
    mirror: str = ""
    brought: str = ""
    is_news: bool = False


class NotCarried(Offline):
    """The source wants ``what``, which no bundle has, and nobody may be asked for it; its pin is recorded already."""

    code: ClassVar[str] = "not-carried"
    what: str


class Unreachable(HybridError):
    """The pinned commit is not in the history of what the manifest declares.

    ``edited``: the audit log has another pin, because the lock was edited. ``own`` is the branch to push it to where
    it is somebody's own: the clone stands at it, and no command put it there. ``why`` tells the cause where that is
    known.
    """

    code: ClassVar[str] = "unreachable"
    name: str
    commit: str
    ref: str
    mirror: str = ""
    own: str = ""
    why: str = "upstream rewrote its history, or the commit never belonged to it"
    edited: ClassVar[bool] = False

    def of_edited_lock(self) -> Unreachable:
        """Return the error, which knows now that upstream is not to blame."""
        vars(self)["edited"] = True
        return self


class SubmoduleUnreachable(HybridError):
    """The commit that the pinned tree names for its submodule at ``path`` is on no branch and no tag at ``url``."""

    code: ClassVar[str] = "submodule-unreachable"
    name: str
    path: str
    commit: str
    url: str
    mirror: str = ""


class UnusableRef(HybridError):
    """No commit can be pinned by what upstream has there; ``why`` says what that is.

    ``mend`` says how a range of versions leaves it out, as far as the command to type then.
    """

    code: ClassVar[str] = "unusable-ref"
    name: str
    ref: str
    why: str
    mend: str = ""
    mirror: str = ""


class MovedTag(HybridError):
    """Upstream's tag is no longer what was pinned; ``held`` says which pin tells that, as the beginning of a line.

    ``newer`` is the tag of a newer release that upstream has, if it is known.
    """

    code: ClassVar[str] = "moved-tag"
    name: str
    tag: str
    old: str
    new: str
    old_commit: str
    new_commit: str
    held: str = "the pin stays"
    newer: str = ""
    mirror: str = ""


class UnexplainedMove(HybridError):
    """A record without an override moved the pin as none moves by itself; ``old`` is where it stood before."""

    code: ClassVar[str] = "unexplained-move"
    name: str
    tag: str
    old: str
    new: str


class RefMissing(HybridError):
    """Upstream has no such branch, tag, commit or version; ``nearest`` are the refs that it has of a similar name.

    ``default`` is the ref of its default branch where a branch is missing and that is known, ``pinned`` the commit of
    the pin of the source.
    """

    code: ClassVar[str] = "ref-missing"
    name: str
    ref: str
    url: str
    nearest: tuple[str, ...] = ()
    default: str = ""
    pinned: str = ""
    mirror: str = ""


class RewrittenHistory(HybridError):
    """The branch no longer contains the commit that is pinned."""

    code: ClassVar[str] = "rewritten-history"
    name: str
    ref: str
    old: str
    new: str
    mirror: str = ""


class IdentityChanged(HybridError):
    """Another repository is served at the URL: it has other root commits.

    ``what`` says so; ``untold`` says why nobody can tell, where the root commits that it had are not known.
    """

    code: ClassVar[str] = "identity-changed"
    name: str
    url: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    what: str = "another repository is served"
    untold: str = ""
    mirror: str = ""


class WrongContent(HybridError):
    """What was read is not what the lock names; ``edited``: by the audit log, because the lock was edited.

    ``url`` is the server that sent it, where one did just now.
    """

    code: ClassVar[str] = "wrong-content"
    name: str
    what: str
    expected: str
    found: str
    edited: bool = False
    url: str = ""
    mirror: str = ""


class HostileTree(HybridError):
    """The commit's tree holds entries that are not safe to check out, or more of them than policy allows."""

    code: ClassVar[str] = "hostile-tree"
    name: str
    commit: str
    findings: tuple[str, ...]

    @property
    def too_large(self) -> bool:
        """Whether all that is wrong is the size of the tree."""
        return all(finding.startswith("too-many-") for finding in self.findings)


class MalformedObjects(HybridError):
    """What upstream sent is no sound pack of git objects."""

    code: ClassVar[str] = "malformed-objects"
    name: str
    message: str
    mirror: str = ""


class FsckRefused(HybridError):
    """git's fsck refused *objects*; ``findings`` has the id of each and what is wrong with it."""

    code: ClassVar[str] = "fsck-refused"
    name: str
    objects: tuple[str, ...]
    findings: tuple[str, ...]
    mirror: str = ""


class PolicyError(HybridError):
    """Base of what policy refuses."""

    name: str


class OffBranch(PolicyError):
    """The commit asked for is not reachable from the ref that the manifest declares.

    ``tag`` is one that it has; nothing where that must not be followed.
    ``edited``: of its history nothing is known, since the lock has ``locked`` where the manifest has ``ref``.
    """

    code: ClassVar[str] = "off-branch"
    commit: str
    ref: str
    tag: str = "TAG"
    edited: bool = False
    locked: str = ""


class Rollback(PolicyError):
    """The commit asked for is older than the pinned one; ``than`` says which that is, and why.

    ``back``: how the pin stays where the manifest names another ref than before.
    """

    code: ClassVar[str] = "rollback"
    old: str
    new: str
    than: str
    back: str = ""
    mirror: str = ""


class PolicyNotMet(PolicyError):
    """An override was asked for that policy does not allow; each problem is one sentence.

    ``ask`` tells how to come to a signature, where one is missing.
    """

    code: ClassVar[str] = "policy-not-met"
    problems: tuple[str, ...]
    ask: str = ""


class OverrideUnnecessary(PolicyError):
    """What was to be approved needs no approval; ``why`` says so, or by which override it is forced already."""

    code: ClassVar[str] = "override-unnecessary"
    commit: str
    hint: str
    why: str = "needs no override"


class OverrideEnded(PolicyError):
    """The pin rests on an override that expired or was closed; ``how`` says which and when, ``pinned`` which pin.

    ``way`` is how to go on without an approval, nothing where that takes another entry; ``hint`` is how with one.
    ``leave`` is the first of these where the pin is more likely to be kept.
    """

    code: ClassVar[str] = "override-ended"
    override: str
    how: str
    commit: str
    way: str
    hint: str
    leave: str = ""
    pinned: str = "its pin"


class OverrideUnsigned(PolicyError):
    """The pin rests on an override that lacks the signatures of those whose keys policy names; ``what`` says which.

    ``way`` is how to go on without an approval, nothing where that takes another entry.
    """

    code: ClassVar[str] = "override-unsigned"
    override: str
    what: str
    commit: str
    way: str


class OverrideUnrecorded(HybridError):
    """The pin rests on an override whose record is missing, edited, or not in the audit log; ``hint`` mends it.

    ``find`` is how else to find what it was, nothing where the whole log would tell.
    """

    code: ClassVar[str] = "override-unrecorded"
    name: str
    override: str
    what: str
    commit: str
    hint: str
    find: str = "or find what it was: git log -p -- state/sources-overrides.json state/sources-audit.jsonl"


class UnknownOverride(HybridError):
    """No record has this id, or the record can no longer be changed (``why``); ``hint`` is what to type."""

    code: ClassVar[str] = "unknown-override"
    override: str
    why: str = "no override has this id"
    hint: str = "git hybrid override list"


class HostNotAllowed(PolicyError):
    """The policy's list of hosts does not have the host."""

    code: ClassVar[str] = "host-not-allowed"
    host: str


class TooYoung(PolicyError):
    """The commit was first seen more recently than the policy's ``min_release_age`` allows.

    ``bundle`` is the file that brings it, empty where upstream was asked. ``to_begin`` says that its time has not
    begun, where nothing keeps when it was seen.
    """

    code: ClassVar[str] = "too-young"
    commit: str
    ref: str
    first_seen: str
    allowed_from: str
    bundle: str = ""
    to_begin: str = ""


class ScanBlocked(PolicyError):
    """The commit has recorded findings at or above the policy's ``scan_block_on``.

    ``findings`` tells some of them in words, ``ids`` has the ids of all that have one, ``others`` is how many have none
    and so cannot be accepted, ``rules`` are those that found what has an id. ``accept`` is the command by
    which they are accepted, or are so again, nothing where some cannot be named; ``move`` tells how to come to a commit
    without them, ``again`` how a scan of the commit is made once more, nothing where there is no scanner. ``former``
    tells of an override that accepted them and has expired, as the end of a sentence.
    """

    code: ClassVar[str] = "scan-blocked"
    commit: str
    level: str
    counted: str
    findings: tuple[str, ...]
    ids: tuple[str, ...]
    accept: str
    move: str
    again: str
    former: str = ""
    others: int = 0
    rules: tuple[str, ...] = ()

    def beside(self, accepted: Iterable[str]) -> str:
        """Return in words how many stay blocked where those *accepted* are; nothing where none does."""
        left = self.others + len(set(self.ids).difference(accepted))
        return f"{left} {'other stays' if left == 1 else 'others stay'} blocked" if left else ""


class NoScanner(HybridError):
    """A scan was asked for and the manifest has no scanner."""

    code: ClassVar[str] = "no-scanner"


class NotInstalled(HybridError):
    """The pinned commit, or what belongs to it, is not in a clone, so there is nothing to work on."""

    code: ClassVar[str] = "not-installed"
    name: str
    commit: str


class ScanFindings(HybridError):
    """A scan came to its end and found something; ``findings`` tells the worst.

    ``accept`` and ``move`` are those of :class:`ScanBlocked` where policy blocks on some of them, else nothing;
    ``accepted`` is which of them an override accepts, and until when, as the end of a sentence. ``rules`` found them.
    """

    code: ClassVar[str] = "scan-findings"
    name: str
    commit: str
    counted: str
    findings: tuple[str, ...]
    accept: str = ""
    move: str = ""
    accepted: str = ""
    rules: tuple[str, ...] = ()


class ScanIncomplete(HybridError):
    """A scanner did not come to its end, or left nothing that proves it did; ``again`` is what scans anew."""

    code: ClassVar[str] = "scan-incomplete"
    name: str
    reasons: tuple[str, ...]
    again: str


class ScanOvertaken(HybridError):
    """What was scanned is the source's no more: meanwhile it was pinned anew, or removed; ``again`` is what to do."""

    code: ClassVar[str] = "scan-overtaken"
    name: str
    commit: str
    what: str
    again: str


class UnknownMirror(HybridError):
    """Names that the inventory of mirrors does not have, each with the nearest that it has."""

    code: ClassVar[str] = "unknown-mirror"
    names: tuple[str, ...]
    nearest: tuple[str, ...]


class DuplicateMirror(HybridError):
    """The inventory has a mirror of that name with another base URL, kind or owner."""

    code: ClassVar[str] = "duplicate-mirror"
    mirror: str
    base_url: str


class MirrorLacks(HybridError):
    """The mirror does not have what the lock or the manifest asks for; ``target`` is what ``mirror update`` takes."""

    code: ClassVar[str] = "mirror-lacks"
    name: str
    mirror: str
    url: str
    what: str
    target: str = "DIR"


class MirrorBehind(HybridError):
    """The mirror has the pin, but not the newest commit that is known; ``by`` says how far it is behind.

    ``target`` is what ``mirror update`` takes for it, nothing if it is a folder of bundles.
    """

    code: ClassVar[str] = "mirror-behind"
    name: str
    mirror: str
    url: str
    by: str
    target: str = "DIR"


class MirrorLies(HybridError):
    """The mirror serves what is not pinned under the name of what is, or as the newest what upstream does not have.

    ``served`` says which of them, ``what`` is it that is served.
    """

    code: ClassVar[str] = "mirror-lies"
    name: str
    mirror: str
    url: str
    what: str
    served: str = "what upstream does not have"


class StaleMirror(PolicyError):
    """A pin was to be made from a mirror that was last known to be current longer ago than policy allows."""

    code: ClassVar[str] = "stale-mirror"
    mirror: str
    age: str
    limit: str
    url: str = ""
    target: str = "DIR"


class MirrorAlone(HybridError):
    """A mirror is to be filled that is the only server which may be asked; ``wider`` is the list with ``direct``."""

    code: ClassVar[str] = "mirror-alone"
    base_url: str
    wider: str


class BadBundle(HybridError):
    """The bundle file is not what was written: damaged, cut, re-ordered, edited or badly signed.

    Where its bytes are those that were written, ``mend`` is what to look at on the other side, as a hint.
    """

    code: ClassVar[str] = "bad-bundle"
    SIGNATURE: ClassVar[str] = "signature"
    path: str
    place: str
    reason: str
    mend: str = ""


class BundlePrerequisites(HybridError):
    """The bundle builds on commits, or on other things that ``commits`` tells in words, that are not here."""

    code: ClassVar[str] = "bundle-prerequisites"
    name: str
    commits: tuple[str, ...]
    file: str = ""


class OldBundle(HybridError):
    """The bundle is older than one that was applied here already."""

    code: ClassVar[str] = "old-bundle"
    path: str
    found: str
    applied: str


class BundleConflict(PolicyError):
    """The bundle brings a source of a name that stands for another repository here."""

    code: ClassVar[str] = "bundle-conflict"
    here: str
    there: str


class CacheRefused(HybridError):
    """Others could write into the folder of the object cache, so that nothing in it can be trusted.

    ``hint`` is what mends it, if anything does.
    """

    code: ClassVar[str] = "cache-refused"
    path: str
    reason: str
    hint: str = ""


class CacheDamaged(HybridError):
    """A store of the object cache is not what was put into it."""

    code: ClassVar[str] = "cache-damaged"
    store: str
    reason: str


class UnfinishedRun(HybridError):
    """An earlier run still has sources to do, or (``is_unwritten``) its decision to write, which nobody can give up."""

    code: ClassVar[str] = "unfinished-run"
    run: str
    pending: tuple[str, ...]
    is_unwritten: bool = False


class LogWithoutRun(HybridError):
    """The audit log that stands here lacks what a run wrote there that has decided, by *command*, and has not ended.

    A stash or another branch has it: written anew it would be there twice once the two come together.
    """

    code: ClassVar[str] = "log-without-run"
    run: str
    command: str


class LockBusy(HybridError):
    """Another writer holds ``sources/.lock``; ``stopped`` is the id of its process if a signal has stopped it, or 0.

    ``longer`` is what to wait for it, if it is at work.
    """

    code: ClassVar[str] = "lock-busy"
    path: str
    holder: str
    stopped: int = 0
    longer: str = "60s"


class LockUnsupported(HybridError):
    """The file system cannot lock files."""

    code: ClassVar[str] = "lock-unsupported"
    path: str
    reason: str


class Interrupted(HybridError):
    """A signal asked the program to stop; ``signal`` is its number. Not ``begun``: nothing was done by then."""

    code: ClassVar[str] = "interrupted"
    signal: int
    begun: bool = True


class LocalIo(HybridError):
    """The local file system refused: disk full, read-only, I/O error, no permission."""

    code: ClassVar[str] = "local-io"
    path: str
    operation: str
    reason: str

    @classmethod
    def of(cls, error: OSError, path: object, operation: str) -> Self:
        """Return what tells of *error*, with which the *operation* on *path* ended."""
        return cls(path=str(path), operation=operation, reason=error.strerror or str(error))


@contextmanager
def reported(path: object, operation: str) -> Iterator[None]:
    """Make a :class:`LocalIo` of what the system refuses in the block, which does the *operation* on *path*."""
    try:
        yield
    except OSError as error:
        raise LocalIo.of(error, path, operation) from error


class WorkspaceGone(LocalIo):
    """The workspace at ``path`` was moved, deleted or replaced during the run: what is there now belongs to others."""

    code: ClassVar[str] = "workspace-gone"
    operation: str = "write in"
    reason: str = "it is not the workspace in which the run began"


class SweptAway(WorkspaceGone):
    """What a run works with at ``path`` was removed during the run, from a workspace that stands where it was."""

    code: ClassVar[str] = "swept-away"
    reason: str = "what this run works with was removed there"


class MirrorGone(LocalIo):
    """The mirror folder at ``path`` was moved, deleted or replaced while it was filled."""

    code: ClassVar[str] = "mirror-gone"
    operation: str = "write in"
    reason: str = "it is not the folder that was being filled"


class FolderGone(LocalIo):
    """The folder that the command was started in is there no more."""

    code: ClassVar[str] = "folder-gone"
    path: str = "the current folder"
    operation: str = "find"
    reason: str = "it was moved or deleted"


class DecidedOnly(LocalIo):
    """The file system refused when the run had made its decision, which the next writer carries out.

    ``is_written``: the files say all of it already, and only the journal of the run could not be removed. ``rows``
    tell what had become of the sources by then.
    """

    code: ClassVar[str] = "decided-only"
    rows: ClassVar[tuple[Row, ...]] = ()
    is_written: bool

    def after(self, rows: Sequence[Row]) -> None:
        """Tell by *rows* too what had become of sources, before those that it tells of already."""
        vars(self)["rows"] = (*rows, *self.rows)


class Overtaken(HybridError):
    """Somebody else changed, since the command had read it, what the files say of sources or mirrors that it is about.

    ``is_partly``: what it decided about others is written; else nothing was decided. ``again`` is its command line,
    empty where that was cut.
    """

    code: ClassVar[str] = "overtaken"
    names: tuple[str, ...]
    again: str
    is_partly: bool = False


class ReportLost(HybridError):
    """Standard output could not take what the command says.

    ``is_done``: it has written what it was asked for; ``is_failed``: it ended with another status than 0.
    """

    code: ClassVar[str] = "report-lost"
    reason: str
    is_done: bool = False
    is_failed: bool = False


class GitFailed(HybridError):
    """A local git command failed in a way that none of the other errors names.

    ``setting`` is the key of a setting whose value it does not take, if it says so.
    """

    code: ClassVar[str] = "git-failed"
    command: str
    status: int
    stderr: str
    stdout: str = ""
    name: str = ""
    setting: str = ""

    @property
    def was_ended(self) -> bool:
        """Whether git was ended by force, or could not begin: it has said nothing of what it was asked."""
        from git_hybrid.core.machine import was_ended  # noqa: PLC0415

        return was_ended(self.stderr, self.status)


class ExecutorMissing(HybridError):
    """``--executor dask://…`` was given, and Dask is not installed."""

    code: ClassVar[str] = "executor-missing"
    module: str


class ClusterUnreachable(HybridError):
    """The scheduler does not answer, or has no workers."""

    code: ClassVar[str] = "cluster-unreachable"
    address: str
    why: str


class ClusterLost(HybridError):
    """The scheduler went away or does not answer any more, or all workers did, while work was in their hands."""

    code: ClassVar[str] = "cluster-lost"
    address: str
    why: str
    again: str


class ClusterMismatch(HybridError):
    """A worker, or the scheduler, has another version of a program than this machine, or no such program."""

    code: ClassVar[str] = "cluster-mismatch"
    name: str = ""
    what: str


class WorkerLost(HybridError):
    """The workers that had the source went away, as often as the cluster tries again, or had no room for it."""

    code: ClassVar[str] = "worker-lost"
    name: str
    why: str
