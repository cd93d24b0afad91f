"""What is taken of a source of which nobody said what to follow: upstream's default branch, and its newest release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from git_hybrid.app.evidence import Resolved
from git_hybrid.app.listing import listed_anew
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import RefMissing
from git_hybrid.core.ids import short_ref, tag_ref
from git_hybrid.core.manifest import Branch, Manifest, Source
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.value import replace
from git_hybrid.core.versions import usual_release

Telling = Callable[[Resolved], Mapping[str, str]]
"""Returns what the row of a pin tells of upstream, while its objects are in quarantine."""


def nothing_told(found: Resolved) -> Mapping[str, str]:
    """Return what is told where upstream was not asked for its default branch."""
    del found
    return {}


def with_default_branch(rt: Runtime, manifest: Manifest, source: Source) -> tuple[Source, Telling]:
    """Return *source* as it follows upstream's default branch, and what returns what its row tells once it is pinned.

    Raises:
        RefMissing: upstream has no default branch, or names one that it does not have.
        HybridError: what the servers answered, or the bundle is not sound.
    """
    with listed_anew(rt, source, manifest) as (refs, endpoint):
        if refs.head is None or refs.head not in refs.tips:
            raise RefMissing(name=source.name, ref="usable default branch", url=endpoint.url)
    return replace(source, track=Branch(short_ref(refs.head))), partial(_told, rt, refs)


def _told(rt: Runtime, refs: RemoteRefs, found: Resolved) -> Mapping[str, str]:
    """Return which release is the newest of *refs*, and whether to go there from the pin *found* were a step back."""
    tag = usual_release([short_ref(ref) for ref in refs.tips if ref.startswith("refs/tags/")])
    if tag is None:
        return {}
    old, new, stage = refs.commit(tag_ref(tag)), found.pin.commit, found.history
    is_behind = old not in (None, new) and rt.objects.has_commit(stage, old) and rt.objects.is_ancestor(stage, old, new)
    return {"newest_release": tag, **({"beyond_release": "true"} if is_behind else {})}
