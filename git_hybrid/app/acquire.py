"""Bring the objects of a commit into quarantine: its history, to prove where it belongs, and its content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from git_hybrid.app.blaming import blaming, wrong_content
from git_hybrid.app.caching import Want, fetch_through, usable_cache
from git_hybrid.app.proving import belongs, containing_ref, is_proved, leads_to, prove
from git_hybrid.app.remote import answered, fetch, fetch_bundle
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import HostileTree, Offline, RefMissing
from git_hybrid.core.ids import Oid
from git_hybrid.core.lock import UNREACHABLE, Pin
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.ports_cache import KeptTree
from git_hybrid.core.tree import GITLINK, TreeEntry, TreeLimits, scan_tree
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import counted

EVERY_REF = ("refs/heads/*", "refs/tags/*")
NOT_FETCHED = "not fetched"
"""How the note about submodules ends that the manifest does not ask for."""
_UNFILTERED = "the server leaves nothing out: all files of the history were fetched to prove the pin"


class Acquired(Struct, frozen=True, kw_only=True):
    """Where the objects are: ``history`` has the commits, ``content`` the files; they are one stage as a rule.

    ``served_by`` is who served the files, ``notes`` what is to be told of that.
    """

    history: Stage
    content: Stage
    served_by: str
    notes: tuple[str, ...] = ()


def everything(source: Source) -> FetchRequest:
    """Return the request for all branches and tags, of the kind that the source's history needs."""
    return FetchRequest(refs=EVERY_REF, commits_only=source.history != "full")


def fetch_history(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    refs: Sequence[str],
    *,
    oid_length: int,
    satisfied: Callable[[Stage], bool],
    borrow: bool = True,
    enough: Callable[[Stage], bool] | None = None,
) -> tuple[Stage, str]:
    """Fetch *refs* into a new stage: everything for a full history, else the commits alone.

    With *enough* the object cache has a part in it: where it shows that, nobody is asked, else it is filled; a clone is
    borrowed from only where the cache has nothing. Without, the question is what upstream has now. What an approval let
    into a clone past git's fsck is fetched again, so that the same answer comes as where there is no clone.
    """
    full, cache = source.history == "full", usable_cache(rt, source) if enough is not None else None
    borrow = full and borrow and source.name not in rt.waived and (cache is None or not cache.holds(source.url))
    stage = rt.quarantine.stage(source.name, borrow=borrow, oid_length=oid_length, suffix="" if full else "commits")
    if cache is not None and enough is not None and not stage.borrows:
        want = Want(refs=refs, oid_length=oid_length, satisfied=satisfied, enough=enough)
        return fetch_through(rt, cache, source, manifest, stage, want)
    request = FetchRequest(refs=refs, commits_only=not full)
    served_by = fetch(rt, source, manifest, stage, request, satisfied=lambda: satisfied(stage))
    return stage, served_by


def left_nothing_out(rt: Runtime, source: Source, history: Stage, commit: Oid) -> tuple[str, ...]:
    """Return a note where the commits alone were asked for, and *history* got their files too.

    A bundle is asked for nothing else.
    """
    if source.history == "full" or rt.bundles(source.name) or not rt.objects.has_content(history, commit):
        return ()
    return (_UNFILTERED,)


def fetch_content(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    history: Stage,
    commit: Oid,
    ref: str,
    *,
    served_by: str,
    suffix: str = "",
) -> tuple[Stage, str]:
    """Return a stage that has the files of *commit*, and who served them.

    It is *history* itself, which was *served_by*, or one without any history, of a name with that *suffix*.

    A bundle, and a server that gives out no single commits, is asked for *ref* instead, with all of its history.
    """
    if source.history == "full":
        return history, served_by
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(commit), suffix=suffix)
    by_ref = FetchRequest(refs=(ref,), waived=rt.waived.get(source.name, ()))
    has_it = partial(rt.objects.has_commit, stage, commit)
    if bundle := fetch_bundle(rt, source, manifest, stage, by_ref, satisfied=has_it):
        return stage, bundle
    alone = FetchRequest(commits=(commit,), depth=1)
    try:
        return stage, fetch(rt, source, manifest, stage, alone, satisfied=has_it)
    except RefMissing:
        url = fetch(rt, source, manifest, stage, by_ref, satisfied=has_it)
    if not has_it():
        raise RefMissing(name=source.name, ref=f"commit {commit} in {ref}", url=url)
    return stage, url


def acquire_pin(rt: Runtime, source: Source, pin: Pin, manifest: Manifest, *, borrow: bool) -> Acquired:
    """Fetch what *pin* needs and prove that the pinned commit is where the lock says.

    With *borrow* the objects of the clone are used; what is to become a clone itself must not.

    Raises:
        MovedTag: upstream's tag is another object than the pinned one.
        IdentityChanged: another repository is served at the URL.
        Unreachable: the commit is not in the history of its ref.
        WrongContent: the lock names another pin than the audit log.
        HybridError: what the servers answered.
    """
    if pin.ref == UNREACHABLE:
        return _acquire_unreachable(rt, source, pin, manifest, borrow=borrow)

    def from_refs(*refs: str) -> tuple[Stage, str]:
        return fetch_history(
            rt,
            source,
            manifest,
            refs,
            borrow=borrow,
            oid_length=len(pin.commit),
            satisfied=lambda stage: leads_to(rt, stage, source, pin),
            enough=lambda stage: is_proved(rt, stage, pin),
        )

    try:
        with blaming(rt, pin):
            history, served_by = from_refs(pin.ref)
    except (RefMissing, Offline) as error:
        # Whoever follows a commit follows no ref: the one that it was pinned by may be gone, or not in a bundle.
        if not isinstance(source.track, Commit):
            if isinstance(error, RefMissing) and error.ref == pin.ref:
                error.pinned = pin.commit
            raise
        history, served_by = from_refs(*EVERY_REF)
    ref = pin.ref
    if not is_proved(rt, history, pin):
        if isinstance(source.track, Commit):
            found = partial(belongs, rt, history, pin.commit)
            served_by = fetch(rt, source, manifest, history, everything(source), satisfied=found)
            ref = containing_ref(rt, history, pin.commit) or ref
        with answered(rt, source, served_by), blaming(rt, pin):
            prove(rt, history, source, pin)
    notes = left_nothing_out(rt, source, history, pin.commit)
    content, served_by = fetch_content(rt, source, manifest, history, pin.commit, ref, served_by=served_by)
    return Acquired(history=history, content=content, served_by=served_by, notes=notes)


def _acquire_unreachable(rt: Runtime, source: Source, pin: Pin, manifest: Manifest, *, borrow: bool) -> Acquired:
    """Fetch a commit that no branch and no tag has: an override in force says that it may be used all the same."""
    stage = rt.quarantine.stage(source.name, borrow=borrow and source.history == "full", oid_length=len(pin.commit))
    whole, has_it = FetchRequest(commits=(pin.commit,)), partial(rt.objects.has_commit, stage, pin.commit)
    request = whole if source.history == "full" else replace(whole, depth=1)
    try:
        served_by = fetch(rt, source, manifest, stage, request, satisfied=has_it)
    except RefMissing:
        if request == whole:
            raise
        # A server of plain files cuts nothing off.
        served_by = fetch(rt, source, manifest, stage, whole, satisfied=has_it)
    return Acquired(history=stage, content=stage, served_by=served_by)


class Tree(Struct, frozen=True, kw_only=True):
    """The entries of a commit's tree, and notes on what is named in it but not part of it (submodules, LFS)."""

    entries: Sequence[TreeEntry]
    notes: tuple[str, ...]


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
    limits = TreeLimits.of(manifest.policy, root=rt.clones.as_stage(source.name).path)
    if kept is None:
        entries, findings = rt.objects.scan(stage, commit, limits, like=like)
    else:
        entries, findings = scan_tree(kept.entries, limits=limits, read_link=kept.link)
    if findings:
        raise HostileTree(name=source.name, commit=commit, findings=findings)
    notes = []
    gitlinks = sum(entry.mode == GITLINK for entry in entries)
    if gitlinks and not source.submodules:
        notes.append(f"{counted(gitlinks, 'submodule')} {NOT_FETCHED}")
    if source.lfs == "fetch":
        rt.objects.judge_lfs(stage, commit, entries, limits)
    elif rt.objects.uses_lfs(stage, entries):
        notes.append("LFS files are pointers")
    return Tree(entries=entries, notes=tuple(notes))


def gate_content(rt: Runtime, stage: Stage, source: Source, commit: Oid, manifest: Manifest) -> tuple[str, Tree]:
    """Return the digest of the commit's content, and its tree, which has passed the scan.

    Raises:
        HostileTree: the tree has entries that are not safe to check out, or is larger than policy allows.
    """
    tree = gate_tree(rt, stage, source, commit, manifest)
    return rt.objects.content_sha256(stage, tree.entries), tree


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
