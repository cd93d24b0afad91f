"""Bring the objects of a commit into quarantine: its history, to prove where it belongs, and its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from git_hybrid.app.blaming import blaming, wrong_content
from git_hybrid.app.caching import Want, fetch_through, usable_cache
from git_hybrid.app.remote import answered, fetch, fetch_bundle
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import HostileTree, IdentityChanged, MovedTag, Offline, RefMissing, Unreachable
from git_hybrid.core.ids import Oid, RefName, is_full_ref
from git_hybrid.core.lock import UNREACHABLE, Pin
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.plan import Task
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.ports_cache import KeptTree
from git_hybrid.core.resolve import is_other_repository
from git_hybrid.core.tree import GITLINK, TreeEntry, scan_tree, tree_limits
from git_hybrid.core.value import Struct
from git_hybrid.core.words import counted

EVERY_REF = ("refs/heads/*", "refs/tags/*")


class Acquired(Struct, frozen=True, kw_only=True):
    """Where the objects are: ``history`` has the commits, ``content`` the files; they are one stage as a rule."""

    history: Stage
    content: Stage
    served_by: str | None


def has(rt: Runtime, commit: Oid | None) -> Callable[[Stage], bool]:
    """Return what tells of a stage whether it has *commit*; None, one that is not known yet, keeps no stage back."""
    return lambda stage: commit is None or rt.objects.has_commit(stage, commit)


def fetch_history(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    refs: Sequence[str],
    *,
    borrow: bool = True,
    oid_length: int = 40,
    satisfied: Callable[[Stage], bool] = lambda _stage: True,
    enough: Callable[[Stage], bool] | None = None,
) -> tuple[Stage, str]:
    """Fetch *refs* into a new stage: everything for a full history, else the commits alone.

    With *enough* the object cache has a part in it: where it shows that, nobody is asked, else it is filled; a clone is
    borrowed from only where the cache has nothing. Without, the question is what upstream has now. What an approval let
    into a clone past git's fsck is fetched again, so that the same answer comes as where there is no clone.
    """
    full, cache = source.history == "full", usable_cache(rt, source) if enough is not None else None
    borrow = full and borrow and source.name not in rt.waived and (cache is None or not cache.holds(source.url))
    stage = rt.quarantine.stage(source.name, borrow=borrow, oid_length=oid_length, suffix="" if full else ".commits")
    if cache is not None and enough is not None and not stage.borrows:
        want = Want(refs=refs, oid_length=oid_length, satisfied=satisfied, enough=enough)
        return fetch_through(rt, cache, source, manifest, stage, want)
    request = FetchRequest(refs=refs, commits_only=not full)
    served_by = fetch(rt, source, manifest, stage, request, satisfied=lambda: satisfied(stage))
    return stage, served_by


def fetch_content(rt: Runtime, source: Source, manifest: Manifest, history: Stage, commit: Oid, ref: str) -> Stage:
    """Return a stage that has the files of *commit*: *history* itself, or one without any history.

    A bundle, and a server that gives out no single commits, is asked for *ref* instead, with all of its history.
    """
    if source.history == "full":
        return history
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(commit))
    by_ref = FetchRequest(refs=(ref,), waived=rt.waived.get(source.name, ()))
    if fetch_bundle(rt, source, manifest, stage, by_ref, satisfied=lambda: rt.objects.has_commit(stage, commit)):
        return stage
    try:
        fetch(rt, source, manifest, stage, FetchRequest(commits=(commit,), depth=1))
    except RefMissing:
        fetch(rt, source, manifest, stage, by_ref)
    return stage


def acquire_pin(rt: Runtime, task: Task, manifest: Manifest, *, borrow: bool) -> Acquired:
    """Fetch what *task* needs and prove that the pinned commit is where the lock says.

    With *borrow* the objects of the clone are used; what is to become a clone itself must not.

    Raises:
        MovedTag: upstream's tag is another object than the pinned one.
        IdentityChanged: another repository is served at the URL.
        Unreachable: the commit is not in the history of its ref.
        WrongContent: the lock names another pin than the audit log.
        HybridError: what the servers answered.
    """
    source, pin = task.source, task.pin
    if pin.ref == UNREACHABLE:
        return _acquire_unreachable(rt, task, manifest, borrow=borrow)

    def from_refs(*refs: str) -> tuple[Stage, str]:
        return fetch_history(
            rt,
            source,
            manifest,
            refs,
            borrow=borrow,
            oid_length=len(pin.commit),
            satisfied=lambda stage: _leads_to(rt, stage, pin),
            enough=lambda stage: is_proved(rt, stage, pin),
        )

    try:
        with blaming(rt, pin):
            history, served_by = from_refs(pin.ref)
    except (RefMissing, Offline):
        # Whoever follows a commit follows no ref: the one that it was pinned by may be gone, or not in a bundle.
        if not isinstance(source.track, Commit):
            raise
        history, served_by = from_refs(*EVERY_REF)
    if not is_proved(rt, history, pin):
        asked = served_by
        if isinstance(source.track, Commit):
            request = FetchRequest(refs=EVERY_REF, commits_only=history.path.endswith(".commits"))
            asked = fetch(rt, source, manifest, history, request)
        with answered(rt, source, asked), blaming(rt, pin):
            prove(rt, history, source, pin)
    content = fetch_content(rt, source, manifest, history, pin.commit, pin.ref)
    return Acquired(history=history, content=content, served_by=served_by)


def _acquire_unreachable(rt: Runtime, task: Task, manifest: Manifest, *, borrow: bool) -> Acquired:
    """Fetch a commit that no branch and no tag has: an override in force says that it may be used all the same."""
    source, pin = task.source, task.pin
    stage = rt.quarantine.stage(source.name, borrow=borrow and source.history == "full", oid_length=len(pin.commit))
    depth = None if source.history == "full" else 1
    served_by = fetch(rt, source, manifest, stage, FetchRequest(commits=(pin.commit,), depth=depth))
    return Acquired(history=stage, content=stage, served_by=served_by)


def is_proved(rt: Runtime, stage: Stage, pin: Pin) -> bool:
    """Tell whether *stage* shows that the pinned commit belongs to its ref."""
    if pin.ref == UNREACHABLE:
        return rt.objects.has_commit(stage, pin.commit)
    upstream = rt.objects.upstream(stage, pin.ref)
    if upstream is None:
        return False
    commit, tag_object = upstream
    if pin.ref.startswith("refs/tags/"):
        return (commit, tag_object) == (pin.commit, pin.tag_object)
    if commit == pin.commit:
        return True
    return rt.objects.has_commit(stage, pin.commit) and rt.objects.is_ancestor(stage, pin.commit, commit)


def _leads_to(rt: Runtime, stage: Stage, pin: Pin) -> bool:
    """Tell whether what was fetched into *stage* is not behind *pin*: what is borrowed there may be ahead of it."""
    if not rt.objects.has_commit(stage, pin.commit):
        return False
    upstream = rt.objects.upstream(stage, pin.ref) if pin.ref.startswith("refs/heads/") else None
    return upstream is None or upstream[0] == pin.commit or not rt.objects.is_ancestor(stage, upstream[0], pin.commit)


def prove(rt: Runtime, stage: Stage, source: Source, pin: Pin) -> None:
    """Raise unless *stage* shows that the pinned commit belongs to what was declared."""
    if is_proved(rt, stage, pin):
        return
    if isinstance(source.track, Commit):
        if containing_ref(rt, stage, pin.commit) is not None:
            return
    elif pin.ref.startswith("refs/tags/") and (upstream := rt.objects.upstream(stage, pin.ref)) is not None:
        old, new = pin.tag_object or pin.commit, upstream[1] or upstream[0]
        commits = {"old_commit": pin.commit, "new_commit": upstream[0]}
        raise MovedTag(name=source.name, tag=pin.ref, old=old, new=new, **commits)
    if (upstream := rt.objects.upstream(stage, pin.ref)) is not None:
        roots = rt.objects.facts(stage, upstream[0], complete=True).root_commits
        if is_other_repository(pin.root_commits, roots):
            raise IdentityChanged(name=source.name, url=str(source.url), old=pin.root_commits, new=roots)
    raise Unreachable(name=source.name, commit=pin.commit, ref=pin.ref)


def containing_ref(rt: Runtime, stage: Stage, commit: Oid) -> RefName | None:
    """Return the first fetched branch, then tag, whose history has *commit*; None if none has."""
    if not rt.objects.has_commit(stage, commit):
        return None
    refs = {ref: oid for ref, oid in rt.objects.upstream_refs(stage).items() if is_full_ref(ref)}
    ordered = sorted(refs, key=lambda ref: (refs[ref] != commit, not ref.startswith("refs/heads/"), ref))
    found = (ref for ref in ordered if rt.objects.is_ancestor(stage, commit, refs[ref]))
    ref = next(found, None)
    return None if ref is None else RefName(ref)


class Tree(Struct, frozen=True, kw_only=True):
    """The entries of a commit's tree, and notes on what is named in it but not part of it (submodules, LFS)."""

    entries: Sequence[TreeEntry]
    notes: tuple[str, ...] = ()


class Content(Struct, frozen=True, kw_only=True):
    """What a commit's tree holds: its digest, and notes (:class:`Tree`)."""

    sha256: str
    notes: tuple[str, ...] = ()


def gate_tree(
    rt: Runtime,
    stage: Stage,
    source: Source,
    commit: Oid,
    manifest: Manifest,
    *,
    like: Stage | None = None,
    kept: KeptTree | None = None,
) -> Tree:
    """Return the tree of *commit* after it has passed the scan: it may be checked out.

    *like* is the clone, where it surely stands untouched at another commit; *kept* is the same tree, if it is kept.

    Raises:
        HostileTree: the tree has entries that are not safe to check out, or is larger than policy allows.
    """
    rt.progress("step", source.name, "checking")
    limits = tree_limits(manifest.policy, root=rt.clones.as_stage(source.name).path)
    if kept is not None:
        entries: Sequence[TreeEntry]
        entries, findings = scan_tree(kept.entries, limits=limits, read_link=kept.link)
    else:
        entries, findings = rt.objects.scan(stage, commit, limits, like=like)
    if findings:
        raise HostileTree(name=source.name, commit=commit, findings=findings)
    notes = []
    gitlinks = sum(entry.mode == GITLINK for entry in entries)
    if gitlinks and not source.submodules:
        notes.append(f"{counted(gitlinks, 'submodule')} not fetched")
    if source.lfs == "pointer" and rt.objects.uses_lfs(stage, entries):
        notes.append("LFS files are pointers")
    return Tree(entries=entries, notes=tuple(notes))


def gate_content(rt: Runtime, stage: Stage, source: Source, commit: Oid, manifest: Manifest) -> Content:
    """Return the digest of the commit's content after its tree has passed the scan.

    Raises:
        HostileTree: the tree has entries that are not safe to check out, or is larger than policy allows.
    """
    tree = gate_tree(rt, stage, source, commit, manifest)
    return Content(sha256=rt.objects.content_sha256(stage, tree.entries), notes=tree.notes)


def gate_pinned_tree(
    rt: Runtime,
    stage: Stage,
    source: Source,
    pin: Pin,
    manifest: Manifest,
    *,
    like: Stage | None = None,
    kept: KeptTree | None = None,
) -> Tree:
    """Return the tree of the pinned commit, which is the one that the lock names and may be checked out.

    Raises:
        HostileTree: the tree may not be checked out.
        WrongContent: it is not what was pinned.
    """
    tree = rt.objects.facts(stage, pin.commit, complete=False).tree
    if tree != pin.tree:
        raise wrong_content(rt, pin, what="tree of the pinned commit", expected=pin.tree, found=tree)
    return gate_tree(rt, stage, source, pin.commit, manifest, like=like, kept=kept)


def require_digest(rt: Runtime, pin: Pin, found: str) -> None:
    """Raise unless *found* is the digest of the content that the lock names.

    Raises:
        WrongContent: it is not.
    """
    if found != pin.content_sha256:
        raise wrong_content(rt, pin, what="content_sha256", expected=pin.content_sha256, found=found)


def gate_pin(
    rt: Runtime, stage: Stage, source: Source, pin: Pin, manifest: Manifest, *, like: Stage | None = None
) -> tuple[str, ...]:
    """Check that the commit in *stage* has the tree and the content that the lock names; return notes about it.

    *like* is the clone, where it surely stands untouched at another commit: what it knows of its blobs is not read
    again, but where the digest that comes of it is not the lock's.

    Raises:
        HostileTree: the tree may not be checked out.
        WrongContent: it is not what was pinned.
    """
    tree = gate_pinned_tree(rt, stage, source, pin, manifest, like=like)
    if like is None or not rt.objects.has_digest(stage, tree.entries, pin.content_sha256, like=like):
        require_digest(rt, pin, rt.objects.content_sha256(stage, tree.entries))
    return tree.notes
