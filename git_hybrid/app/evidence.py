"""Resolve one source to a commit and collect the evidence that the lock keeps of it. Writes nothing but a stage."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from git_hybrid.app.acquire import EVERY_REF, everything, fetch_content, fetch_history, gate_content, left_nothing_out
from git_hybrid.app.bases import Base, unless_allowed
from git_hybrid.app.belonging import is_declared, reachable_from_ref, refuse_unlike
from git_hybrid.app.force import Objections
from git_hybrid.app.judging import behind_left, forbidden, is_there, moved_beside, moved_from
from git_hybrid.app.listing import listed, moved_to
from git_hybrid.app.proving import ANYWHERE, belongs, containing_ref, unreachable
from git_hybrid.app.remote import answered, fetch, going_on
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.submodules import judge_submodules
from git_hybrid.app.whereabouts import require_commit, require_somewhere
from git_hybrid.core.endpoints import Endpoint, same_repository
from git_hybrid.core.errors import (
    BadArgument,
    OffBranch,
    RefMissing,
    RewrittenHistory,
    Rollback,
    Unreachable,
)
from git_hybrid.core.ids import Oid, RefName
from git_hybrid.core.instead import instead
from git_hybrid.core.lock import UNREACHABLE, Pin, still_allowed
from git_hybrid.core.manifest import Branch, Manifest, Source, Tag, Version, config_digest
from git_hybrid.core.mirrors import NO_MIRRORS, Inventory
from git_hybrid.core.ports import FetchRequest, Range, RemoteRefs, Stage
from git_hybrid.core.resolve import Candidate, asked_for, moved_tag, newest_allowed, off_branch, tip, wherever
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import typed

SHOWN_COMMITS = 5


class Resolved(Struct, frozen=True, kw_only=True):
    """A pin with its evidence, what it moves over, and the stages that hold its history and its files."""

    pin: Pin
    old: Pin | None
    history: Stage
    content: Stage
    served_by: str
    notes: tuple[str, ...] = ()
    range: Range | None = None


class Wish(Struct, frozen=True, kw_only=True):
    """Which pin a source should get.

    ``to`` asks for one revision; without ``move`` an old pin that the manifest still allows keeps its commit. ``bases``
    are what a move is judged against, one that allows it is enough; ``objections`` take what speaks against it.
    ``anew``: an override is asked for or ends, so that also a pin that stays is looked at again. ``mirrors`` tells how
    old what a mirror serves is. ``lost`` is where a pin that the lock does not have stood last. ``former`` returns
    what a pin by a ref is judged against besides, where it comes back to that ref or to the URL. ``plain``: of
    branches that are being merged one had it where it is without an override. ``beside`` is where other branches had
    the pin before a merge: it may not go back behind any of them. Nor may it behind ``left``, where it stood before it
    followed something else. ``others`` returns what other sources say of a tag.
    """

    to: str | None
    move: bool
    bases: tuple[Base, ...]
    objections: Objections
    anew: bool = False
    lost: tuple[Pin, ...] = ()
    mirrors: Inventory = NO_MIRRORS
    former: Callable[[RefName | None], tuple[tuple[Base, ...], ...]] = lambda _ref: ()
    plain: bool = False
    beside: tuple[tuple[Base, ...], ...] = ()
    left: tuple[Base, ...] = ()
    others: Callable[[RefName], tuple[Pin, ...]] = lambda _ref: ()


def resolve(rt: Runtime, source: Source, manifest: Manifest, old: Pin | None, wish: Wish) -> Resolved | Pin:
    """Return the pin that *source* should have; *old* itself if it stands as it is.

    Raises:
        MovedTag, RewrittenHistory, IdentityChanged, Unreachable: upstream is not what it was.
        UnusableRef: a tag is not what the list of refs says, or no commit.
        OffBranch, Rollback: this needs an override.
        StaleMirror: the mirrors that may be asked were last known to be current too long ago.
        HybridError: what the servers answered.
    """
    if not wish.objections.forced:
        # It will not rest on the override that the old one rests on.
        rt = replace(rt, waived=dict.fromkeys(rt.waived, ()))
    # Whoever names a commit means it, whoever has it.
    after = (Rollback, RewrittenHistory) if wish.to is None else ()
    return going_on(rt, source, lambda asking: _resolved(asking, source, manifest, old, wish), after=after)


class _Search(Struct, frozen=True, kw_only=True):
    """What the steps to one pin share: the source, its pin until now, what is wished, and what the server lists."""

    rt: Runtime
    source: Source
    manifest: Manifest
    old: Pin | None
    wish: Wish
    refs: RemoteRefs


def _resolved(rt: Runtime, source: Source, manifest: Manifest, old: Pin | None, wish: Wish) -> Resolved | Pin:
    """Return what :func:`resolve` does, by the first server that is not surely behind."""
    keeps = old is not None and not wish.move and wish.to is None and still_allowed(old, source)
    listing = listed(rt, source, manifest, old, head=True, to=wish.to, mirrors=wish.mirrors)
    with listing as (refs, endpoint), instead(old, refs, source):
        search = _Search(rt=rt, source=source, manifest=manifest, old=old, wish=wish, refs=refs)
        kept = old.ref if old is not None and keeps and isinstance(source.track, Version) else None
        candidate = _candidate(search, endpoint) if kept is None else tip(refs, kept, source)
        moved = moved_from(old, wish.bases, candidate, refs, source)
        former = wish.former(candidate.ref)
        for bases in former:
            moved = moved or moved_from(None, bases, candidate, refs, source)
        # An approval is also for what the lock has already, and no other pin bears out.
        stood = () if wish.objections.forced else (base.pin for bases in (wish.bases, *former) for base in bases)
        judge = partial(moved_tag, candidate=candidate, refs=refs, source=source)
        moved = moved or moved_beside(stood, wish.others, candidate.ref, source, judge)
        wish.objections.meet(moved)
    same = old is not None and same_repository(old.url, source.url) and (keeps or candidate.commit == old.commit)
    is_exception = old is not None and old.override is not None and wish.objections.forced
    if moved is None and old is not None and same and (still_allowed(old, source) or is_exception):
        # Whoever follows a commit follows no ref: the one that it was pinned by may be gone, or elsewhere, by now.
        # A range of versions has many: the candidate has the one that its commit is looked for in.
        if wish.objections.forced or isinstance(source.track, Branch | Tag):
            candidate = replace(candidate, commit=old.commit, tag_object=old.tag_object, ref=old.ref)
        if old.config_digest == config_digest(source) and not wish.anew:
            return old
    history, commit, served_by = _fetch_candidate(search, candidate)
    with answered(rt, source, endpoint.url):
        refuse_unlike(rt, source, history, refs, candidate, listed_by=endpoint.url, sent_by=served_by)
    with answered(rt, source, served_by):
        candidate, reachable_from = _place(search, history, replace(candidate, commit=commit), commit)
        ref = candidate.ref or reachable_from
        content, served_by = fetch_content(rt, source, manifest, history, commit, ref, served_by=served_by)
        pin, notes = _with_evidence(search, history, content, commit, ref, reachable_from)
        ranged = _judge_move(search, pin, history)
    notes = (*moved_to(refs, endpoint), *left_nothing_out(rt, source, history, commit), *notes)
    return Resolved(pin=pin, old=old, history=history, content=content, served_by=served_by, notes=notes, range=ranged)


def _candidate(search: _Search, endpoint: Endpoint) -> Candidate:
    rt, source, manifest, refs, wish = search.rt, search.source, search.manifest, search.refs, search.wish
    if wish.to is None:
        return newest_allowed(source, refs)
    try:
        return asked_for(source, refs, wish.to, of_upstream=endpoint.base is None)
    except OffBranch as error:
        found = wherever(refs, wish.to)
        if found.commit is not None and found.ref is None and not wish.objections.forced:
            commit = found.commit
            history, _ = fetch_history(
                rt,
                source,
                manifest,
                EVERY_REF,
                oid_length=len(commit),
                satisfied=lambda stage: belongs(rt, stage, commit),
            )
            require_commit(source, refs, None, commit, rt.objects.kind(history, commit))
            require_somewhere(rt, source, manifest, history, commit)
        wish.objections.meet(error)
        return found


def _place(search: _Search, history: Stage, candidate: Candidate, commit: Oid) -> tuple[Candidate, RefName]:
    """Return the *candidate* of a *commit* with the ref that it is found by, and the ref that proves where it belongs.

    Raises:
        OffBranch, Unreachable, RefMissing: it is not in the history of the ref that the manifest declares, or of no
            ref, or nowhere.
        UnusableRef: it is no commit.
    """
    rt, source, manifest, refs, wish = search.rt, search.source, search.manifest, search.refs, search.wish
    if is_declared(rt, history, candidate, commit):
        try:
            return candidate, reachable_from_ref(rt, source, manifest, history, refs, candidate, commit)
        except Unreachable as error:
            wish.objections.meet(error)
            return replace(candidate, ref=UNREACHABLE), UNREACHABLE
    require_commit(source, refs, candidate.ref, commit, rt.objects.kind(history, commit))
    if wish.to is not None and candidate.declared is not None:
        if not wish.objections.forced:
            fetch(rt, source, manifest, history, everything(source), satisfied=lambda: belongs(rt, history, commit))
            require_somewhere(rt, source, manifest, history, commit)
        wish.objections.meet(off_branch(source, commit, candidate.declared, candidate.named, refs))
    else:
        wish.objections.meet(unreachable(rt, history, source, commit, candidate.declared or ANYWHERE))
    found = containing_ref(rt, history, commit)
    if found is None:
        wish.objections.meet(unreachable(rt, history, source, commit))
        found = UNREACHABLE
    return replace(candidate, ref=found, declared=None), found


def _fetch_candidate(search: _Search, candidate: Candidate) -> tuple[Stage, Oid, str]:
    rt, source, manifest, refs, wish = search.rt, search.source, search.manifest, search.refs, search.wish
    everywhere = wish.objections.forced or not candidate.ref
    wanted: list[str] = list(EVERY_REF) if everywhere or candidate.ref is None else [candidate.ref]
    if not everywhere and candidate.ref and candidate.ref.startswith("refs/tags/") and refs.head:
        wanted.append(refs.head)
    if not everywhere and candidate.named and candidate.named.startswith("refs/tags/"):
        wanted.append(candidate.named)
    length = len(next(iter(refs.tips.values()), "0" * 40))
    commit = candidate.commit

    def leads_there(stage: Stage) -> bool:
        if commit is None:
            return True
        # The clone that is borrowed from may have what the server does not.
        return belongs(rt, stage, commit) if everywhere else is_declared(rt, stage, candidate, commit)

    history, served_by = fetch_history(rt, source, manifest, wanted, oid_length=length, satisfied=leads_there)
    if commit is None:
        found = rt.objects.find_prefix(history, candidate.prefix)
        if not found and served_by != str(source.url):
            with answered(rt, source, served_by):
                ref = f"commit that begins with {candidate.prefix}"
                raise RefMissing(name=source.name, ref=ref, url=str(source.url))
        if len(found) != 1:
            none = "no commit of the declared ref starts with it; of another branch give the full id"
            reason = none if not found else "more than one commit starts with it"
            hint = typed("git", "ls-remote", str(source.url))
            raise BadArgument(what="--to", value=candidate.prefix, reason=reason, hint=hint)
        commit = found[0]
    if wish.objections.forced and not rt.objects.has_commit(history, commit):
        # On no branch and no tag: the server may give it out all the same, as GitHub does for commits of forks.
        request = FetchRequest(commits=(commit,), commits_only=source.history != "full")
        served_by = fetch(
            rt, source, manifest, history, request, satisfied=lambda: rt.objects.has_commit(history, commit)
        )
    return history, commit, served_by


def _with_evidence(
    search: _Search, history: Stage, content: Stage, commit: Oid, ref: RefName, reachable_from: RefName
) -> tuple[Pin, tuple[str, ...]]:
    rt, source, manifest, old = search.rt, search.source, search.manifest, search.old
    content_sha256, tree = gate_content(rt, content, source, commit, manifest)
    judge_submodules(rt, source, manifest, content, commit)
    facts = rt.objects.facts(history, commit, complete=True)
    same = old is not None and old.commit == commit
    seen = old.first_seen if old is not None and same else rt.ledger.first_seen(source.name, commit)
    upstream = rt.objects.upstream(history, ref) if ref.startswith("refs/tags/") else None
    pin = Pin(
        source=source.name,
        url=source.url,
        ref=ref,
        commit=commit,
        tree=facts.tree,
        tag_object=upstream[1] if upstream is not None and upstream[0] == commit else None,
        reachable_from=reachable_from,
        root_commits=facts.root_commits,
        content_sha256=content_sha256,
        commit_time=facts.commit_time,
        first_seen=seen or rt.info.now,
        config_digest=config_digest(source),
    )
    return pin, tree.notes


def _judge_move(search: _Search, new: Pin, history: Stage) -> Range | None:
    rt, source, old, wish = search.rt, search.source, search.old, search.wish
    known = old is not None and rt.objects.has_commit(history, old.commit)
    for bases in (wish.bases, *wish.former(new.ref), *wish.beside):
        found = [forbidden(rt, source, search.manifest, search.refs, base, new, history) for base in bases]
        error = unless_allowed(found)
        if bases in wish.beside and not isinstance(error, Rollback):
            continue
        if isinstance(error, Rollback) and wish.to is not None:
            # Whoever names an older commit means it: no mirror that is behind has to explain it.
            error.from_mirror(None)
        wish.objections.meet(error)
    has = partial(is_there, rt, source, search.manifest, history)
    wish.objections.meet(behind_left(rt, source, wish.left, (old if known else None, new), history, has))
    if old is None or not known or old.commit == new.commit:
        return None
    full = source.history == "full"
    return rt.objects.between(history, old.commit, new.commit, limit=SHOWN_COMMITS, files=full)
