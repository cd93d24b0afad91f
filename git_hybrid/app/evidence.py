"""Resolve one source to a commit and collect the evidence that the lock keeps of it. Writes nothing but a stage."""

from __future__ import annotations

from dataclasses import dataclass, replace

from git_hybrid.app.acquire import EVERY_REF, containing_ref, fetch_content, fetch_history, gate_content
from git_hybrid.app.remote import fetch, list_refs
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import BadArgument, OffBranch, Unreachable
from git_hybrid.core.ids import Oid, RefName
from git_hybrid.core.lock import Pin, still_allowed
from git_hybrid.core.manifest import Manifest, Source, config_digest
from git_hybrid.core.ports import FetchRequest, Range, RemoteRefs, Stage
from git_hybrid.core.resolve import Candidate, Move, asked_for, forbidden_move, moved_tag, newest_allowed

SHOWN_COMMITS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A pin with its evidence, what it moves over, and the stages that hold its history and its files."""

    pin: Pin
    old: Pin | None
    history: Stage
    content: Stage
    served_by: str
    notes: tuple[str, ...] = ()
    range: Range | None = None


def resolve(
    rt: Runtime, source: Source, manifest: Manifest, old: Pin | None, *, to: str | None, move: bool
) -> Resolved | Pin:
    """Return the pin that *source* should have; *old* itself if it stands as it is.

    *to* asks for one revision; without *move* an old pin that the manifest still allows keeps its commit.

    Raises:
        MovedTag, RewrittenHistory, IdentityChanged, Unreachable: upstream is not what it was.
        OffBranch, Rollback: this needs an override.
        HybridError: what the servers answered.
    """
    refs = list_refs(rt, source, manifest.defaults, head=True)
    candidate = asked_for(source, refs, to) if to is not None else newest_allowed(source, refs)
    keeps = old is not None and not move and to is None and still_allowed(old, source)
    if (error := moved_tag(old, candidate, refs, source)) is not None:
        raise error
    if old is not None and (keeps or candidate.commit == old.commit) and old.url == source.url:
        candidate = replace(candidate, commit=old.commit, tag_object=old.tag_object, ref=old.ref)
        if old.config_digest == config_digest(source):
            return old
    history, commit, served_by = _fetch_candidate(rt, source, manifest, refs, candidate)
    if not _is_declared(rt, history, candidate, commit):
        if to is not None and candidate.declared is not None:
            raise OffBranch(name=source.name, commit=commit, ref=candidate.declared)
        raise Unreachable(name=source.name, commit=commit, ref=candidate.declared or "any branch or tag")
    reachable_from = _reachable(rt, source, manifest, history, refs, candidate, commit)
    pin, content, notes = _with_evidence(rt, source, manifest, old, history, candidate, commit, reachable_from)
    ranged = None if old is None else _judge_move(rt, source, old, pin, history)
    return Resolved(pin=pin, old=old, history=history, content=content, served_by=served_by, notes=notes, range=ranged)


def _fetch_candidate(
    rt: Runtime, source: Source, manifest: Manifest, refs: RemoteRefs, candidate: Candidate
) -> tuple[Stage, Oid, str]:
    wanted: list[str] = [candidate.ref] if candidate.ref else list(EVERY_REF)
    if candidate.ref and candidate.ref.startswith("refs/tags/") and refs.head:
        wanted.append(refs.head)
    length = len(next(iter(refs.tips.values()), "0" * 40))
    history, served_by = fetch_history(rt, source, manifest, wanted, oid_length=length)
    commit = candidate.commit
    if commit is None:
        found = rt.objects.find_prefix(history, candidate.prefix)
        if len(found) != 1:
            reason = (
                "no commit of the declared ref starts with it" if not found else "more than one commit starts with it"
            )
            raise BadArgument(what="--to", value=candidate.prefix, reason=reason)
        commit = found[0]
    return history, commit, served_by


def _is_declared(rt: Runtime, history: Stage, candidate: Candidate, commit: Oid) -> bool:
    """Tell whether the commit is in the history of the ref that the manifest declares, if it declares one."""
    if not rt.objects.has_commit(history, commit):
        return False
    if candidate.declared is None:
        return True
    upstream = rt.objects.upstream(history, candidate.declared)
    return upstream is not None and rt.objects.is_ancestor(history, commit, upstream[0])


def _reachable(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    history: Stage,
    refs: RemoteRefs,
    candidate: Candidate,
    commit: Oid,
) -> RefName:
    """Return the branch that proves where the commit belongs, or the tag if it is on no branch.

    Raises:
        Unreachable: it is in the history of no branch and no tag.
    """
    if candidate.declared is not None and candidate.declared.startswith("refs/heads/"):
        return candidate.declared
    head = refs.head
    upstream = None if head is None else rt.objects.upstream(history, head)
    if head is not None and upstream is not None and rt.objects.is_ancestor(history, commit, upstream[0]):
        return head
    at_tip = [ref for ref in refs.tips if ref.startswith("refs/heads/") and refs.tips[ref] == commit]
    if at_tip:
        return RefName(min(at_tip))
    if candidate.ref is not None:
        # Release branches: the tag was asked for alone, so the branches are still to be fetched.
        partial = source.history != "full"
        fetch(rt, source, manifest.defaults, history, FetchRequest(refs=(EVERY_REF[0],), commits_only=partial))
    found = containing_ref(rt, history, commit)
    if found is None:
        raise Unreachable(name=source.name, commit=commit, ref="any branch or tag")
    return found


def _with_evidence(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    old: Pin | None,
    history: Stage,
    candidate: Candidate,
    commit: Oid,
    reachable_from: RefName,
) -> tuple[Pin, Stage, tuple[str, ...]]:
    ref = candidate.ref or reachable_from
    content_stage = fetch_content(rt, source, manifest, history, commit, ref)
    content = gate_content(rt, content_stage, source, commit, manifest)
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
        content_sha256=content.sha256,
        commit_time=facts.commit_time,
        first_seen=seen or rt.info.now,
        config_digest=config_digest(source),
    )
    return pin, content_stage, content.notes


def _judge_move(rt: Runtime, source: Source, old: Pin, new: Pin, history: Stage) -> Range | None:
    known = rt.objects.has_commit(history, old.commit)
    forward = known and rt.objects.is_ancestor(history, old.commit, new.commit)
    backward = known and rt.objects.is_ancestor(history, new.commit, old.commit)
    move = Move(old=old, new=new, old_is_ancestor=forward, new_is_ancestor=backward)
    if (error := forbidden_move(move, source)) is not None:
        raise error
    if not known or old.commit == new.commit or source.history != "full":
        return None
    return rt.objects.between(history, old.commit, new.commit, limit=SHOWN_COMMITS)
