"""The files that a scan looks at: those of the commit, and what is installed besides where the manifest asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from git_hybrid.app.remote import fetch_lfs
from git_hybrid.app.runtime import Runtime
from git_hybrid.app.submodules import Submodule, acquire_submodules
from git_hybrid.core.errors import NotInstalled
from git_hybrid.core.ids import Oid
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import Stage
from git_hybrid.core.ports_scan import Fill
from git_hybrid.core.tree import TreeLimits

_Inner = tuple[str, Stage, Oid]
"""A submodule: its path, its repository and its commit."""


@contextmanager
def files_of(
    rt: Runtime, manifest: Manifest, source: Source, stage: Stage, commit: Oid, *, fetch: bool
) -> Iterator[Fill]:
    """Yield what writes the files of *commit*, which *stage* has, with content of LFS and submodules, into a folder.

    These are fetched with *fetch*; else *stage* is the clone, which has them. When it is called it raises HybridError:
    NotInstalled where they are not there, HostileTree, or what the servers answered.
    """
    limits = TreeLimits.of(manifest.policy)
    inner: list[_Inner] | None = None

    def fill(folder: str) -> Sequence[bytes]:
        nonlocal inner
        if inner is None:
            inner = [*(_fetched(rt, manifest, source, stage, commit) if fetch else _there(rt, source, stage, commit))]
        paths = [*rt.scans.exporter.export(stage, commit, folder, limits, lfs=source.lfs == "fetch")]
        for path, repository, oid in inner:
            written = rt.scans.exporter.export(repository, oid, f"{folder}/{path}", limits, lfs=False)
            paths += [f"{path}/".encode("utf-8", "surrogateescape") + file for file in written]
        return paths

    try:
        yield fill
    finally:
        for _, repository, _ in (inner or ()) if fetch else ():
            rt.quarantine.drop(repository)


def _fetched(rt: Runtime, manifest: Manifest, source: Source, stage: Stage, commit: Oid) -> Iterator[_Inner]:
    if source.lfs == "fetch":
        fetch_lfs(rt, source, manifest, stage, commit)
    clone = rt.clones.as_stage(source.name)
    return _flat(acquire_submodules(rt, manifest, source, stage, commit, there=clone))


def _flat(submodules: Iterable[Submodule], around: str = "") -> Iterator[_Inner]:
    for item in submodules:
        yield f"{around}{item.path}", item.stage, item.commit
        yield from _flat(item.nested, f"{around}{item.path}/")


def _there(rt: Runtime, source: Source, stage: Stage, commit: Oid, around: str = "") -> Iterator[_Inner]:
    if source.lfs == "fetch" and not around and not rt.objects.has_lfs(stage, commit):
        raise NotInstalled(name=source.name, commit=commit)
    for path, oid, _ in rt.objects.submodules(stage, commit) if source.submodules else ():
        inner = rt.clones.submodule(stage, path)
        if inner is None or not rt.objects.has_content(inner, oid):
            raise NotInstalled(name=source.name, commit=commit)
        yield f"{around}{path}", inner, oid
        yield from _there(rt, source, inner, oid, f"{around}{path}/")
