"""``git hybrid bundle verify``: unbundle every source into quarantine, and hold it against the lock of the bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from git_hybrid.app.acquire import gate_pin
from git_hybrid.app.bundle_inside import Inner, submodules_inside
from git_hybrid.app.ending import of_source
from git_hybrid.app.executor import run_to_end
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.submodules import is_copied
from git_hybrid.core.bundles import (
    SUBMODULE_REF,
    BundleContent,
    Carried,
    key_of_content,
    mismatch,
    tip_of,
)
from git_hybrid.core.errors import (
    BadBundle,
    BundlePrerequisites,
    FsckRefused,
    GitFailed,
    HostileTree,
    HostNotAllowed,
    HybridError,
    Interrupted,
    LocalIo,
    MalformedObjects,
    NetworkFailure,
    WrongContent,
)
from git_hybrid.core.ids import Oid, RefName, SourceName
from git_hybrid.core.lock import Pin, is_valid
from git_hybrid.core.machine import was_ended
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.plan import Clone
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.ports_bundle import BundleTool
from git_hybrid.core.report import Report, Row, failed
from git_hybrid.core.value import Struct

_THEIR_OWN = (
    BadBundle,
    BundlePrerequisites,
    FsckRefused,
    HostileTree,
    HostNotAllowed,
    MalformedObjects,
    WrongContent,
    Interrupted,
    LocalIo,
)


OTHER_SIDE = "on the other side, then make it anew: "
"""How a hint begins where the file is as it was written: to copy it again would change nothing."""


class Opened(Struct, frozen=True, kw_only=True):
    """A bundle that was read: what it says, and where each git bundle, and content of Git LFS, was put, by its key."""

    content: BundleContent
    file: Callable[[str], str | None]


class Proved(Struct, frozen=True, kw_only=True):
    """What a check of a bundle came to; ``stages`` hold the objects of the sources that are well.

    One that is present in a clone without all of its history has that clone for its stage.
    """

    report: Report
    stages: Mapping[SourceName, Stage]


def verify_bundle(rt: Runtime, tool: BundleTool, bundle: Opened, manifest: Manifest) -> Proved:
    """Unbundle every source into quarantine and return a row for each; *manifest* gives the limits of trees.

    Raises:
        BadBundle: the parts of the bundle do not agree.
    """
    content = bundle.content
    if (wrong := mismatch(content)) is not None:
        raise BadBundle(path=content.path, place=wrong[0], reason=wrong[1], mend=OTHER_SIDE + "git hybrid diag")
    for name, pin in content.lock.pins.items():
        if not is_valid(pin, content.manifest.sources[name]):
            mend, reason = f"{OTHER_SIDE}git hybrid pin {name}", "the pin is not of its manifest entry"
            raise BadBundle(path=content.path, place=f"source.{name}", reason=reason, mend=mend)
    work = [_Check(rt, tool, bundle, manifest, item) for item in content.carried]
    done = run_to_end(rt, manifest, "verifying the bundle", _attempt, work)
    stages = {row.name: stage for row, stage, _ in done if stage is not None}
    rows = tuple(sorted((row for row, _, _ in done), key=lambda row: row.name))
    if all(row.error is None for row in rows):
        _refuse_unnamed(content, frozenset().union(*(named for _, _, named in done)))
    return Proved(report=Report(command="bundle verify", rows=rows), stages=stages)


def _refuse_unnamed(content: BundleContent, named: frozenset[str]) -> None:
    if unnamed := sorted((content.inside or frozenset()) - named):
        reason = "no source of the bundle names it"
        raise BadBundle(path=content.path, place=unnamed[0], reason=reason, mend=OTHER_SIDE + "git hybrid diag")


class _Check(Struct, frozen=True):
    rt: Runtime
    tool: BundleTool
    bundle: Opened
    manifest: Manifest
    item: Carried

    @property
    def pin(self) -> Pin:
        return self.bundle.content.lock.pins[self.item.name]

    @property
    def is_full(self) -> bool:
        return self.bundle.content.manifest.sources[self.item.name].history == "full"

    @property
    def waived(self) -> Sequence[Oid]:
        """The objects that may fail git's fsck, by an override."""
        record = self.bundle.content.overrides.records.get(self.pin.override or "")
        return record.waived if record is not None else ()

    def bad(self, reason: str) -> BadBundle:
        name, mend = self.item.name, f"{OTHER_SIDE}git hybrid check sources --content"
        return BadBundle(path=self.bundle.content.path, place=f"sources/{name}", reason=reason, mend=mend)


def _attempt(check: _Check) -> tuple[Row, Stage | None, frozenset[str]]:
    name, pin = check.item.name, check.pin
    check.rt.progress("start", name, "verify")
    try:
        with of_source(name):
            stage = _unbundled(check)
            gate_pin(check.rt, stage, check.bundle.content.manifest.sources[name], pin, check.manifest)
            _refuse_cut_history(check, stage)
            named, notes = _inside(check, stage)
    except HybridError as error:
        return failed(name, _told(check, error)), None, frozenset()
    finally:
        check.rt.progress("done", name, "verified")
    before, detail = next(iter(check.item.prerequisites), None), {"kind": check.item.kind}
    row = Row(name=name, outcome="verified", before=before, after=pin.commit, ref=pin.ref, detail=detail, notes=notes)
    return row, stage, named


def _told(check: _Check, error: HybridError) -> HybridError:
    """Return what is told of *error*: a git that was killed says nothing of the bundle, most else that it is bad."""
    if isinstance(error, NetworkFailure) and was_ended(error.message):
        # Nobody was asked: git reads the file as it would read what a server sends.
        return GitFailed(command="git fetch", status=128, stderr=error.message, name=check.item.name)
    if isinstance(error, GitFailed) and error.was_ended:
        return error
    return error if isinstance(error, _THEIR_OWN) else check.bad(f"cannot be unbundled ({error.code})")


def _unbundled(check: _Check) -> Stage:
    """Return a stage that has the pinned commit: what is here already, and what the bundle brings.

    A clone without all of its history lends nothing: where the commit is present there, it is the clone itself.
    """
    rt, item, pin = check.rt, check.item, check.pin
    length = len(pin.commit)
    stage = rt.quarantine.stage(item.name, borrow=True, oid_length=length, suffix="unbundled")
    file = check.bundle.file(item.name)
    if file is None:
        if not stage.borrows and not check.is_full and _is_whole(check, clone := rt.clones.as_stage(item.name)):
            stage = clone
        _refuse_lacking(check, stage)
        return stage
    try:
        head = check.tool.head(file)
    except BadBundle as error:
        raise check.bad(f"the {error.place} {error.reason}") from error
    if dict(head.refs) != {pin.ref: tip_of(pin)} or head.prerequisites != item.prerequisites:
        raise check.bad("the head of its git bundle is not what the lock and the inventory say")
    _refuse_lacking(check, stage)
    _fetched(check, stage, file, pin.ref)
    if rt.objects.upstream(stage, pin.ref) != (pin.commit, pin.tag_object):
        raise check.bad("its git bundle does not lead to the pinned commit")
    return stage


def _fetched(check: _Check, stage: Stage, file: str, ref: RefName, what: str = "") -> None:
    """Fetch *ref* of the git bundle *file*; *what* tells what that is of, but of the source itself."""
    request = FetchRequest(refs=(ref,), waived=check.waived)
    try:
        check.rt.transport.fetch_bundle(stage, file, request, check.manifest.defaults)
    except BadBundle as error:
        # It was put into quarantine, under a name that says nothing to anybody.
        raise check.bad(f"{what}{error.place}: {error.reason}") from error


def _is_whole(check: _Check, clone: Stage) -> bool:
    """Tell whether *clone* is one, and has all files of the pinned commit."""
    rt, commit = check.rt, check.pin.commit
    return isinstance(rt.clones.inspect(clone.name, commit), Clone) and rt.objects.has_content(clone, commit)


def _refuse_lacking(check: _Check, stage: Stage) -> None:
    missing = tuple(oid for oid in check.item.prerequisites if not check.rt.objects.has_commit(stage, oid))
    if check.item.kind == "present" and not check.rt.objects.has_commit(stage, check.pin.commit):
        missing = (check.pin.commit,)
    if check.item.kind == "thin" and not check.is_full:
        # What is fetched for such a clone has nothing but the bundle to build on.
        missing = check.item.prerequisites
    if missing:
        raise BundlePrerequisites(name=check.item.name, commits=missing)


def _refuse_cut_history(check: _Check, stage: Stage) -> None:
    """Raise unless the history goes back to the root commits that the lock names, or is the clone's own."""
    if check.pin.root_commits and stage != check.rt.clones.as_stage(check.item.name):
        roots = check.rt.objects.facts(stage, check.pin.commit, complete=True).root_commits
        if set(roots) != set(check.pin.root_commits):
            raise check.bad("its history does not begin where the lock says")


def _inside(check: _Check, stage: Stage) -> tuple[frozenset[str], tuple[str, ...]]:
    """Prove the submodules and the LFS content that the pinned commit of *stage* names; return their keys, and notes.

    What the bundle does not bring has to be in the clone.
    """
    rt, source, commit = check.rt, check.bundle.content.manifest.sources[check.item.name], check.pin.commit
    contents = check.tool.content(stage, commit) if source.lfs == "fetch" else {}
    if check.bundle.content.inside is None:
        has_submodules = source.submodules and bool(rt.objects.submodules(stage, commit))
        notes = ("its submodules are not carried: serve them by a mirror",) if has_submodules else ()
        return frozenset(), (*notes, *(("its LFS content is not carried: serve it by a mirror",) if contents else ()))
    keys, lacking = set[str](), list[str]()
    for sha256, sizes in contents.items():
        keys.add(key := key_of_content(sha256))
        file = check.bundle.file(key)
        if file is not None and {*sizes} != {check.tool.size(file)}:
            raise check.bad(f"the size of its LFS content {sha256} is not what its pointer says")
        if file is None and check.tool.content_at(rt.clones.as_stage(source.name), sha256, sizes) is None:
            lacking.append(f"the LFS content {sha256}")
    if lacking:
        raise BundlePrerequisites(name=source.name, commits=tuple(sorted(lacking)))
    # What stands in the clone does so for its place alone: there sync looks for it.
    walk = partial(submodules_inside, rt, check.manifest, source, stage, commit, partial(_brought, check))
    found, stages = walk(apart=lambda item: check.bundle.file(item.key) is None)
    for inner in stages.values():
        rt.quarantine.drop(inner)
    return frozenset((*keys, *(item.key for item in found))), ()


def _brought(check: _Check, item: Inner) -> Stage:
    """Return a stage with the submodule: what the bundle brings, or what stands in the clone."""
    rt, commit, file = check.rt, item.commit, check.bundle.file(item.key)
    stage = rt.quarantine.stage(item.source.name, borrow=False, oid_length=len(commit), suffix=f"inside{item.trail}")
    if file is None:
        if not is_copied(rt, item.there, stage, item.source, commit):
            raise BundlePrerequisites(name=item.source.name, commits=(f"{commit} of {item.source.url}",))
        return stage
    try:
        head = check.tool.head(file)
    except BadBundle as error:
        raise check.bad(f"the {error.place} of its submodule at commit {commit} {error.reason}") from error
    if dict(head.refs) != {SUBMODULE_REF: commit} or head.prerequisites:
        raise check.bad(f"the head of the git bundle of its submodule is not that of commit {commit}")
    _fetched(check, stage, file, SUBMODULE_REF, f"its submodule at commit {commit}: ")
    if rt.objects.upstream(stage, SUBMODULE_REF) != (commit, None):
        raise check.bad(f"the git bundle of its submodule does not lead to commit {commit}")
    return stage
