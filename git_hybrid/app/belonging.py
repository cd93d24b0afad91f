"""Show where a commit belongs: in the history of the ref that is declared, or of which one it is."""

from __future__ import annotations

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.proving import belongs, containing_ref
from git_hybrid.app.remote import fetch
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import Unreachable
from git_hybrid.core.ids import Oid, RefName
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.resolve import Candidate


def is_declared(rt: Runtime, history: Stage, candidate: Candidate, commit: Oid) -> bool:
    """Tell whether the commit is in the history of the ref that the manifest declares, if it declares one."""
    if not rt.objects.has_commit(history, commit):
        return False
    if candidate.declared is None:
        return True
    upstream = rt.objects.upstream(history, candidate.declared)
    return upstream is not None and rt.objects.is_ancestor(history, commit, upstream[0])


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
        partial = source.history != "full"
        request = FetchRequest(refs=(EVERY_REF[0],), commits_only=partial)
        fetch(rt, source, manifest, history, request, satisfied=lambda: belongs(rt, history, commit))
    found = containing_ref(rt, history, commit)
    if found is None:
        raise Unreachable(name=source.name, commit=commit, ref="any branch or tag")
    return found
