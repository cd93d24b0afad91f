"""Merge the manifest of two branches, source by source; whatever else both wrote is left to people."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.merging import merged
from git_hybrid.core.value import replace
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import add_sources, remove_sources
from git_hybrid.store.stages import BASE, OURS, THEIRS


def merge_manifest(versions: Mapping[int, bytes]) -> str | None:
    """Return our manifest with the sources that theirs alone added, changed or took out; None if it takes a person.

    That is where both changed one source, or theirs changed something else than sources, or a version cannot be read.
    """
    if not {BASE, OURS, THEIRS} <= versions.keys():
        return None
    with suppress(InvalidFile, NewerSchema, UnicodeDecodeError):
        base, ours, theirs = (decode_manifest(versions[stage]) for stage in (BASE, OURS, THEIRS))
        found, changes = merged(base.sources, ours.sources, theirs.sources)
        if any(change.both for change in changes) or _apart(base) != _apart(theirs):
            return None
        gone = [name for name, source in ours.sources.items() if found.get(name) != source]
        text = versions[OURS].decode("utf-8")
        text = remove_sources(text, gone) if gone else text
        new = [source for name, source in found.items() if ours.sources.get(name) != source]
        return add_sources(text, new) if new else text
    return None


def _apart(manifest: Manifest) -> Manifest:
    return replace(manifest, sources={})
