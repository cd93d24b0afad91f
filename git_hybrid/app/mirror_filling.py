"""What the filling of a mirror folder shares between its sources, and what it comes to for each repository."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from git_hybrid.app.acquire import EVERY_REF
from git_hybrid.app.lagging import is_behind
from git_hybrid.app.mirror_claims import Claims
from git_hybrid.app.mirror_refs import unlisted, withdrawn
from git_hybrid.app.remote import fetch, list_refs_from
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.endpoints import Endpoint, repository_path
from git_hybrid.core.errors import (
    BadArgument,
    FsckRefused,
    GitFailed,
    HostileTree,
    IdentityChanged,
    MalformedObjects,
    RefMissing,
    SubmoduleUnreachable,
    Unreachable,
    WrongContent,
)
from git_hybrid.core.ids import Oid, RefName, SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.mirror_refs import claim_of, kept_refs
from git_hybrid.core.ports import FetchRequest, RemoteRefs, Stage
from git_hybrid.core.ports_mirror import Change, Claim, Holding, MirrorFolder
from git_hybrid.core.resolve import newest_allowed
from git_hybrid.core.value import Struct, field, replace
from git_hybrid.core.words import counted, some

# What may come of a repository of the folder that is damaged, and just as well of what upstream has, or of a git that
# failed for another reason: what other locks name is in there, so fsck decides.
_DOUBTFUL = (
    *(MalformedObjects, FsckRefused, GitFailed),
    *(Unreachable, SubmoduleUnreachable, IdentityChanged, WrongContent, HostileTree),
)
ANEW = "what the mirror has of it is damaged: fetching all of it again"


class Mirrored(Struct, frozen=True, kw_only=True):
    """What the folder holds after the update: one repository.

    ``missing`` says what of it could not be had; ``kept`` are refs that a mirror lists older or not at all, which is no
    word of upstream: they stay as the folder had them. So do the ``needed`` ones, which upstream has otherwise or no
    more, as another pin needs them; ``taken`` are those that no longer are what another lock needs, ``withdrawn`` those
    that led to what upstream does not have, each with its commit. ``base`` is the base URL of the mirror that was
    asked, None for upstream.
    """

    path: str
    url: str
    source: SourceName
    holding: Holding
    changed: bool
    missing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    base: str | None = None


class Filling(Struct, frozen=True, kw_only=True):
    """What the work on all sources shares.

    ``doubted`` are those that some mirror was found not to serve well: they are looked at whole, with ``thorough`` all.
    ``claims`` has by the path of a repository what locks need of it, ``listed`` its URL in this run and what it lists.
    """

    rt: Runtime
    folder: MirrorFolder
    manifest: Manifest
    pins: Mapping[SourceName, Pin]
    doubted: frozenset[SourceName]
    claims: Mapping[str, Sequence[Claim]]
    thorough: bool = False
    listed: dict[str, tuple[Url, RemoteRefs]] = field(default_factory=dict)

    def refuse_other(self, source: Source, path: str, refs: RemoteRefs) -> None:
        """Raise where *path* is filled from another URL in this run, which lists something else than *refs*."""
        url, before = self.listed.setdefault(path, (source.url, refs))
        if url != source.url and before.tips != refs.tips:
            reason = f"is that of {url} too, another repository: the folder has a place for one of them"
            raise BadArgument(what=f"{source.name}: the URL path", value=path, reason=reason)

    def borrows(self, source: Source, path: str, held: Holding | None) -> bool:
        """Tell whether what is *held* can be built on; of a source that is in doubt all of it is read."""
        doubted = self.thorough or source.name in self.doubted
        if held is None or not doubted or self._is_sound(source, path):
            return held is not None
        self.rt.progress("note", source.name, ANEW)
        return False

    def in_doubt(self, source: Source, path: str) -> bool:
        """Tell whether what is held of *source* may not be what it was when it came."""
        return source.name in self.doubted or (self.thorough and not self._is_sound(source, path))

    def _is_sound(self, source: Source, path: str) -> bool:
        return self.folder.is_sound(path, self.rt.waived.get(source.name, ()))


class Proved(Struct, frozen=True, kw_only=True):
    """What of a repository could not be had, in words, and whether LFS content came along."""

    missing: tuple[str, ...] = ()
    lfs: bool = False


class Wanted(Struct, frozen=True, kw_only=True):
    """A repository that the folder is to have: that of a source, or of a submodule, which has no pin.

    ``commit`` is kept for good; ``prove`` raises unless a stage has it as it should be, by the URL that served it.
    """

    source: Source
    pin: Pin | None
    commit: Oid | None
    prove: Callable[[Runtime, Stage, str], Proved]
    waived: Sequence[Oid] = ()


class _Asked(Struct, frozen=True, kw_only=True):
    """What was listed of a repository, and by whom; ``tips`` are what of it the folder is to have."""

    refs: RemoteRefs
    endpoint: Endpoint
    tips: Mapping[str, Oid]

    @property
    def head(self) -> RefName | None:
        return self.refs.head if self.refs.head in self.tips else None


def mirrored(filling: Filling, wanted: Wanted) -> Mirrored:
    """Bring the repository into the folder as it is upstream; one that is there and damaged is made anew.

    What another pin of the folder needs stays as it is, though upstream has it otherwise.

    Raises:
        BadArgument: the folder has another repository at its path.
        HybridError: what the servers answered, or what is wrong with it.
    """
    path = repository_path(wanted.source.url)
    with filling.folder.exclusive(path) as mended:
        for note in mended:
            filling.rt.progress("note", wanted.source.name, note)
        held = filling.folder.holding(path)
        if held is not None and not held.is_filled:
            # Somebody else's is set aside, with what it alone may have.
            held = None
        try:
            return _brought(filling, wanted, held, _ask(filling, wanted, held, every=False))
        except Unreachable:
            if wanted.pin is None or not isinstance(wanted.source.track, Commit):
                raise
            # Any branch or tag may be what leads to it by now.
            return _brought(filling, wanted, held, _ask(filling, wanted, held, every=True))


def _ask(filling: Filling, wanted: Wanted, held: Holding | None, *, every: bool) -> _Asked:
    rt, source, pin = filling.rt, wanted.source, wanted.pin
    behind = partial(is_behind, rt, source, pin=pin)
    refs, endpoint = list_refs_from(rt, source, filling.manifest, head=True, behind=behind)
    newest_allowed(source, refs)
    is_fixed = pin is not None and pin.override is None and not isinstance(source.track, Commit)
    if pin is not None and is_fixed and pin.ref not in refs.tips:
        raise RefMissing(name=source.name, ref=pin.ref, url=str(source.url))
    filling.refuse_other(source, repository_path(source.url), refs)
    names = refs.tips if every else kept_refs(source, pin, refs, held.refs if held else ())
    return _Asked(refs=refs, endpoint=endpoint, tips={ref: refs.tips[ref] for ref in names})


def _brought(filling: Filling, wanted: Wanted, held: Holding | None, asked: _Asked) -> Mirrored:
    """Make what was *asked* for part of the folder, where it is not *held* already."""
    source, folder, path = wanted.source, filling.folder, repository_path(wanted.source.url)
    oid_length = len(next(iter(asked.refs.tips.values()), wanted.commit or "0" * 40))
    look = partial(folder.look, source.name, path)
    claims = _claims(filling, wanted, held or Holding(), asked.tips)
    by_mirror = held is not None and asked.endpoint.base is not None
    kept = unlisted(filling.rt, look, held, asked.refs, asked.tips) if held is not None and by_mirror else {}
    needed = {ref: tip for ref, tip in claims.kept(look).items() if ref not in kept}
    known = partial(Mirrored, path=path, url=str(source.url), source=source.name, base=asked.endpoint.base)
    is_same = held is not None and _is_current(held, asked, kept | needed, wanted)
    if held is not None and is_same and not filling.in_doubt(source, path) and claims.is_proved(look):
        changed = not held.listed and folder.list_again(source.name, path)
        new = folder.holding(path) if changed else held
        return known(holding=new or held, changed=changed, kept=tuple(sorted(kept)), needed=tuple(sorted(needed)))
    gone = tuple(sorted(claims.held.keys() - {*asked.refs.tips, *kept, *needed}))
    change = Change(gone=gone, kept=(*kept, *needed), head=asked.head, pin=wanted.commit, waived=wanted.waived)
    request = _request(wanted, asked.tips, asked.endpoint.url)
    missing = _refresh(
        filling, wanted, held, partial(_fetch_and_install, filling, wanted, request, oid_length, claims), change
    )
    new = folder.holding(path) or Holding()
    if held is not None and (lost := held.pins - new.pins):
        # It was made anew: what it had was damaged, or is of another object format (SHA-1 or SHA-256).
        what = counted(len(lost), "commit")
        missing += (f"{what} that older locks name: what the mirror had is set aside in .set-aside/",)
    if gone_too := sorted(ref for ref, tip in kept.items() if new.refs.get(ref) != tip):
        missing += (f"{some(gone_too)}, as the mirror had it: that is set aside in .set-aside/",)
    taken = tuple(sorted(replace(claims, tips=new.refs).lost(look)))
    stayed = {ref for ref, tip in claims.held.items() if asked.tips.get(ref) != tip == new.refs.get(ref)}
    return known(
        holding=new,
        changed=True,
        missing=missing,
        kept=tuple(sorted({*kept} - {*gone_too})),
        needed=tuple(sorted(stayed - {*kept})),
        taken=taken,
        withdrawn=withdrawn(filling.rt, look, asked.refs, held or Holding(), new, told=taken),
    )


def _claims(filling: Filling, wanted: Wanted, held: Holding, tips: Mapping[str, Oid]) -> Claims:
    """Return what is needed of the repository; an override's pin is not proved: what it needs is kept as others' is."""
    source, pin = wanted.source, wanted.pin
    own = claim_of(source, pin) if pin is not None and pin.override is None else None
    # What a hundred workspaces need alike is looked for once.
    found = filling.claims.get(repository_path(source.url), ())
    others = {(claim.ref, claim.commit, claim.tip, claim.by_any): claim for claim in found if claim != own}
    return Claims(rt=filling.rt, own=own, others=tuple(others.values()), held=held.refs, tips=tips)


def _is_current(held: Holding, asked: _Asked, kept: Mapping[str, Oid], wanted: Wanted) -> bool:
    same = dict(held.refs) == {**asked.tips, **kept} and asked.head in (None, held.head)
    commit = wanted.commit
    if commit is None:
        return same
    return same and commit in held.pins and (wanted.source.lfs == "pointer" or commit in held.lfs)


def _request(wanted: Wanted, tips: Mapping[str, Oid], url: str) -> FetchRequest:
    if wanted.pin is None and isinstance(wanted.source.track, Commit):
        # Any branch or tag may be what leads to it.
        return FetchRequest(refs=EVERY_REF)
    forced = (wanted.pin.commit,) if wanted.pin is not None and wanted.pin.override is not None else ()
    return FetchRequest(refs=tuple(tips), commits=forced, listed={(url, ref): tip for ref, tip in tips.items()})


def _refresh(
    filling: Filling, wanted: Wanted, held: Holding | None, step: Callable[..., tuple[str, ...]], change: Change
) -> tuple[str, ...]:
    """Take the *step*, on what is *held* where that is sound, else with all of it fetched again."""
    path = repository_path(wanted.source.url)
    borrow = filling.borrows(wanted.source, path, held)
    try:
        return step(change, borrow=borrow)
    except _DOUBTFUL as error:
        ended = isinstance(error, GitFailed) and error.was_ended
        if not borrow or ended or filling.folder.is_sound(path, wanted.waived):
            raise
        filling.rt.progress("note", wanted.source.name, ANEW)
        return step(replace(change, gone=(), kept=()), borrow=False)


def _fetch_and_install(
    filling: Filling,
    wanted: Wanted,
    request: FetchRequest,
    oid_length: int,
    claims: Claims,
    change: Change,
    *,
    borrow: bool,
) -> tuple[str, ...]:
    """Fetch into a stage, prove and check it, and make it part of the folder; return what could not be had."""
    rt, source = filling.rt, wanted.source
    path = repository_path(source.url)
    stage = filling.folder.stage(source.name, path, borrow=borrow, oid_length=oid_length)
    # What one server lists is not fetched from another: whether it leads to the pin is proved.
    ask = partial(fetch, rt, source, filling.manifest, stage, satisfied=lambda: True)
    try:
        served_by = ask(request)
    except RefMissing:
        if not request.commits:
            raise
        # Not every server gives out a commit by its id, and a branch may lead to this one all the same.
        served_by = ask(replace(request, commits=()))
    proved = wanted.prove(rt, stage, served_by)
    kept = {*change.kept, *(claims.kept(lambda: stage) if borrow else ())}
    gone = [ref for ref in change.gone if ref not in kept]
    aside = filling.folder.install(stage, path, replace(change, lfs=proved.lfs, gone=gone, kept=tuple(kept)))
    if aside is not None:
        rt.progress("note", source.name, f"what the mirror had of it is set aside: {aside}")
    return proved.missing
