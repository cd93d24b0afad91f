"""A glance at each of many clones, with a scout's help where that pays."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone
from git_hybrid.core.value import replace
from git_hybrid.git import scout as scouting
from git_hybrid.git import stamps
from git_hybrid.git.glance import glance
from git_hybrid.git.scout import Scout
from git_hybrid.git.stamps import Look


def glance_at(folder: str, pins: Mapping[SourceName, Pin], scout: Scout | None = None) -> dict[SourceName, Clone]:
    """Return the clones in *folder* that surely stand untouched at their *pins*, or where they were put before.

    A *scout* that was sent before counts as long as nothing was written since.
    """
    if scout is not None and scout.folder == folder and scout.holds():
        return _glances(folder, pins, _with_scout(pins, scout))
    if len(pins) >= scouting.WORTH_IT and (scout := scouting.send(os.path.dirname(folder))) is not None:
        with closing(scout):
            return _glances(folder, pins, _with_scout(pins, scout))
    return _glances(folder, pins, ((name, None) for name in pins))


def _glances(
    folder: str, pins: Mapping[SourceName, Pin], looks: Iterable[tuple[SourceName, Look | None]]
) -> dict[SourceName, Clone]:
    """Return what one of *looks* is enough for, or one that is taken here where there is None."""
    sure = dict[SourceName, Clone]()
    for name, told in looks:
        path, pin = f"{folder}/{name}", pins[name]
        look = told or stamps.look(path)
        clone = glance(path, pin.commit, pin.tree, look)
        if clone is None and look is not None and _is_clean(path, look):
            clone = _clone(folder, pin, look)
        if clone is not None:
            sure[name] = clone
    return sure


def _is_clean(path: str, look: Look) -> bool:
    found = glance(path, Oid(look[0]), Oid(look[1]), look)
    return found is not None and not found.dirty_count


def _with_scout(pins: Mapping[SourceName, Pin], scout: Scout) -> Iterator[tuple[SourceName, Look | None]]:
    """Yield the scout's looks from the first on, and None from the last on: these are for whoever asks."""
    names = sorted(pins)
    first, last = 0, len(names) - 1
    while first <= last:
        if scout.knows(names[first]) or (first == last and scout.will_look(names[first])):
            yield names[first], scout.look(names[first])
            first += 1
        else:
            yield names[last], None
            last -= 1


def _clone(folder: str, pin: Pin, look: Look) -> Clone:
    # Imported here: only where a clone stands elsewhere is it asked what it has.
    head, complete = Oid(look[0]), not look[3]
    clone = Clone(head=head, complete=complete, installed=head, sure=True)
    if not clone.can_have(pin.commit):
        return clone
    raw, git_dir = import_module("git_hybrid.git.raw"), Path(folder, pin.source, ".git")
    try:
        with raw.opened(git_dir) as objects:
            has_pin = objects.holds(pin.commit)
    except raw.Unsure:
        libgit2 = import_module("git_hybrid.git.libgit2")
        with libgit2.released(libgit2.open_repository(git_dir)) as repository:
            has_pin = repository is not None and libgit2.holds(repository, pin.commit)
    return replace(clone, has_pin=has_pin)
