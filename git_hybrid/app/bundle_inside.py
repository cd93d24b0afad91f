"""What is inside of the sources of a bundle: their submodules, nested ones too, and the content of Git LFS.

Which these are the pinned tree says, on both sides, and how they come there is the same as for sync: the same URLs, the
same limits, the same gate for each tree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from git_hybrid.app.acquire import acquire_pin, gate_content
from git_hybrid.app.remote import fetch_lfs
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.submodules import (
    DEPTH_LIMIT,
    Together,
    fetch_one,
    is_copied,
    judge_submodules,
    submodule_url,
)
from git_hybrid.core.bundles import Had, Standing, key_of_content, key_of_submodule, place_of
from git_hybrid.core.errors import HostileTree, LfsMissing
from git_hybrid.core.ids import Oid, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Commit, Manifest, Source
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_bundle import BundleTool
from git_hybrid.core.tree import TreeEntry, TreeLimits
from git_hybrid.core.value import Struct, field, replace


class Inner(Struct, frozen=True, kw_only=True):
    """A submodule: a repository at a URL with a commit, as a source, at ``path`` in the source that it is in.

    ``trail`` numbers the way there; ``there`` is where it stands in the clone, if it does.
    """

    source: Source
    path: str
    commit: Oid
    trail: str
    there: Stage

    @property
    def key(self) -> str:
        """What stands for it in a bundle."""
        return key_of_submodule(self.source.url, self.commit)


Bring = Callable[[Inner], Stage]
Named = Mapping[str, Collection[int]]
"""Content of Git LFS by its SHA-256, with the sizes in bytes that pointers tell of it."""


class _Walk(Struct):
    """How submodules are brought, and those that were: a repository is brought once, however often it is named.

    One that is ``apart`` is brought for each place: where it stands counts.
    """

    rt: Runtime
    manifest: Manifest
    bring: Bring
    apart: Callable[[Inner], bool]
    together: Together
    found: list[Inner] = field(default_factory=list)
    brought: dict[str, tuple[Stage, Sequence[TreeEntry]]] = field(default_factory=dict)

    def below(self, source: Source, stage: Stage, commit: Oid, outer: Inner) -> None:
        """Bring what *commit* of *stage* names, which stands at *outer*."""
        if outer.trail.count(".") >= DEPTH_LIMIT:
            raise HostileTree(name=source.name, commit=commit, findings=("submodules: nested too deeply",))
        judged = judge_submodules(self.rt, source, self.manifest, stage, commit, besides=self.together.number)
        self.together.number += len(judged)
        for number, (path, oid, url) in enumerate(judged):
            item = Inner(
                source=replace(source, url=url, track=Commit(oid), history="full", lfs="pointer"),
                path=f"{outer.path}/{path}" if outer.path else path,
                commit=oid,
                trail=f"{outer.trail}.{number}",
                there=replace(outer.there, path=f"{outer.there.path}/{path}"),
            )
            self.found.append(item)
            key = f"{item.key} {item.path}" if self.apart(item) else item.key
            if key not in self.brought:
                stage_of_it = self.bring(item)
                _, tree = gate_content(self.rt, stage_of_it, item.source, oid, self.manifest)
                self.brought[key] = stage_of_it, tree.entries
            inside, entries = self.brought[key]
            self.together.add(source.name, entries)
            self.below(item.source, inside, oid, item)


def submodules_inside(
    rt: Runtime,
    manifest: Manifest,
    source: Source,
    stage: Stage,
    commit: Oid,
    bring: Bring,
    *,
    apart: Callable[[Inner], bool] = lambda _item: False,
) -> tuple[list[Inner], dict[str, Stage]]:
    """Return the submodules that *commit* of *stage* names, nested ones too; and by their keys where each is now.

    One that is *apart* is brought anew for each place.

    Raises:
        HostileTree: a URL or a tree is not safe, they are nested too deeply, or too many or too large together.
        HostNotAllowed: policy of *manifest* does not have the host.
        HybridError: as *bring* raises.
    """
    if not source.submodules:
        return [], {}
    walk = _Walk(rt, manifest, bring, apart, Together(commit=commit, limits=TreeLimits.of(manifest.policy)))
    there = rt.clones.as_stage(source.name)
    walk.below(source, stage, commit, Inner(source=source, path="", commit=commit, trail="", there=there))
    return walk.found, {key: inside for key, (inside, _) in walk.brought.items()}


class Inside(Struct, frozen=True, kw_only=True):
    """What a bundle has of what is inside of one source: files by their keys; and of submodules URL and commit.

    ``is_named``: the source names something that has a place here, carried or not.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    submodules: Mapping[str, tuple[Url, Oid]] = field(default_factory=dict)
    is_named: bool = False


def pack_inside(
    rt: Runtime, tool: BundleTool, manifest: Manifest, source: Source, giver: Stage, pin: Pin, there: Had | None
) -> Inside:
    """Pack what is inside of *source* at *pin*, which *giver* has, but for what is *there* already.

    What the clone does not have is fetched as sync would fetch it.

    Raises:
        HybridError: what the servers answered, or what may not be checked out.
    """
    named, stages = submodules_inside(rt, manifest, source, giver, pin.commit, lambda item: _have(rt, manifest, item))
    standing = there.submodules if there is not None else frozenset()
    wanted = {
        item.key: item
        for item in named
        if Standing(place_of(item.path), str(item.source.url), item.commit) not in standing
    }
    files = {
        key: tool.write_submodule(stages[key], item.commit, suffix=f"bundle{item.trail}")
        for key, item in wanted.items()
    }
    contents = tool.content(giver, pin.commit) if source.lfs == "fetch" else {}
    left = {sha256: sizes for sha256, sizes in contents.items() if there is None or sha256 not in there.contents}
    if left:
        places = _contents(rt, tool, manifest, source, giver, left, pin)
        files |= {key_of_content(sha256): place for sha256, place in places.items()}
    submodules = {key: (item.source.url, item.commit) for key, item in wanted.items()}
    return Inside(files=files, submodules=submodules, is_named=bool(named or contents))


def _have(rt: Runtime, manifest: Manifest, item: Inner) -> Stage:
    """Return a stage with the submodule: what was fetched into the one in the clone, if that has it, or else anew."""
    source, commit = item.source, item.commit
    stage = rt.quarantine.stage(source.name, borrow=False, oid_length=len(commit), suffix=f"submodule{item.trail}")
    if not is_copied(rt, item.there, stage, source, commit):
        fetch_one(rt, manifest, source, item.path, commit, stage)
    return stage


def _contents(
    rt: Runtime, tool: BundleTool, manifest: Manifest, source: Source, giver: Stage, wanted: Named, pin: Pin
) -> dict[str, str]:
    """Return where the content that is *wanted* of the pin is: what the clone has, and else what is served."""
    clone, commit = rt.clones.as_stage(source.name), pin.commit
    stage = rt.quarantine.beside(source.name, oid_length=len(commit)) if giver == clone else giver
    is_sound = tool.lend_content(clone, stage, commit)
    found = {sha256: tool.content_at(stage, sha256, sizes) for sha256, sizes in wanted.items()}
    if None in found.values():
        if not is_sound:
            # git-lfs takes what it finds in a repository that is borrowed from by its size alone.
            stage, found = acquire_pin(rt, source, pin, manifest, borrow=False).content, {}
        fetch_lfs(rt, source, manifest, stage, commit)
    places = dict[str, str]()
    for sha256, sizes in wanted.items():
        if (place := found.get(sha256) or tool.content_at(stage, sha256, sizes)) is None:
            raise LfsMissing(url=str(source.url), message=f"nobody has the object {sha256}").about(source.name)
        places[sha256] = place
    return places


def standing_inside(
    rt: Runtime, tool: BundleTool, source: Source, pin: Pin
) -> tuple[frozenset[Standing], frozenset[str]]:
    """Return what stands in the clone of what is inside of *source* at *pin*: submodules, and ids of LFS content."""
    clone = rt.clones.as_stage(source.name)
    contents = tool.content(clone, pin.commit) if source.lfs == "fetch" else {}
    here = frozenset(sha256 for sha256, sizes in contents.items() if tool.content_at(clone, sha256, sizes) is not None)
    return frozenset(_standing(rt, source, clone, pin.commit, "")), here


def _standing(rt: Runtime, source: Source, outer: Stage, commit: Oid, place: str) -> Iterator[Standing]:
    for path, oid, text in rt.objects.submodules(outer, commit) if source.submodules else ():
        inner = replace(source, url=submodule_url(source, commit, path, text))
        there, where = replace(outer, path=f"{outer.path}/{path}"), f"{place}/{path}" if place else path
        # So are those that it has in turn.
        if rt.writer.is_standing(there, str(inner.url), oid):
            yield Standing(place_of(where), str(inner.url), oid)
            yield from _standing(rt, inner, there, oid, where)
