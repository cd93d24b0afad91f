"""Show by what was fetched where a pinned commit belongs."""

from __future__ import annotations

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import IdentityChanged, MovedTag, Unreachable
from git_hybrid.core.ids import Oid, RefName, is_full_ref
from git_hybrid.core.lock import UNREACHABLE, Pin, is_before_tag, is_other_repository
from git_hybrid.core.manifest import Commit, Source
from git_hybrid.core.plan import Clone
from git_hybrid.core.ports import Stage

ANYWHERE = "any branch or tag"


def is_proved(rt: Runtime, stage: Stage, pin: Pin) -> bool:
    """Tell whether *stage* shows that the pinned commit belongs to its ref."""
    if pin.ref == UNREACHABLE:
        return rt.objects.has_commit(stage, pin.commit)
    upstream = rt.objects.upstream(stage, pin.ref)
    if upstream is None:
        return False
    commit, tag_object = upstream
    if pin.ref.startswith("refs/tags/") and not is_before_tag(pin):
        return (commit, tag_object) == (pin.commit, pin.tag_object)
    if commit == pin.commit:
        return True
    return rt.objects.has_commit(stage, pin.commit) and rt.objects.is_ancestor(stage, pin.commit, commit)


def is_known(rt: Runtime, seen: Clone, pin: Pin) -> bool:
    """Tell whether the clone *seen*, which has the pinned commit, shows that it is upstream's, or the tool itself had.

    Offline, and for a commit that the tool itself had checked out before, the lock's evidence is enough. A ref that the
    clone does not have is no reason to ask: by what upstream's others led to when they were fetched, the commit is its.
    """
    clone = rt.clones.as_stage(pin.source)
    if bool(rt.offline) or seen.head == pin.commit or is_proved(rt, clone, pin):
        return True
    return rt.objects.upstream(clone, pin.ref) is None and belongs(rt, clone, pin.commit)


def leads_to(rt: Runtime, stage: Stage, source: Source, pin: Pin) -> bool:
    """Tell whether what was fetched into *stage* is not behind *pin*: what is borrowed there may be ahead of it.

    Raises:
        IdentityChanged: it is of another repository, which is not behind.
    """
    if not rt.objects.has_commit(stage, pin.commit):
        if (found := rt.objects.upstream(stage, pin.ref)) is not None:
            _require_same(rt, stage, source, pin, found[0])
        return False
    upstream = rt.objects.upstream(stage, pin.ref) if pin.ref.startswith("refs/heads/") else None
    return upstream is None or upstream[0] == pin.commit or not rt.objects.is_ancestor(stage, upstream[0], pin.commit)


def prove(rt: Runtime, stage: Stage, source: Source, pin: Pin) -> None:
    """Raise unless *stage* shows that the pinned commit belongs to what was declared."""
    if is_proved(rt, stage, pin):
        return
    is_commit = isinstance(source.track, Commit)
    if is_commit and belongs(rt, stage, pin.commit):
        return
    upstream = rt.objects.upstream(stage, pin.ref)
    if upstream is not None:
        commit, tag = upstream
        if pin.ref.startswith("refs/tags/") and not is_commit:
            old, new = pin.tag_object or pin.commit, tag or commit
            raise MovedTag(name=source.name, tag=pin.ref, old=old, new=new, old_commit=pin.commit, new_commit=commit)
        _require_same(rt, stage, source, pin, commit)
    raise unreachable(rt, stage, source, pin.commit, pin.ref)


def _require_same(rt: Runtime, stage: Stage, source: Source, pin: Pin, commit: Oid) -> None:
    """Raise unless *commit*, which *stage* has with all of its history, is of the repository that was pinned."""
    roots = rt.objects.facts(stage, commit, complete=True).root_commits
    if is_other_repository(pin.root_commits, roots):
        raise IdentityChanged(name=source.name, url=str(source.url), old=pin.root_commits, new=roots)


def unreachable(rt: Runtime, stage: Stage, source: Source, commit: Oid, ref: str = ANYWHERE) -> Unreachable:
    """Return the error for a *commit* that *ref* does not lead to, nor any other that *stage* has and that counts.

    What counts are names that the manifest could have; where another one leads there, upstream is not to blame.
    """
    error = Unreachable(name=source.name, commit=commit, ref=ref)
    if rt.objects.has_commit(stage, commit) and not belongs(rt, stage, commit):
        odd = ((ref, tip) for ref, tip in rt.objects.upstream_refs(stage).items() if not is_full_ref(ref))
        if found := next((ref for ref, tip in odd if rt.objects.is_ancestor(stage, commit, tip)), None):
            error.why = f"it is on {found} alone, which is left out: a name has to be UTF-8, and not too long"
    return error


def belongs(rt: Runtime, stage: Stage, commit: Oid) -> bool:
    """Tell whether a fetched branch or tag has *commit* in its history."""
    return containing_ref(rt, stage, commit) is not None


def containing_ref(rt: Runtime, stage: Stage, commit: Oid) -> RefName | None:
    """Return the first fetched branch, then tag, whose history has *commit*; None if none has."""
    if not rt.objects.has_commit(stage, commit):
        return None
    refs = {ref: oid for ref, oid in rt.objects.upstream_refs(stage).items() if is_full_ref(ref)}
    ordered = sorted(refs, key=lambda ref: (refs[ref] != commit, not ref.startswith("refs/heads/"), ref))
    found = (ref for ref in ordered if rt.objects.is_ancestor(stage, commit, refs[ref]))
    ref = next(found, None)
    return None if ref is None else RefName(ref)
