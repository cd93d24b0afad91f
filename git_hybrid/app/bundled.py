"""What bundles have: what the git bundle of a source lists, where no server may be asked; and content of Git LFS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.remote import servers
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.bundles import key_of_content
from git_hybrid.core.endpoints import Endpoint, folder_url
from git_hybrid.core.errors import BundlePrerequisites, HybridError
from git_hybrid.core.ids import Oid, RefName, branch_ref
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.ports_bundle import BundleFile


def take_lfs(rt: Runtime, source: Source, stage: Stage, commit: Oid) -> bool:
    """Put into *stage* what bundles have of the LFS content of *commit*; tell whether nothing of it is lacking then.

    Raises:
        HybridError: a bundle is not sound.
    """
    return rt.writer.take_lfs(stage, commit, partial(_carried, rt, source))


@contextmanager
def _carried(rt: Runtime, source: Source, sha256: str) -> Iterator[str | None]:
    """Yield the path of the content *sha256* in the first bundle that has it, None if none has."""
    asks = bool(servers(rt, source))
    for bundle in rt.bundles(key_of_content(sha256)):
        if bundle.is_sure or not asks:
            with bundle.opened(rt.quarantine) as file:
                yield file
            return
    yield None


def listed_in_bundle(
    rt: Runtime, source: Source, manifest: Manifest, *, oid_length: int, head: bool
) -> tuple[RemoteRefs, Endpoint] | None:
    """Return what the bundle of *source* lists, and its URL; None without one, or where a server may be asked.

    The head of a bundle does not say which commits its tags name, so it is read. With *head* also the default branch.

    Raises:
        HybridError: it is not sound.
    """
    bundles = rt.bundles(source.name)
    if not bundles or servers(rt, source):
        return None
    for number, bundle in enumerate(bundles, start=1):
        try:
            return _listed(rt, source, manifest, bundle, oid_length=oid_length, head=head)
        except BundlePrerequisites as error:
            error.file = bundle.path if bundle.is_plain else ""
            if number == len(bundles):
                raise
    raise AssertionError("unreachable: the last bundle returns or raises")


def _listed(
    rt: Runtime, source: Source, manifest: Manifest, bundle: BundleFile, *, oid_length: int, head: bool
) -> tuple[RemoteRefs, Endpoint]:
    # Borrowing from the clone: what the bundle builds on is there, as a rule.
    stage = rt.quarantine.stage(source.name, borrow=True, oid_length=oid_length, suffix="listed")
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    try:
        with bundle.opened(rt.quarantine) as file:
            rt.transport.fetch_bundle(stage, file, FetchRequest(refs=EVERY_REF), manifest.defaults)
            for ref in rt.objects.upstream_refs(stage):
                commit, tag_object = rt.objects.upstream(stage, ref) or (None, None)
                if commit is not None:
                    tips[ref] = tag_object or commit
                    peeled |= {ref: commit} if tag_object is not None else {}
            default = _branch_at(rt.transport.head_of_bundle(file, manifest.defaults), tips) if head else None
    except HybridError as error:
        raise error.about(source.name) from None
    finally:
        rt.quarantine.drop(stage)
    url = folder_url(bundle.path)
    return RemoteRefs(tips=tips, peeled=peeled, head=default), Endpoint(url, url)


def _branch_at(head: Oid | None, tips: Mapping[str, Oid]) -> RefName | None:
    """Return the branch that HEAD of a bundle stands for, None where nothing tells which.

    A bundle has the commit of HEAD and not its branch; of several at that commit it is the one that git would take.
    """
    branches = [RefName(ref) for ref, tip in tips.items() if ref.startswith("refs/heads/") and tip == head]
    usual = [ref for ref in (branch_ref("main"), branch_ref("master")) if ref in branches]
    return next(iter(usual), branches[0] if len(branches) == 1 else None)
