"""Show where a commit belongs: in the history of the ref that is declared, or of which one it is."""

from __future__ import annotations

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.proving import belongs, containing_ref, unreachable
from git_hybrid.app.remote import fetch
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import UnusableRef
from git_hybrid.core.ids import Oid, RefName
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.resolve import Candidate, tip


def is_declared(rt: Runtime, history: Stage, candidate: Candidate, commit: Oid) -> bool:
    """Tell whether the commit belongs to the ref that the manifest declares, if it declares one.

    A tag names one commit; a branch has all that is in its history.
    """
    if not rt.objects.has_commit(history, commit):
        return False
    if candidate.declared is None:
        return True
    upstream = rt.objects.upstream(history, candidate.declared)
    if upstream is None or candidate.declared.startswith("refs/tags/"):
        return upstream is not None and upstream[0] == commit
    return rt.objects.is_ancestor(history, commit, upstream[0])


def refuse_unlike(
    rt: Runtime, source: Source, history: Stage, refs: RemoteRefs, candidate: Candidate, *, listed_by: str, sent_by: str
) -> None:
    """Raise if a tag that *candidate* was found by is not in *history* what *refs* say of it.

    Which commit an annotated tag names stands in its object; a list has it by the word of the server alone.

    Raises:
        UnusableRef: one is not.
    """
    for ref in (candidate.ref, candidate.named):
        if ref is None or not ref.startswith("refs/tags/") or ref not in refs.tips:
            continue
        listed, sent = tip(refs, ref, source), rt.objects.upstream(history, ref)
        if sent is not None and sent != (listed.commit, listed.tag_object):
            what = listed.commit, sent[0]
            if listed.commit == sent[0]:
                what = listed.tag_object or listed.commit, sent[1] or sent[0]
            why = f"{listed_by} lists it as {what[0]}, and {sent_by} sends it as {what[1]}"
            raise UnusableRef(name=source.name, ref=ref, why=f"{why}\na tag that moves in between looks like that too")


def reachable_from_ref(
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
        request = FetchRequest(refs=(EVERY_REF[0],), commits_only=source.history != "full")
        fetch(rt, source, manifest, history, request, satisfied=lambda: belongs(rt, history, commit))
    found = containing_ref(rt, history, commit)
    if found is None:
        raise unreachable(rt, history, source, commit)
    return found
