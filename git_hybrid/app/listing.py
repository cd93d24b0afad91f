"""What is listed of a source: by its bundle where no server may be asked, else by the first server not behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from git_hybrid.app.bundled import listed_in_bundle
from git_hybrid.app.lagging import is_behind
from git_hybrid.app.permitting import require_host
from git_hybrid.app.remote import answered, list_refs_from
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import Endpoint
from git_hybrid.core.errors import StaleMirror
from git_hybrid.core.freshness import stale
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.mirrors import Inventory
from git_hybrid.core.ports import RemoteRefs
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
    found = listed_in_bundle(rt, source, manifest, oid_length=oid_length, head=head)
    if found is not None and (error := old(found[1])) is not None:
        raise error
    refs, endpoint = found or list_refs_from(rt, source, manifest, head=head, behind=behind, old=old)
    with answered(rt, source, endpoint.url):
        yield refs, endpoint
