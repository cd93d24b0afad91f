"""Which sources a command is about: all, those named, or those of a group."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.errors import UnknownSource
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest


def select(manifest: Manifest, names: Sequence[str], groups: Sequence[str] = ()) -> tuple[SourceName, ...]:
    """Return the names selected, sorted; without *names* and *groups* that is every source.

    Raises:
        UnknownSource: a name or group that the manifest does not have, with the nearest that it has.
    """
    _known("source", names, list(manifest.sources))
    _known("group", groups, sorted({group for source in manifest.sources.values() for group in source.groups}))
    if not names and not groups:
        return tuple(sorted(manifest.sources))
    wanted = set(names)
    for source in manifest.sources.values():
        if set(source.groups) & set(groups):
            wanted.add(source.name)
    return tuple(sorted(SourceName(name) for name in wanted))


def _known(what: str, asked: Sequence[str], known: Sequence[str]) -> None:
    unknown = tuple(dict.fromkeys(name for name in asked if name not in known))
    if unknown:
        from difflib import get_close_matches

        near = tuple(
            dict.fromkeys(match for name in unknown for match in get_close_matches(name, known, n=1, cutoff=0.5))
        )
        raise UnknownSource(names=unknown, nearest=near, what=what)
