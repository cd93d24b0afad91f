"""Fetch a full history by way of the object cache: what is there is linked, the server sends only the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from git_hybrid.app.remote import fetch, servers
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import endpoints
from git_hybrid.core.errors import (
    GitFailed,
    HostileTree,
    HybridError,
    IdentityChanged,
    MalformedObjects,
    Unreachable,
    WrongContent,
)
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.ports_cache import ObjectCache, Question
from git_hybrid.core.value import Struct, replace

MEANWHILE = timedelta(minutes=10)
"""How much later than this run another may have filled the cache for it; what is later still is a clock that is ahead.

That would be believed until its time has come, and for as long no moved tag would be seen.
"""
# What may be the fault of a damaged store of the object cache.
_SUSPICIOUS = (Unreachable, IdentityChanged, WrongContent, HostileTree, MalformedObjects, GitFailed)
T = TypeVar("T")
Check = Callable[[Stage], bool]
Tips = Mapping[tuple[str, str], Oid]
"""What refs are at a URL, by both."""


class Want(Struct, frozen=True, kw_only=True):
    """What is to be in a stage, and when it is.

    ``satisfied``: the server that was asked is not behind; ``enough``: nobody has to be asked at all.
    """

    refs: Sequence[str]
    oid_length: int
    satisfied: Check = lambda _stage: True
    enough: Check


def usable_cache(rt: Runtime, source: Source) -> ObjectCache | None:
    """Return the cache if it serves *source*: with all history, and nothing in it that an approval alone lets pass."""
    return None if source.history != "full" or rt.waived.get(source.name) else rt.cache


def despite_cache(rt: Runtime, source: Source, step: Callable[[Runtime], T]) -> T:
    """Return what *step* returns; where the object cache had a part in a bad end, upstream itself is asked first.

    A store that is to blame is set aside.
    """
    cache = usable_cache(rt, source)
    suspect = cache is not None and cache.holds(source.url)
    try:
        return step(rt)
    except _SUSPICIOUS as error:
        if cache is None or not suspect or _is_elsewhere(error):
            raise
        why = f"{error.code} with what it lent, none without"
    result = step(replace(rt, cache=None))
    cache.distrust(source.name, source.url, why)
    return result


def _is_elsewhere(error: HybridError) -> bool:
    """Tell whether *error* is the fault of no store: of the lock, or of content of Git LFS, which no store keeps."""
    if isinstance(error, WrongContent):
        return error.edited or bool(error.url)
    return isinstance(error, GitFailed) and error.command == "git lfs"


def fetch_through(
    rt: Runtime, cache: ObjectCache, source: Source, manifest: Manifest, stage: Stage, want: Want
) -> tuple[Stage, str]:
    """Bring what is wanted into the empty *stage*; return it, and who served it, now or when the cache was filled.

    A store that git cannot work with is set aside, once the same fetch without it has worked.

    Raises:
        HybridError: what the servers answered.
    """
    try:
        return stage, _through(rt, cache, source, manifest, stage, want)
    except (GitFailed, MalformedObjects) as error:
        if (isinstance(error, GitFailed) and error.was_ended) or not cache.holds(source.url):
            raise
        stage = rt.quarantine.stage(source.name, borrow=False, oid_length=want.oid_length)
        served_by = _fetched(rt, source, manifest, stage, want)
        cache.distrust(source.name, source.url, f"{error.code} with it, none without it")
        return stage, served_by


def _through(rt: Runtime, cache: ObjectCache, source: Source, manifest: Manifest, stage: Stage, want: Want) -> str:
    edition = cache.edition(source.url)
    served_by, tips = _lent(rt, cache, source, stage, want)
    if served_by is not None:
        return served_by
    with cache.filling(stage, source.url) as filling:
        # Somebody else may have fetched just this meanwhile, and be done with it before the lock was asked for.
        if cache.edition(source.url) != edition:
            served_by, tips = _lent(rt, cache, source, stage, want)
        if served_by is None:
            served_by = _fetched(rt, source, manifest, stage, want, tips)
            served_by = filling.keep(want.refs, served_by)
        return served_by


def _fetched(
    rt: Runtime, source: Source, manifest: Manifest, stage: Stage, want: Want, tips: Tips | None = None
) -> str:
    request = FetchRequest(refs=want.refs, glimpsed=tips or {})
    return fetch(rt, source, manifest, stage, request, satisfied=lambda: want.satisfied(stage))


def _lent(rt: Runtime, cache: ObjectCache, source: Source, stage: Stage, want: Want) -> tuple[str | None, Tips]:
    """Return who served what upstream has at the wanted refs, if the evidence is enough to ask nobody.

    And what was seen of these refs on the way.
    """
    rt.progress("step", source.name, "looking into the cache")
    served_by = cache.lend(stage, source.url, _question(rt, source, want))
    if served_by is not None:
        return served_by if want.enough(stage) else None, {}
    # What is there right now needs no evidence of before.
    if (seen := _glimpsed(rt, source, want.refs)) is None:
        return None, {}
    tips, url = seen
    lent = cache.lend(stage, source.url, Question(refs=want.refs, tips=tips))
    enough = lent is not None and want.enough(stage)
    return lent if enough else None, {(url, ref): tip for ref, tip in tips.items()}


def _question(rt: Runtime, source: Source, want: Want) -> Question:
    """Return what counts: the word of a server that this run would ask itself, and not too old.

    Where nobody may be asked, what is known is all that there is.
    """
    servers = frozenset(endpoint.url for endpoint in endpoints(source.url, source.name, rt.mirrors))
    if rt.offline or not servers:
        return Question(refs=want.refs)
    now = rt.info.now
    return Question(refs=want.refs, servers=servers, since=now - rt.cache_max_age, until=now + MEANWHILE)


def _glimpsed(rt: Runtime, source: Source, refs: Sequence[str]) -> tuple[dict[str, Oid], str] | None:
    """Return what *refs* are by now where *source* would be asked first, and that server's URL.

    None where it does not show without asking.
    """
    choices = () if rt.bundles(source.name) else servers(rt, source)
    if not choices:
        return None
    url, tips = choices[0].url, dict[str, Oid]()
    for ref in refs:
        tip = rt.transport.glimpse(url, ref)
        if tip is None:
            return None
        tips[ref] = tip
    return tips, url
