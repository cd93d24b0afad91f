"""Which sources a command is about: all, those named, or those of a group."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from git_hybrid.core.errors import UnknownSource
from git_hybrid.core.ids import SourceName
from git_hybrid.core.manifest import Manifest
from git_hybrid.core.words import as_typed, typed

_ALSO = {"group": "git hybrid status -v"}
"""What shows the names that there are, where ``status`` does not."""
_NONE = {"group": "no source is in a group; how one gets into one: git hybrid help files"}


def select(manifest: Manifest, names: Sequence[str], groups: Sequence[str] = ()) -> tuple[SourceName, ...]:
    """Return the names selected, sorted; without *names* and *groups* that is every source.

    Raises:
        UnknownSource: a name or group that the manifest does not have, with the nearest that it has.
    """
    refuse_unknown("source", names, list(manifest.sources))
    refuse_unknown("group", groups, sorted({group for source in manifest.sources.values() for group in source.groups}))
    if not names and not groups:
        return tuple(sorted(manifest.sources))
    grouped = (source.name for source in manifest.sources.values() if not {*groups}.isdisjoint(source.groups))
    return tuple(sorted(SourceName(name) for name in {*names, *grouped}))


def select_to_pin(manifest: Manifest, names: Sequence[str], groups: Sequence[str]) -> tuple[SourceName, ...]:
    """Return the names selected, as :func:`select` does.

    Raises:
        UnknownSource: as :func:`select`; where a revision stands in place of a name it is told how that is written.
    """
    try:
        return select(manifest, names, groups)
    except UnknownSource as error:
        if not groups and (len(names) == 1 or not error.nearest):
            error.instead = _to_revision(manifest, names)
        raise


def _to_revision(manifest: Manifest, names: Sequence[str]) -> str:
    """Return how ``NAME REV`` and ``NAME@REV`` are typed; nothing where *names* are something else."""
    words = names[0].split("@", 1) if len(names) == 1 else names
    if len(words) != 2 or words[0] not in manifest.sources or not words[1]:
        return ""
    return f"git hybrid pin {words[0]} --to {typed(words[1])}{as_typed()}"


def refuse_unknown(what: str, asked: Sequence[str], known: Collection[str]) -> None:
    """Raise if one of the names *asked* for is not *known*; *what* says what they are the names of.

    Raises:
        UnknownSource: with the nearest that are known.
    """
    unknown = tuple(dict.fromkeys(name for name in asked if name not in known))
    if unknown:
        nearest = (_nearest(name, known) for name in unknown)
        near = tuple(dict.fromkeys(filter(None, nearest)))
        also = (_ALSO if known else _NONE).get(what, "git hybrid status")
        raise UnknownSource(names=unknown, nearest=near, what=what, also=also)


def _nearest(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    # A path in a clone is as near to its source as can be; no two names differ in case alone.
    folded = {word.casefold(): word for word in known}
    parts = [folded[part] for part in name.casefold().split("/") if part in folded]
    near = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return (parts or [folded[word] for word in near] or [""])[0]
