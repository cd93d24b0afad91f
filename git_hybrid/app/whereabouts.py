"""Ask upstream about a commit that is not where the manifest says: is it elsewhere, or nowhere."""

from __future__ import annotations

from git_hybrid.app.proving import belongs, unreachable
from git_hybrid.app.remote import fetch
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import GitFailed, Offline, RefMissing, RemoteError, UnusableRef
from git_hybrid.core.ids import Oid, short_ref
from git_hybrid.core.manifest import Manifest, Source, Version
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.versions import leaving_out


def require_somewhere(rt: Runtime, source: Source, manifest: Manifest, history: Stage, commit: Oid) -> None:
    """Raise unless *commit*, which the declared ref does not have, is in *history* of another branch or tag.

    Raises:
        Unreachable: upstream has it, but on no branch and no tag.
        RefMissing: upstream does not have it at all.
    """
    if belongs(rt, history, commit):
        return
    if is_given_out(rt, source, manifest, history, commit):
        raise unreachable(rt, history, source, commit)
    raise RefMissing(name=source.name, ref=f"commit {commit}", url=str(source.url))


def require_commit(source: Source, refs: RemoteRefs, ref: str | None, oid: Oid, kind: str) -> None:
    """Raise if *oid*, which *ref* names, is there and of another *kind* than a commit.

    Raises:
        UnusableRef: it is.
    """
    if kind not in ("blob", "tree", "tag"):
        return
    at = next((refs.commit(tag) for tag, tip in refs.tips.items() if tip == oid), None) if kind == "tag" else None
    what = "tag object" if kind == "tag" else kind
    why = f"it names a {what}, no commit" + (f": that tag names {at}" if at else "")
    mend, wider = "", None
    if isinstance(source.track, Version) and ref is not None:
        wider = leaving_out(source.track.spec, short_ref(ref))
    if wider is not None:
        mend = f'to leave it out, in sources.toml version = "{wider}", then: git hybrid pin {source.name}'
    raise UnusableRef(name=source.name, ref=ref or oid, why=why, mend=mend)


def is_given_out(rt: Runtime, source: Source, manifest: Manifest, history: Stage, commit: Oid) -> bool:
    """Tell whether upstream still gives out *commit*, which no history has: so a rollback is told from a rewrite."""
    request = FetchRequest(commits=(commit,), commits_only=source.history != "full")
    try:
        fetch(rt, source, manifest, history, request, satisfied=lambda: rt.objects.has_commit(history, commit))
    except (RemoteError, RefMissing, Offline, GitFailed) as error:
        if isinstance(error, GitFailed) and error.was_ended:
            raise
    return rt.objects.has_commit(history, commit)
