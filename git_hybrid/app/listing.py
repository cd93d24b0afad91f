"""What is listed of a source: by its bundle where no server may be asked, else by the first server not behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.lagging import is_behind
from git_hybrid.app.permitting import require_host
from git_hybrid.app.remote import answered, list_refs_from, servers
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import Endpoint, folder_url
from git_hybrid.core.errors import BundlePrerequisites, HybridError, StaleMirror
from git_hybrid.core.freshness import stale
from git_hybrid.core.ids import Oid, RefName, branch_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.ports import FetchRequest, RemoteRefs
from git_hybrid.core.report import moved_note


def listed(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    pin: Pin | None,
    *,
    head: bool,
    to: str | None = None,
    mirrors: Inventory,
) -> AbstractContextManager[tuple[RemoteRefs, Endpoint]]:
    """Give the block what is listed, and by whom; an error of the block tells the mirror or bundle if it is one's.

    What *mirrors* says is older than policy allows is not asked.

    Raises:
        HostNotAllowed: policy does not have the host of the source, whoever would be asked for it.
        StaleMirror: there is none but such mirrors.
        HybridError: what the servers answered, or the bundle is not sound.
    """

    def behind(refs: RemoteRefs) -> bool:
        return is_behind(rt, source, refs, pin, to=to)

    def old(endpoint: Endpoint) -> StaleMirror | None:
        return stale(mirrors, manifest.policy, source, endpoint, rt.info.now)

    length = len(pin.commit) if pin is not None else 40
    return _listed(rt, source, manifest, behind, old, oid_length=length, head=head)


def listed_anew(rt: Runtime, source: Source, manifest: Manifest) -> AbstractContextManager[tuple[RemoteRefs, Endpoint]]:
    """Do as :func:`listed` for a source of which only the default branch is wanted.

    Raises:
        HybridError: what the servers answered, or the bundle is not sound.
    """
    return _listed(
        rt, source, manifest, lambda refs: refs.head not in refs.tips, lambda _: None, oid_length=40, head=True
    )


def moved_to(refs: RemoteRefs, endpoint: Endpoint) -> tuple[str, ...]:
    """Return the note that upstream sent us on for *refs*: whoever gets its old name may serve that later."""
    if not refs.at or endpoint.base is not None:
        return ()
    return (moved_note(refs.at),)


@contextmanager
def _listed(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    behind: Callable[[RemoteRefs], bool],
    old: Callable[[Endpoint], StaleMirror | None],
    *,
    oid_length: int,
    head: bool,
) -> Iterator[tuple[RemoteRefs, Endpoint]]:
    require_host(manifest.policy, source)
    found = _listed_in_bundle(rt, source, manifest, oid_length=oid_length, head=head)
    if found is not None and (error := old(found[1])) is not None:
        raise error
    refs, endpoint = found or list_refs_from(rt, source, manifest, head=head, behind=behind, old=old)
    with answered(rt, source, endpoint.url):
        yield refs, endpoint


def _listed_in_bundle(
    rt: Runtime, source: Source, manifest: Manifest, *, oid_length: int, head: bool
) -> tuple[RemoteRefs, Endpoint] | None:
    """Return what the bundle of *source* lists, and its URL; None without one, or where a server may be asked.

    The head of a bundle does not say which commits its tags name, so it is read. With *head* also the default branch.

    Raises:
        HybridError: it is not sound.
    """
    bundle = rt.bundles(source.name)
    if bundle is None or servers(rt, source):
        return None
    # Borrowing from the clone: what the bundle builds on is there, as a rule.
    stage = rt.quarantine.stage(source.name, borrow=True, oid_length=oid_length, suffix="listed")
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    try:
        rt.transport.fetch_bundle(stage, bundle, FetchRequest(refs=EVERY_REF), manifest.defaults)
        for ref in rt.objects.upstream_refs(stage):
            commit, tag_object = rt.objects.upstream(stage, ref) or (None, None)
            if commit is not None:
                tips[ref] = tag_object or commit
                peeled |= {ref: commit} if tag_object is not None else {}
        default = _branch_at(rt.transport.head_of_bundle(bundle, manifest.defaults), tips) if head else None
    except HybridError as error:
        if isinstance(error, BundlePrerequisites):
            error.file = bundle
        raise error.about(source.name) from None
    finally:
        rt.quarantine.drop(stage)
    url = folder_url(bundle)
    return RemoteRefs(tips=tips, peeled=peeled, head=default), Endpoint(url, url)


def _branch_at(head: Oid | None, tips: Mapping[str, Oid]) -> RefName | None:
    """Return the branch that HEAD of a bundle stands for, None where nothing tells which.

    A bundle has the commit of HEAD and not its branch; of several at that commit it is the one that git would take.
    """
    branches = [RefName(ref) for ref, tip in tips.items() if ref.startswith("refs/heads/") and tip == head]
    usual = [ref for ref in (branch_ref("main"), branch_ref("master")) if ref in branches]
    return next(iter(usual), branches[0] if len(branches) == 1 else None)
