"""The refs of a mirror that whoever was asked does not have: what of them stays, and what upstream takes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from git_hybrid.app.mirror_claims import Look
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.ids import Oid, short_ref
from git_hybrid.core.mirror_refs import without_place
from git_hybrid.core.ports import RemoteRefs, Stage
from git_hybrid.core.ports_mirror import Holding

_AT_ONCE = 1000


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


def withdrawn(
    rt: Runtime, look: Look, refs: RemoteRefs, before: Holding, after: Holding, *, told: Collection[str]
) -> tuple[str, ...]:
    """Return the refs of *before* that led to what no ref leads to *after*, each with what it was.

    A tag is what it was, or is told. A branch that was merged and deleted, or has another name, is in what the others
    lead to; *refs* are what whoever was asked lists, more than the folder has. Those that are *told* already are left
    out.
    """
    found, listed = list[str](), {*refs.tips.values()}
    tips = [*dict.fromkeys(after.refs.values())]
    for ref, tip in sorted(before.refs.items()):
        new = after.refs.get(ref)
        if ref in told or new == tip:
            continue
        if ref.startswith("refs/tags/") or not (tip in listed or _is_led_to(rt, look(), tip, new, tips)):
            found.append(f"{short_ref(ref)} at {tip}")
    return tuple(found)


def _is_led_to(rt: Runtime, stage: Stage, tip: Oid, new: Oid | None, tips: Sequence[Oid]) -> bool:
    """Tell whether *new*, or one of all *tips*, has the commit *tip*; one that is gone is given up."""
    if not rt.objects.has_commit(stage, tip) or (new is not None and rt.objects.is_ancestor(stage, tip, new)):
        return True
    # A repository may have more refs than fit on a command line.
    return any(rt.objects.is_behind(stage, tip, tips[at : at + _AT_ONCE]) for at in range(0, len(tips), _AT_ONCE))
