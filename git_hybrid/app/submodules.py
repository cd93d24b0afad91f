"""Submodules of a source, where the manifest asks for them: fetched, proved and checked like the source itself.

git's own `git submodule update` would take URLs from the tree as they stand and run what a configuration says; here
each URL passes the grammar and the policy, and each tree the same gate.
"""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.app.acquire import EVERY_REF, Tree, gate_tree
from git_hybrid.app.permitting import require_host
from git_hybrid.app.proving import belongs
from git_hybrid.app.remote import answered, fetch
from git_hybrid.app.runtime import Runtime
from git_hybrid.core.bundles import key_of_submodule
from git_hybrid.core.errors import GitFailed, HostileTree, NotCarried, Offline, SubmoduleUnreachable, WrongContent
from git_hybrid.core.ids import InvalidText, Oid, SourceName, Url
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.ports import FetchRequest, Stage
from git_hybrid.core.relative_url import resolve_url
from git_hybrid.core.tree import TreeEntry, TreeLimits
from git_hybrid.core.value import Struct, replace
from git_hybrid.core.words import counted

DEPTH_LIMIT = 5
NUMBER_LIMIT = 1000
"""So many submodules may a source have, nested ones too: each is a clone, and one can name itself again and again."""
_NO_URL = ".gitmodules names no URL for it, or cannot be read; submodules = false in sources.toml leaves it empty"
_ONLY_BY_NAME = "a mirror with {name} in its base has no submodules"


class Submodule(Struct, frozen=True, kw_only=True):
    """One submodule, checked out in a stage of its own, and the submodules that it has in turn.

    ``stands``: it stands in the clone as it is to be, and that is its stage.
    """

    path: str
    commit: Oid
    url: str
    stage: Stage
    nested: tuple[Submodule, ...]
    stands: bool = False


class _Where(Struct, frozen=True):
    """Where submodules may stand already: in ``there``, to stay if ``in_place``; ``trail`` numbers the way there.

    ``at_hand``: what only a network has is left out, with all that is around it.
    """

    there: Stage
    in_place: bool
    at_hand: bool = False
    trail: str = ""

    def inside(self, path: str, number: int) -> _Where:
        """Return the same of the one at *path*, the *number*-th."""
        there = replace(self.there, path=f"{self.there.path}/{path}")
        return replace(self, there=there, at_hand=False, trail=f"{self.trail}.{number}")


class Together(Struct):
    """What the submodules of *commit* come to, as far as they were seen."""

    commit: Oid
    limits: TreeLimits
    number: int = 0
    entries: int = 0
    size: int = 0

    def add(self, name: str, entries: Sequence[TreeEntry]) -> None:
        """Add the tree of one.

        Raises:
            HostileTree: they are larger together than the tree of a source may be.
        """
        self.entries += len(entries)
        self.size += sum(entry.size for entry in entries)
        if finding := self.limits.of_submodules(self.entries, self.size):
            raise HostileTree(name=name, commit=self.commit, findings=(finding,))


def acquire_submodules(
    rt: Runtime,
    manifest: Manifest,
    source: Source,
    stage: Stage,
    commit: Oid,
    *,
    there: Stage | None = None,
    in_place: bool = False,
    at_hand: bool = False,
) -> tuple[Submodule, ...]:
    """Return the submodules that *commit* of *stage* names, checked out in quarantine.

    One that stands *there*, by default in *stage*, at its path, and was fetched from its URL with its commit, is not
    fetched again. With *in_place*, one that stands there as it is to be is checked and stays; with *at_hand*, one that
    cannot be had without a network is left out.

    Raises:
        HostileTree: a URL or a tree is not safe, they are nested too deeply, or too many or too large together.
        HostNotAllowed: policy does not have the host.
        SubmoduleUnreachable: the commit is on no branch and no tag of the submodule's upstream.
        HybridError: what the servers answered.
    """
    together = Together(commit=commit, limits=TreeLimits.of(manifest.policy))
    asking = replace(rt, offline=rt.offline or "not where a run is given up") if at_hand else rt
    where = _Where(there or stage, in_place, at_hand)
    return _acquire_all(asking, manifest, source, stage, commit, together, where)


def _acquire_all(
    rt: Runtime,
    manifest: Manifest,
    source: Source,
    stage: Stage,
    commit: Oid,
    together: Together,
    where: _Where,
) -> tuple[Submodule, ...]:
    if not source.submodules:
        return ()
    if where.trail.count(".") >= DEPTH_LIMIT:
        raise HostileTree(name=source.name, commit=commit, findings=("submodules: nested too deeply",))
    judged = judge_submodules(rt, source, manifest, stage, commit, besides=together.number)
    together.number += len(judged)
    found: list[Submodule] = []
    for number, (path, oid, url) in enumerate(judged):
        inner = replace(source, url=url, track=Commit(oid), history="full", lfs="pointer")
        try:
            found.append(_acquire_one(rt, manifest, inner, path, oid, together, where.inside(path, number)))
        except Offline:
            if not where.at_hand:
                raise
    return tuple(found)


def _acquire_one(
    rt: Runtime, manifest: Manifest, source: Source, path: str, oid: Oid, together: Together, where: _Where
) -> Submodule:
    tree = _standing(rt, manifest, source, oid, where.there) if where.in_place else None
    stands, stage = tree is not None, where.there
    if tree is None:
        stage, tree = _build_one(rt, manifest, source, path, oid, where)
    together.add(source.name, tree.entries)
    nested = _acquire_all(rt, manifest, source, stage, oid, together, replace(where, in_place=stands))
    return Submodule(path=path, commit=oid, url=str(source.url), stage=stage, nested=nested, stands=stands)


def judge_submodules(
    rt: Runtime, source: Source, manifest: Manifest, stage: Stage, commit: Oid, *, besides: int = 0
) -> Sequence[tuple[str, Oid, Url]]:
    """Return path, commit and URL of each submodule that *commit* names, if they are to be fetched.

    Raises:
        HostileTree: a URL may not be asked, or they are too many *besides* those that were seen.
        HostNotAllowed: policy does not have the host.
    """
    found: list[tuple[str, Oid, Url]] = []
    named = rt.objects.submodules(stage, commit) if source.submodules else ()
    if besides + len(named) > NUMBER_LIMIT:
        finding = f"submodules: more than {counted(NUMBER_LIMIT, 'submodule')}, nested ones included"
        raise HostileTree(name=source.name, commit=commit, findings=(finding,))
    for path, oid, text in named:
        url = submodule_url(source, commit, path, text)
        require_host(manifest.policy, source, url)
        found.append((path, oid, url))
    return found


def submodule_url(source: Source, commit: Oid, path: str, text: str) -> Url:
    """Return the URL that the submodule at *path* is fetched from; *text* is what ``.gitmodules`` says.

    Raises:
        HostileTree: it is none, no URL that may be asked, or one of this machine where the source is on another.
    """
    if not text:
        raise _refused(source, commit, path, _NO_URL)
    try:
        url = resolve_url(text, source.url)
    except InvalidText as error:
        raise _refused(source, commit, path, f"URL {error}") from error
    # What stands on this machine is not upstream's to name: a private repository would be cloned, and mirrored.
    if url.scheme == "file" and source.url.scheme != "file":
        raise _refused(source, commit, path, "URL is of this machine, and the repository that names it is not")
    return url


def _refused(source: Source, commit: Oid, path: str, why: str) -> HostileTree:
    return HostileTree(name=source.name, commit=commit, findings=(f"submodule {path}: {why}",))


def _standing(rt: Runtime, manifest: Manifest, source: Source, oid: Oid, there: Stage) -> Tree | None:
    """Return the tree of the submodule *there* if it is as it is to be; None if it is to be built anew."""
    if not rt.writer.is_standing(there, str(source.url), oid) or not belongs(rt, there, oid):
        return None
    try:
        tree = gate_tree(rt, there, source, oid, manifest)
        rt.objects.content_sha256(there, tree.entries)
    except (WrongContent, GitFailed):
        return None
    return tree


def _build_one(
    rt: Runtime, manifest: Manifest, source: Source, path: str, oid: Oid, where: _Where
) -> tuple[Stage, Tree]:
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(oid), suffix=f"submodule{where.trail}")
    if not is_copied(rt, where.there, stage, source, oid):
        fetch_one(rt, manifest, source, path, oid, stage)
    tree = gate_tree(rt, stage, source, oid, manifest)
    # Every blob is there, and what its id says.
    rt.objects.content_sha256(stage, tree.entries)
    rt.writer.build_submodule(stage, str(source.url), oid)
    return stage, tree


def is_copied(rt: Runtime, there: Stage, stage: Stage, source: Source, oid: Oid) -> bool:
    """Copy into *stage* the submodule *there* if it is of the URL of *source* and shows that *oid* is upstream's."""
    return rt.writer.copy_submodule(there, stage, str(source.url), oid) and belongs(rt, stage, oid)


def fetch_one(rt: Runtime, manifest: Manifest, source: Source, path: str, oid: Oid, stage: Stage) -> None:
    """Fetch the submodule at *path*, as *source* has it, into *stage*.

    Raises:
        NotCarried: no server may be asked, and no bundle has it.
        SubmoduleUnreachable: *oid* is on no branch and no tag of it.
        HybridError: what the servers answered.
    """
    asking = _for_submodule(rt, key_of_submodule(source.url, oid))
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


def _for_submodule(rt: Runtime, key: str) -> Runtime:
    """Return this without what the parent's name stands for: its bundle, and mirrors whose base has ``{name}``.

    *key* stands for the submodule where bundles are asked.
    """
    left = tuple(entry for entry in rt.mirrors.entries if "{name}" not in entry)
    why = "" if left or not rt.mirrors.entries else _ONLY_BY_NAME
    return replace(rt.asking(*left), offline=rt.offline or why, bundles=lambda _name: rt.bundles(key))


def clear_submodules(
    rt: Runtime, name: SourceName, submodules: Sequence[Submodule]
) -> tuple[tuple[str, ...], list[Submodule]]:
    """Take out of the clone all but those of *submodules* that stand; return what is kept where, and which to place."""
    wanted = {item.path: (item.commit, item.url) if item.stands else None for item in submodules}
    notes, standing = rt.writer.clear_submodules(name, wanted)
    return notes, [item for item in submodules if item.path not in standing]


def place_submodules(rt: Runtime, parent: Stage, submodules: Sequence[Submodule]) -> None:
    """Move *submodules* into the working tree of *parent*, the innermost first."""
    for submodule in submodules:
        place_submodules(rt, submodule.stage, submodule.nested)
        rt.writer.place_submodule(submodule.stage, parent, submodule.path)
