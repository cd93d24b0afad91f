"""The refs of a mirror that whoever was asked does not have: what of them stays, and what upstream takes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from git_hybrid.app.mirror_claims import Look
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import Oid, short_ref
from git_hybrid.core.mirror_refs import without_place
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.ports_mirror import Holding


def unlisted(rt: Runtime, look: Look, held: Holding, refs: RemoteRefs, tips: Mapping[str, Oid]) -> dict[str, Oid]:
    """Return what stays as it is *held*, though the mirror that was asked does not list it, or what came before it.

    *refs* are what it lists, *tips* what of them is wanted. It may be behind, or be filled for fewer workspaces: only
    upstream can take a ref back.
    """
    # Upstream had one of two that have no place beside each other before the other.
    crossed = without_place(held.refs, tips)
    missing = {ref: tip for ref, tip in held.refs.items() if ref not in refs.tips and ref not in crossed}
    moved = {ref: tip for ref, tip in tips.items() if ref.startswith("refs/heads/") and held.refs.get(ref, tip) != tip}
    older = {
        ref: held.refs[ref]
        for ref, tip in moved.items()
        if rt.objects.has_commit(look(), tip) and rt.objects.is_ancestor(look(), tip, held.refs[ref])
    }
    return missing | older


def withdrawn(rt: Runtime, look: Look, before: Holding, after: Holding, *, told: Collection[str]) -> tuple[str, ...]:
    """Return the refs of *before* that led to what no ref of that name leads to *after*, each with its commit.

    Those that are *told* already are left out.
    """
    found = list[str]()
    for ref, tip in sorted(before.refs.items()):
        new = after.refs.get(ref)
        if ref in told or new == tip or not rt.objects.has_commit(look(), tip):
            continue
        if new is None or ref.startswith("refs/tags/") or not rt.objects.is_ancestor(look(), tip, new):
            found.append(f"{short_ref(ref)} at {tip}")
    return tuple(found)
