"""What the filling of a mirror folder shares between its sources, and what it comes to for each repository."""

from __future__ import annotations

from collections.abc import Mapping

from git_hybrid.app.runtime import Runtime
from git_hybrid.core.errors import BadArgument
from git_hybrid.core.ids import SourceName, Url
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.ports_mirror import Holding, MirrorFolder
from git_hybrid.core.value import Struct, field, replace

ANEW = "what the mirror has of it is damaged: fetching all of it again"


class Mirrored(Struct, frozen=True, kw_only=True):
    """What the folder holds after the update: one repository. ``missing`` says what of it could not be had."""

    path: str
    url: str
    source: SourceName
    holding: Holding
    changed: bool
    missing: tuple[str, ...] = ()


class Filling(Struct, frozen=True, kw_only=True):
    """What the work on all sources shares.

    ``doubted`` are those that some mirror was found not to serve well: they are looked at whole. ``listed`` tells by
    the path of a repository which URL it is filled from in this run, and what is listed there.
    """

    rt: Runtime
    folder: MirrorFolder
    manifest: Manifest
    pins: Mapping[SourceName, Pin]
    doubted: frozenset[SourceName]
    listed: dict[str, tuple[Url, RemoteRefs]] = field(default_factory=dict)

    def by(self, rt: Runtime) -> Filling:
        """Return the same with another runtime, such as one that asks other servers."""
        return replace(self, rt=rt)

    def refuse_other(self, source: Source, path: str, refs: RemoteRefs) -> None:
        """Raise where *path* is filled from another URL in this run, which lists something else than *refs*."""
        url, before = self.listed.setdefault(path, (source.url, refs))
        if url != source.url and before.tips != refs.tips:
            reason = f"is that of {url} too, another repository: the folder has a place for one of them"
            raise BadArgument(what=f"{source.name}: the URL path", value=path, reason=reason)

    def borrows(self, source: Source, path: str, held: Holding | None) -> bool:
        """Tell whether what is *held* can be built on; of a source that is in doubt all of it is read."""
        if held is None or source.name not in self.doubted:
            return held is not None
        if self.folder.is_sound(path, self.rt.waived.get(source.name, ())):
            return True
        self.rt.progress("note", source.name, ANEW)
        return False
