"""Look for one source on one mirror: fetch from it alone, and hold what comes against the lock."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from git_hybrid.app.acquire import acquire_pin, gate_pin
from git_hybrid.app.remote import fetch, fetch_lfs, list_refs
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.submodules import acquire_submodules
from git_hybrid.core.endpoints import DIRECT
from git_hybrid.core.errors import (
    BundlePrerequisites,
    FsckRefused,
    HostileTree,
    HybridError,
    MalformedObjects,
    MirrorBehind,
    MirrorLacks,
    MirrorLies,
    MovedTag,
    Offline,
    RefMissing,
    RemoteError,
    RepositoryDamaged,
    RepositoryNotFound,
    SubmoduleUnreachable,
    ToolTooOld,
    Unreachable,
    UnusableRef,
    WrongContent,
)
from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Source
from git_hybrid.core.mirrors import Mirror, update_target
from git_hybrid.core.plan import Clone, Snapshot
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.report import Row
from git_hybrid.core.resolve import Candidate, newest_allowed
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import counted

_LACKING = (RepositoryNotFound, RefMissing)


class Question(Struct, frozen=True, kw_only=True):
    """One source to look for on one mirror; ``rt`` is a runtime that can ask that mirror alone.

    ``newest`` is the newest commit that upstream is known to have had, ``origin`` what it lists, where it was asked;
    where it was not, ``as_of`` is when the mirror says that it was compared with it.
    """

    rt: Runtime
    snapshot: Snapshot
    mirror: Mirror
    source: Source
    url: str
    newest: Oid | None
    origin: RemoteRefs | None
    as_of: datetime | None = None

    def lacks(self, what: str) -> MirrorLacks:
        """Return the error for what the mirror does not have."""
        target = update_target(self.mirror)
        return MirrorLacks(name=self.source.name, mirror=self.mirror.name, url=self.url, what=what, target=target)

    def lies(self, what: str, served: str = MirrorLies.served) -> MirrorLies:
        """Return the error for what the mirror serves instead; *served* is it in a few words."""
        return MirrorLies(name=self.source.name, mirror=self.mirror.name, url=self.url, what=what, served=served)


def look(question: Question, pin: Pin | None) -> tuple[Row, Oid | None]:
    """Return the row of a source that is served as it should be.

    Raises:
        MirrorLacks, MirrorBehind: it is not all there.
        MovedTag: the tag that is pinned is another upstream too.
        HybridError: the mirror cannot be reached, or serves something else.
    """
    refs, found = _listed(question), None
    if refs is not None:
        try:
            found = newest_allowed(question.source, refs)
        except RefMissing as error:
            raise question.lacks(error.ref) from error
    tip = None if found is None else found.commit
    if pin is None:
        return Row(name=question.source.name, outcome="listed", after=tip), tip
    stage, notes = _fetched(question, pin, tip)
    _refuse_behind(question, pin, tip, stage)
    if found is not None:
        _refuse_ahead(question, found, stage)
    return Row(name=question.source.name, outcome="verified", after=pin.commit, ref=pin.ref, notes=notes), pin.commit


def _listed(question: Question) -> RemoteRefs | None:
    """Return what the mirror lists; a bundle lists nothing before it is read."""
    if question.mirror.kind == "bundle":
        return None
    try:
        return list_refs(question.rt, question.source, question.snapshot.manifest)
    except RepositoryNotFound as error:
        raise question.lacks("the repository") from error


def _fetched(question: Question, pin: Pin, tip: Oid | None) -> tuple[Stage, tuple[str, ...]]:
    """Return the stage with the pinned commit, fetched from the mirror alone and checked, and notes about it."""
    rt, source, manifest = question.rt, question.source, question.snapshot.manifest
    labelled = replace(rt, quarantine=_Labelled(rt, question.mirror.name), cache=None)
    try:
        acquired = acquire_pin(labelled, source, pin, manifest, borrow=False)
        notes = gate_pin(labelled, acquired.content, source, pin, manifest)
    except HybridError as error:
        if (told := _told_as(question, pin, tip, error)) is None:
            raise
        raise told from error
    if source.lfs == "fetch":
        try:
            labelled.writer.prepare_lfs(acquired.content, fetch=True)
            fetch_lfs(labelled, source, manifest, acquired.content, pin.commit)
        except (RemoteError, Offline, ToolTooOld) as error:
            raise question.lacks("LFS content") from error
    try:
        acquire_submodules(labelled, manifest, source, acquired.content, pin.commit)
    except (*_LACKING, SubmoduleUnreachable, Offline) as error:
        raise question.lacks("a submodule") from error
    return acquired.history, notes


def _told_as(question: Question, pin: Pin, tip: Oid | None, error: HybridError) -> HybridError | None:
    """Return what *error* says of the mirror, None if it is no word about that."""
    match error:
        case RepositoryNotFound() | RefMissing() | Offline():
            return question.lacks(f"the pinned commit {pin.commit[:10]}")
        case UnusableRef():
            return question.lacks(f"what came before {error.ref}: {error.why}")
        case BundlePrerequisites():
            return question.lacks(f"what its bundle builds on: {', '.join(error.commits)}")
        case Unreachable():
            return _not_served(question, pin, tip)
        case RepositoryDamaged():
            return question.lacks("some of its objects: what it has is damaged, or half copied")
        case WrongContent() if not error.edited:
            return question.lies(f"{error.what}: {error.found} instead of {error.expected}")
        case MovedTag():
            return _moved(question, error)
        case HostileTree() | FsckRefused():
            what = "a tree that must not be checked out: " if isinstance(error, HostileTree) else ""
            return question.lies(what + "; ".join(error.findings))
        case MalformedObjects():
            return question.lies(error.message)
        case _:
            return None


def _moved(question: Question, error: MovedTag) -> HybridError:
    """Return whose word it is that a tag is another: upstream's, where it has the same."""
    if question.origin is not None and question.origin.tips.get(error.tag) == error.new:
        commits = {"old_commit": error.old_commit, "new_commit": error.new_commit}
        told = MovedTag(name=error.name, tag=error.tag, old=error.old, new=error.new, **commits)
        return told.from_mirror(None)
    # Nobody knows which of the two upstream has where it was not asked.
    served = "another tag than the pinned one" if question.origin is None else MirrorLies.served
    return question.lies(f"{error.tag}: {error.new} instead of {error.old}", served)


class _Labelled(Struct, frozen=True):
    """The quarantine with the mirror's name in each stage's: several mirrors are asked for one source at a time."""

    rt: Runtime
    label: str

    def stage(self, name: SourceName, *, borrow: bool, oid_length: int = 40, suffix: str = "") -> Stage:
        """Return a new stage."""
        return self.rt.quarantine.stage(
            name, borrow=borrow, oid_length=oid_length, suffix=f"from.{self.label}+{suffix}"
        )

    def beside(self, name: SourceName, *, oid_length: int) -> Stage:
        """Return a new stage that sees the objects of the clone."""
        return self.rt.quarantine.beside(name, oid_length=oid_length)

    def drop(self, stage: Stage) -> None:
        """Remove the stage."""
        self.rt.quarantine.drop(stage)


def _not_served(question: Question, pin: Pin, tip: Oid | None) -> HybridError:
    """Return why the pinned commit is not in what the mirror serves: it is behind, or serves another history.

    A clone with the pin and all that came before it knows: a tip that is not among that is another history.
    """
    rt, name = question.rt, question.source.name
    seen = rt.clones.inspect(name, pin.commit)
    if isinstance(seen, Clone) and seen.has_pin and seen.complete and tip is not None:
        clone = rt.clones.as_stage(name)
        if not (rt.objects.has_commit(clone, tip) and rt.objects.is_ancestor(clone, tip, pin.commit)):
            return question.lies(f"{pin.ref} stands at {tip}, whose history never led to the pinned {pin.commit}")
    roots = _roots(question, pin, tip) if tip is not None and pin.root_commits else ()
    if roots and not set(roots) & set(pin.root_commits):
        return question.lies(f"another repository: its root commits are {', '.join(roots)}")
    return question.lacks(f"the pinned commit {pin.commit[:10]}")


def _roots(question: Question, pin: Pin, tip: Oid) -> tuple[Oid, ...]:
    """Return the root commits of what the mirror serves, from the commits alone."""
    rt, source = question.rt, question.source
    suffix = f"roots.{question.mirror.name}"
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(pin.commit), suffix=suffix)
    request = FetchRequest(refs=(pin.ref,), commits_only=True)
    fetch(rt, source, question.snapshot.manifest, stage, request, satisfied=lambda: True)
    return rt.objects.facts(stage, tip, complete=True).root_commits if rt.objects.has_commit(stage, tip) else ()


def _refuse_behind(question: Question, pin: Pin, tip: Oid | None, stage: Stage) -> None:
    """Raise MirrorBehind if upstream is known to have had something newer than what the mirror serves."""
    newest, source = question.newest, question.source
    if newest is None or tip is None or tip == newest or isinstance(source.track, Commit):
        return
    if question.rt.objects.has_commit(stage, newest):
        return
    raise MirrorBehind(
        name=source.name,
        mirror=question.mirror.name,
        url=question.url,
        by=_distance(question, pin, tip, newest),
        target=update_target(question.mirror),
    )


def _refuse_ahead(question: Question, found: Candidate, stage: Stage) -> None:
    """Raise MirrorLies if what it has as the newest is none of upstream's, which is asked before and after it."""
    first, rt, source = question.origin, question.rt, question.source
    if first is None or not _is_invented(question, found, first, stage):
        return
    with suppress(HybridError):
        now = list_refs(rt.asking(DIRECT), source, question.snapshot.manifest)
        if now.tips.get(found.ref or "") != first.tips.get(found.ref or ""):
            return
    raise question.lies(f"{found.ref} stands at {found.commit}, which upstream does not have there")


def _is_invented(question: Question, found: Candidate, upstream: RemoteRefs, stage: Stage) -> bool:
    ref, commit, objects = found.ref or "", found.commit, question.rt.objects
    if not ref or commit is None or commit in (upstream.tips.get(ref), upstream.peeled.get(ref)):
        return False
    if ref.startswith("refs/tags/"):
        return ref not in upstream.tips
    old = upstream.tips.get(ref)
    return old is not None and objects.has_commit(stage, old) and objects.is_ancestor(stage, old, commit)


def _distance(question: Question, pin: Pin, tip: Oid, newest: Oid) -> str:
    """Return how far *tip* is behind *newest*, in commits where this workspace's clone has both."""
    rt, name = question.rt, question.source.name
    if isinstance(rt.clones.inspect(name, pin.commit), Clone):
        clone = rt.clones.as_stage(name)
        if rt.objects.has_commit(clone, tip) and rt.objects.has_commit(clone, newest):
            count = rt.objects.between(clone, tip, newest, limit=1, files=False).ahead
            return f"{counted(count, 'commit')}, the newest known is {newest[:10]}"
    return f"the newest known commit is {newest[:10]}, it has {tip[:10]}"
