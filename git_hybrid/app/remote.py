"""Ask the servers of a source in their order, each with retries; and decide when the next one may be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar
from urllib.parse import urlsplit

from git_hybrid.app.permitting import require_host
from git_hybrid.app.retry import with_retry
from git_hybrid.app.runtime import Runtime, no_bundles
from git_hybrid.core.endpoints import Endpoint, endpoints, folder_url
from git_hybrid.core.errors import (
    TIMEOUT,
    BundlePrerequisites,
    HybridError,
    LfsMissing,
    NetworkFailure,
    NotCarried,
    Offline,
    RefMissing,
    RemoteError,
    RepositoryDamaged,
    RepositoryNotFound,
    StaleMirror,
    UnusableRef,
    WrongContent,
)
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.value import replace
from git_hybrid.core.words import plural
from git_hybrid.turn import TURN

T = TypeVar("T")
_NOT_THERE = (
    RepositoryNotFound,
    RepositoryDamaged,
    LfsMissing,
    NetworkFailure,
    RefMissing,
    StaleMirror,
    UnusableRef,
)
"""What lets the next mirror be asked; a failure of integrity or of trust never does, but for LFS content."""
_NO_WAY = ("dns", "refused", "network", TIMEOUT)
"""The kinds of failures that are of a host, not of what is asked there: no name, no route, no connection."""
_LACKING = "it does not have the commit"
_GIVEN_UP = 3
"""So many sources find no way to a host, one after the other: the rest of the run does not look for it any more."""


def servers(rt: Runtime, source: Source) -> tuple[Endpoint, ...]:
    """Return the servers that may be asked for *source*, in order."""
    return () if rt.offline else endpoints(source.url, source.name, rt.mirrors)


def nobody(rt: Runtime, source: Source) -> Offline:
    """Return the error where no server may be asked for *source*."""
    why = rt.offline or "GIT_HYBRID_MIRRORS is off"
    if bundles := rt.bundles(source.name):
        files = [bundle.path for bundle in bundles]
        why += f"; {', '.join(files)} {plural(len(files), 'does')} not have what is wanted"
    return Offline(name=source.name, url=str(source.url), why=why)


def ask(rt: Runtime, source: Source, manifest: Manifest, step: Callable[[Endpoint], T]) -> tuple[T, Endpoint]:
    """Return what *step* returns for the first server that has what is wanted, and that server.

    Raises:
        Offline: the network is forbidden.
        HostNotAllowed: policy does not have the host of the source, which would be asked itself.
        HybridError: whatever the last server said, with the source's name and what became of those before it.
    """
    choices = servers(rt, source)
    if not choices:
        raise nobody(rt, source)
    before: list[str] = []
    for position, endpoint in enumerate(choices):
        try:
            if endpoint.base is None:
                require_host(manifest.policy, source)
            return _tried(rt, source, manifest, endpoint, step), endpoint
        except HybridError as error:
            if position + 1 == len(choices) or not _lets_pass(error):
                raise _told_of(rt, error, source, endpoint).after_servers(before) from None
            why = error.ref if isinstance(error, RefMissing) and error.ref == _LACKING else error.code
            before.append(f"not served by {endpoint.url} ({why})")
            rt.progress("note", source.name, f"{before[-1]}, asking the next")
    raise AssertionError("unreachable: the last server returns or raises")


def _lets_pass(error: HybridError) -> bool:
    """Tell whether the next server may be asked; of LFS content each object is held against its SHA-256 there too."""
    return isinstance(error, _NOT_THERE) or (isinstance(error, WrongContent) and bool(error.url))


def _told_of(rt: Runtime, error: HybridError, source: Source, endpoint: Endpoint) -> HybridError:
    """Return *error* with the name of the source, and the mirror that it comes from, if it does."""
    return error.about(source.name).from_mirror(endpoint.base, endpoint.url, rt.mirrors.entries)


def going_on(rt: Runtime, source: Source, step: Callable[[Runtime], T], *, after: tuple[type[HybridError], ...]) -> T:
    """Return what *step* returns by the first servers that lead to the pin: a mirror that is behind looks like *after*.

    It is passed then, and what stands before it in the list; the last may be behind, and its error is raised.
    """
    while True:
        try:
            return step(rt)
        except after as error:
            mirror = str(vars(error).get("mirror", ""))
            if mirror not in rt.mirrors.left[:-1]:
                raise
            rt.progress("note", source.name, f"the mirror {mirror} does not lead to the pin, asking the next")
            rt = replace(rt, mirrors=rt.mirrors.after(mirror))


@contextmanager
def answered(rt: Runtime, source: Source, url: str) -> Iterator[None]:
    """Let an error of the block, which judges what was served by *url*, tell the mirror or bundle if that is one's."""
    try:
        yield
    except HybridError as error:
        known = [*endpoints(source.url, source.name, rt.mirrors)]
        urls = [folder_url(bundle.path) for bundle in rt.bundles(source.name)]
        known += [Endpoint(url, url) for url in urls]
        for endpoint in known:
            if endpoint.url == url:
                raise _told_of(rt, error, source, endpoint) from None
        raise


def _tried(rt: Runtime, source: Source, manifest: Manifest, endpoint: Endpoint, step: Callable[[Endpoint], T]) -> T:
    def on_failure(failure: NetworkFailure, attempt: int, delay: float | None) -> None:
        rt.ledger.require_place()
        text = f"try {attempt} of {policy.attempts} failed ({failure.kind})"
        rt.progress("retry", source.name, text if delay is None else f"{text}; waiting {delay:.1f} s")
        rt.ledger.attempt(rt.info, source.name, f"{failure.kind}: {failure.message}")

    def attempt() -> T:
        with rt.at_host(host):
            rt.stop_if_cancelled()
            if missed := given_up():
                raise NetworkFailure(url=endpoint.url, kind=missed[0].kind, message=missed[0].message, attempts=0)
            return step(endpoint)

    def sleep(seconds: float) -> None:
        with TURN.waiting():
            rt.sleep(seconds)

    def given_up() -> Sequence[NetworkFailure]:
        missed = list(rt.unreached.get(server, {}).values())
        return missed if len(missed) >= _GIVEN_UP else ()

    host = urlsplit(endpoint.url).hostname or ""
    policy = manifest.defaults.retry
    server = urlsplit(endpoint.url).netloc.rpartition("@")[2]
    if server in rt.unreached:
        policy = replace(policy, attempts=1)
    try:
        # A server keeps us waiting, a folder of this machine does not.
        with TURN.waiting() if host else nullcontext():
            found = with_retry(attempt, policy=policy, sleep=sleep, on_failure=on_failure, is_over=given_up)
    except RemoteError as error:
        if not isinstance(error, NetworkFailure) or error.kind not in _NO_WAY or error.elsewhere:
            # It answered, whatever it said, and may have said that something is kept at another host.
            rt.unreached.pop(server, None)
        elif host:
            rt.unreached.setdefault(server, {}).setdefault(source.name, error)
        raise
    rt.unreached.pop(server, None)
    return found


def list_refs(rt: Runtime, source: Source, manifest: Manifest) -> RemoteRefs:
    """Return what the first server that has the source lists, which need not tell its default branch."""
    return list_refs_from(rt, source, manifest, head=False)[0]


def list_refs_from(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    *,
    head: bool,
    behind: Callable[[RemoteRefs], bool] = lambda _refs: False,
    old: Callable[[Endpoint], StaleMirror | None] = lambda _endpoint: None,
) -> tuple[RemoteRefs, Endpoint]:
    """Return what the first server that has the source lists, and which server that was.

    After a mirror whose answer is *behind* the next server is asked; the answer of the last is left for the caller to
    judge. One that is too *old* is not asked.
    """
    rt.progress("step", source.name, "asking")
    choices = endpoints(source.url, source.name, rt.mirrors)

    def step(endpoint: Endpoint) -> RemoteRefs:
        if (error := old(endpoint)) is not None:
            raise error
        refs = rt.transport.list_refs(endpoint.url, manifest.defaults, head=head)
        if endpoint.base is not None and endpoint != choices[-1] and behind(refs):
            raise RefMissing(name=source.name, ref="what is pinned", url=endpoint.url)
        return refs

    return ask(rt, source, manifest, step)


def fetch_lfs(rt: Runtime, source: Source, manifest: Manifest, stage: Stage, commit: Oid) -> None:
    """Fetch the LFS content of *commit* into *stage*: from bundles, and what they lack from the first server with it.

    Raises:
        NotCarried: the network is forbidden, no bundle has such content, and not all of it is there.
    """
    rt.progress("step", source.name, "fetching LFS content")
    if rt.bundles is not no_bundles:
        from git_hybrid.app.bundled import take_lfs

        if take_lfs(rt, source, stage, commit):
            return
    defaults = manifest.defaults
    try:
        ask(rt, source, manifest, lambda endpoint: rt.transport.fetch_lfs(stage, endpoint.url, commit, defaults))
    except Offline as error:
        if rt.objects.has_lfs(stage, commit):
            return
        what = "its Git LFS content"
        raise NotCarried(name=error.name, url=error.url, why=error.why, what=what) from None


def fetch_bundle(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    stage: Stage,
    request: FetchRequest,
    *,
    satisfied: Callable[[], bool],
) -> str | None:
    """Fetch *request* into *stage* from a bundle of *source*; return its URL, None if all lack something of it.

    Raises:
        BundlePrerequisites: one builds on commits that are not here, and no server may be asked.
        HybridError: a bundle is not sound.
    """
    lacking: BundlePrerequisites | None = None
    asks = bool(servers(rt, source))
    for bundle in rt.bundles(source.name):
        if asks and not bundle.is_sure:
            continue
        try:
            with bundle.opened(rt.quarantine) as file:
                rt.transport.fetch_bundle(stage, file, request, manifest.defaults)
        except RefMissing:
            continue
        except BundlePrerequisites as error:
            lacking = lacking or error
            lacking.file = bundle.path if bundle.is_plain and not rt.served_as else ""
            continue
        if all(rt.objects.has_commit(stage, commit) for commit in request.commits) and satisfied():
            return rt.served_as or folder_url(bundle.path)
    if lacking is not None and not asks:
        raise lacking
    return None


def fetch(
    rt: Runtime,
    source: Source,
    manifest: Manifest,
    stage: Stage,
    request: FetchRequest,
    *,
    satisfied: Callable[[], bool],
) -> str:
    """Fetch *request* into *stage* and return the URL that served it.

    The bundle of the source is asked first, if there is one. A server whose answer leaves *satisfied* false does not
    have what is wanted yet (a stale mirror), and the next one is asked; that of the last is left to the caller.
    """
    rt.progress("step", source.name, "fetching")
    request = replace(request, waived=rt.waived.get(source.name, ()))
    if (bundle := fetch_bundle(rt, source, manifest, stage, request, satisfied=satisfied)) is not None:
        return bundle
    choices = endpoints(source.url, source.name, rt.mirrors)

    def step(endpoint: Endpoint) -> None:
        rt.transport.fetch(stage, endpoint.url, request, manifest.defaults)
        if endpoint != choices[-1] and not satisfied():
            raise RefMissing(name=source.name, ref=_LACKING, url=endpoint.url)

    _, endpoint = ask(rt, source, manifest, step)
    return endpoint.url
