"""Merge the manifest of two branches, source by source; whatever else both wrote is left to people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress

from git_hybrid.core.errors import InvalidFile, NewerSchema
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest, Source
from git_hybrid.core.merging import merged
from git_hybrid.core.value import replace
from git_hybrid.store.manifest import decode_manifest
from git_hybrid.store.manifest_edit import add_sources, change_sources, remove_sources
from git_hybrid.store.stages import BASE, OURS, THEIRS


def merge_manifest(versions: Mapping[int, bytes]) -> str | None:
    """Return our manifest with the sources that theirs alone added, changed or took out; None if it takes a person.

    That is where both changed one source, where theirs changed something else than sources, where a comment of ours
    would be lost, and where a version cannot be read.
    """
    if not {BASE, OURS, THEIRS} <= versions.keys():
        return None
    with suppress(InvalidFile, NewerSchema, UnicodeDecodeError):
        base, ours, theirs = (decode_manifest(versions[stage]) for stage in (BASE, OURS, THEIRS))
        found, changes = merged(base.sources, ours.sources, theirs.sources)
        if any(change.both for change in changes) or _apart(base) != _apart(theirs):
            return None
        before = versions[OURS].decode("utf-8")
        text = _edited(before, versions[THEIRS].decode("utf-8"), ours.sources, found)
        if decode_manifest(text.encode("utf-8")) == replace(ours, sources=found) and not _comments(before) - _comments(
            text
        ):
            return text
    return None


def _edited(ours: str, theirs: str, before: Mapping[SourceName, Source], found: Mapping[SourceName, Source]) -> str:
    """Return the text *ours*, whose sources are *before*, with those of *found*; what changed is as in *theirs*."""
    changed = [name for name, source in found.items() if name in before and before[name] != source]
    text = change_sources(ours, theirs, changed) if changed else ours
    gone = [name for name in before if name not in found]
    text = remove_sources(text, gone) if gone else text
    new = [source for name, source in found.items() if name not in before]
    return add_sources(text, new) if new else text


def _comments(text: str) -> Counter[str]:
    """Return what stands behind a ``#`` in each line, also in a string: none of it may get lost."""
    return Counter(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


def _apart(manifest: Manifest) -> Manifest:
    return replace(manifest, sources={})
