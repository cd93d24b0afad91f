"""What the git bundle of a source lists, where no server may be asked."""

from __future__ import annotations

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import Endpoint, endpoints
from git_hybrid.core.errors import HybridError
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Defaults, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs


def listed_in_bundle(
    rt: Runtime, source: Source, defaults: Defaults, *, oid_length: int
) -> tuple[RemoteRefs, Endpoint] | None:
    """Return what the bundle of *source* lists, and its URL; None without one, or where a server may be asked.

    The head of a bundle does not say which commits its tags name, so it is read.

    Raises:
        HybridError: it is not sound.
    """
    bundle = rt.bundles(source.name)
    if bundle is None or (not rt.offline and endpoints(source.url, source.name, rt.mirrors)):
        return None
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=oid_length, suffix=".listed")
    tips: dict[str, Oid] = {}
    peeled: dict[str, Oid] = {}
    try:
        rt.transport.fetch_bundle(stage, bundle, FetchRequest(refs=EVERY_REF), defaults)
        for ref in rt.objects.upstream_refs(stage):
            commit, tag_object = rt.objects.upstream(stage, ref) or (None, None)
            if commit is not None:
                tips[ref] = tag_object or commit
                peeled |= {ref: commit} if tag_object is not None else {}
    except HybridError as error:
        raise error.about(source.name) from None
    finally:
        rt.quarantine.drop(stage)
    url = f"file://{bundle}"
    return RemoteRefs(tips=tips, peeled=peeled), Endpoint(url, url)
