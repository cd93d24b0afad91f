"""A glance at each of many clones, with a scout's help where that pays."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path

from git_hybrid.core.ids import Oid, SourceName
from git_hybrid.core.lock import Pin
from git_hybrid.core.plan import Clone
from git_hybrid.git import scout as scouting
from git_hybrid.git import seen
from git_hybrid.git.glance import glance
from git_hybrid.git.scout import Scout


def glance_at(folder: str, pins: Mapping[SourceName, Pin], scout: Scout | None = None) -> dict[SourceName, Clone]:
    """Return the clones in *folder* that surely stand untouched at their *pins*, or where they were put before.

    A *scout* that was sent before counts as long as nothing was written since.
    """
    if scout is not None and scout.folder == folder and scout.holds():
        found = _with_scout(folder, pins, scout)
    elif len(pins) >= scouting.WORTH_IT and (scout := scouting.send(os.path.dirname(folder))) is not None:
        with closing(scout):
            found = _with_scout(folder, pins, scout)
    else:
        found = {name: glance(f"{folder}/{name}", pin.commit, pin.tree) for name, pin in pins.items()}
    sure = {name: clone for name, clone in found.items() if clone is not None}
    elsewhere = {name: seen.proved_at(f"{folder}/{name}") for name in pins if name not in sure}
    put = {name: at[0] for name, at in elsewhere.items() if at is not None and _is_clean(f"{folder}/{name}", *at)}
    return sure | {name: _clone(folder, pins[name], commit) for name, commit in put.items()}


def _is_clean(path: str, commit: Oid, tree: Oid) -> bool:
    found = glance(path, commit, tree)
    return found is not None and not found.dirty_count


def _with_scout(folder: str, pins: Mapping[SourceName, Pin], scout: Scout) -> dict[SourceName, Clone | None]:
    """Return a glance at each, the scout's looks from the first on and own ones from the last on."""
    found: dict[SourceName, Clone | None] = {}
    names = sorted(pins)
    first, last = 0, len(names) - 1
    while first <= last:
        if scout.knows(names[first]) or (first == last and scout.will_look(names[first])):
            name, look = names[first], scout.look(names[first])
            first += 1
        else:
            name, look = names[last], None
            last -= 1
        found[name] = glance(f"{folder}/{name}", pins[name].commit, pins[name].tree, look)
    return found


def _clone(folder: str, pin: Pin, head: Oid) -> Clone:
    # Imported here: only where a clone stands elsewhere is it asked what it has.
    raw, git_dir = import_module("git_hybrid.git.raw"), Path(folder, pin.source, ".git")
    try:
        with raw.opened(git_dir) as objects:
            has_pin = objects.holds(pin.commit)
    except raw.Unsure:
        libgit2 = import_module("git_hybrid.git.libgit2")
        repository = libgit2.open_repository(git_dir)
        has_pin = repository is not None and libgit2.holds(repository, pin.commit)
    return Clone(head=head, has_pin=has_pin, installed=head, sure=True)
