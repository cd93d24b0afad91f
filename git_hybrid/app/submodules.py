"""Submodules of a source, where the manifest asks for them: fetched, proved and checked like the source itself.

git's own `git submodule update` would take URLs from the tree as they stand and run what a configuration says; here
each URL passes the grammar and the policy, and each tree the same gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.acquire import EVERY_REF, gate_content
from git_hybrid.app.permitting import require_host
from git_hybrid.app.proving import belongs
from git_hybrid.app.remote import answered, fetch
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import Mirrors
from git_hybrid.core.errors import HostileTree, NotCarried, Offline, SubmoduleUnreachable
from git_hybrid.core.ids import InvalidText, Oid, Url, resolve_url
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.value import Struct, replace

DEPTH_LIMIT = 5
_ONLY_BY_NAME = "a mirror with {name} in its base has no submodules"


class Submodule(Struct, frozen=True, kw_only=True):
    """One submodule, checked out in a stage of its own, and the submodules that it has in turn."""

    path: str
    commit: Oid
    url: str
    stage: Stage
    nested: tuple[Submodule, ...]


def acquire_submodules(
    rt: Runtime,
    manifest: Manifest,
    source: Source,
    stage: Stage,
    commit: Oid,
    *,
    trail: str = "",
    there: Stage | None = None,
) -> tuple[Submodule, ...]:
    """Return the submodules that *commit* of *stage* names, checked out in quarantine.

    One that stands *there*, by default in *stage*, at its path, and was fetched from its URL with its commit, is not
    fetched again.

    Raises:
        HostileTree: a URL or a tree is not safe, or they are nested too deeply.
        HostNotAllowed: policy does not have the host.
        SubmoduleUnreachable: the commit is on no branch and no tag of the submodule's upstream.
        HybridError: what the servers answered.
    """
    if not source.submodules:
        return ()
    if trail.count(".") >= DEPTH_LIMIT:
        raise HostileTree(name=source.name, commit=commit, findings=("submodules: nested too deeply",))
    found: list[Submodule] = []
    for number, (path, oid, url) in enumerate(judge_submodules(rt, source, manifest, stage, commit)):
        inner = replace(source, url=url, track=Commit(oid), history="full")
        found.append(_acquire_one(rt, manifest, inner, path, oid, trail=f"{trail}.{number}", there=there or stage))
    return tuple(found)


def judge_submodules(
    rt: Runtime, source: Source, manifest: Manifest, stage: Stage, commit: Oid
) -> Sequence[tuple[str, Oid, Url]]:
    """Return path, commit and URL of each submodule that *commit* names, if they are to be fetched.

    Raises:
        HostileTree: a URL may not be asked.
        HostNotAllowed: policy does not have the host.
    """
    found: list[tuple[str, Oid, Url]] = []
    for path, oid, text in rt.objects.submodules(stage, commit) if source.submodules else ():
        url = submodule_url(source, commit, path, text)
        require_host(manifest.policy, source, url)
        found.append((path, oid, url))
    return found


def submodule_url(source: Source, commit: Oid, path: str, text: str) -> Url:
    """Return the URL that the submodule at *path* is fetched from; *text* is what ``.gitmodules`` says.

    Raises:
        HostileTree: it is no URL that may be asked, or one of this machine where the source is on another.
    """
    try:
        url = resolve_url(text, source.url)
    except InvalidText as error:
        raise _refused(source, commit, path, str(error)) from error
    # What stands on this machine is not upstream's to name: a private repository would be cloned, and mirrored.
    if url.scheme == "file" and source.url.scheme != "file":
        raise _refused(source, commit, path, "is of this machine, and the repository that names it is not")
    return url


def _refused(source: Source, commit: Oid, path: str, why: str) -> HostileTree:
    return HostileTree(name=source.name, commit=commit, findings=(f"submodule {path}: URL {why}",))


def _acquire_one(
    rt: Runtime, manifest: Manifest, source: Source, path: str, oid: Oid, *, trail: str, there: Stage
) -> Submodule:
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(oid), suffix=f".submodule{trail}")
    inside = replace(there, path=f"{there.path}/{path}")
    if not rt.writer.copy_submodule(inside, stage, str(source.url), oid) or not belongs(rt, stage, oid):
        _fetch_one(rt, manifest, source, path, oid, stage)
    gate_content(rt, stage, source, oid, manifest)
    rt.writer.build_submodule(stage, str(source.url), oid)
    nested = acquire_submodules(rt, manifest, source, stage, oid, trail=trail, there=inside)
    return Submodule(path=path, commit=oid, url=str(source.url), stage=stage, nested=nested)


def _fetch_one(rt: Runtime, manifest: Manifest, source: Source, path: str, oid: Oid, stage: Stage) -> None:
    asking = _for_submodules(rt)
    try:
        served_by = fetch(
            asking, source, manifest, stage, FetchRequest(refs=EVERY_REF), satisfied=lambda: belongs(rt, stage, oid)
        )
    except Offline as error:
        if error.why == _ONLY_BY_NAME:
            raise
        what = f"the submodule at {error.url}"
        raise NotCarried(name=error.name, url=error.url, why=error.why, what=what) from None
    with answered(asking, source, served_by):
        if not belongs(rt, stage, oid):
            raise SubmoduleUnreachable(name=source.name, path=path, commit=oid, url=served_by)


def _for_submodules(rt: Runtime) -> Runtime:
    """Return this without what the parent's name stands for: its bundle, and mirrors whose base has ``{name}``."""
    left = tuple(entry for entry in rt.mirrors.entries if "{name}" not in entry)
    why = "" if left or not rt.mirrors.entries else _ONLY_BY_NAME
    return replace(rt, bundles=lambda _name: None, mirrors=Mirrors(left), offline=rt.offline or why)


def place_submodules(rt: Runtime, parent: Stage, submodules: Sequence[Submodule]) -> None:
    """Move *submodules* into the working tree of *parent*, the innermost first."""
    for submodule in submodules:
        place_submodules(rt, submodule.stage, submodule.nested)
        rt.writer.place_submodule(submodule.stage, parent, submodule.path)
