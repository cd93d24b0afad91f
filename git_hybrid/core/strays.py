"""Folders below ``sources/`` that belong to no source: which are ours to remove, and how the others become sources."""

from __future__ import annotations

from git_hybrid.core.endpoints import folder_url
from git_hybrid.core.governance import unbound
from git_hybrid.core.ids import InvalidText, Oid, SourceName, Url, name_from_url, normalize_url, parse_name
from git_hybrid.core.plan import Snapshot, Stray
from git_hybrid.core.value import replace
from git_hybrid.core.words import PRUNE, typed

_SHOWN = 10


def known_names(snapshot: Snapshot) -> frozenset[SourceName]:
    """Return what has a pin, an entry or an open override."""
    records = (item for item in snapshot.overrides.records.values() if item.status == "active")
    open_ones = {item.source for item in records if not unbound(item, snapshot.trail)}
    return frozenset({*snapshot.lock.pins, *snapshot.state.sources, *open_ones})


def is_ours(name: SourceName, installed: Oid | None, known: frozenset[SourceName]) -> bool:
    """Tell whether this tool made the folder *name*: others may have put anything there, which exists nowhere else.

    The files of the branch that is checked out may know nothing of a clone that it made on another.
    """
    return installed is not None or name in known


def taking_over(name: str, stray: Stray) -> str:
    """Return the command that makes the clone *name* a source, pinned where it stands; nothing where there is none."""
    url = _url_of(stray.origin)
    try:
        parse_name(name)
    except InvalidText:
        return ""
    if url is None or stray.head is None:
        return ""
    named = () if name_from_url(url) == name else ("--name", name)
    at = () if stray.head == stray.tip else ("--commit", stray.head)
    return typed("git", "hybrid", "add", str(url), *named, *at)


def mend_of_stray(name: SourceName, stray: Stray, known: frozenset[SourceName]) -> str:
    """Return what is to be done with the folder *name*."""
    if is_ours(name, stray.installed, known):
        return PRUNE
    if take := taking_over(name, stray):
        return f"to make it a source: {take}"
    return f"to keep it elsewhere: {_moving(f'sources/{name}', stray)}"


def _moving(path: str, stray: Stray) -> str:
    """Return what moves the folder *path*; git has it do that where another repository knows where it is."""
    if "/worktrees/" in stray.lent_by:
        return f'{typed("git", "-C", path, "worktree", "move", ".")} "$PWD/NEW"'
    return typed(*(("git", "mv") if stray.lent_by else ("mv",)), path, "NEW")


def left_standing(name: SourceName, stray: Stray, pin: str | None, url: Url) -> tuple[str, ...]:
    """Return what is told of the clone that stood at *name* before that was added at *url*, if it is not at its *pin*.

    A sync leaves it alone. Once pinned, an older commit takes an approval, as any way back does.
    """
    if stray.head in (None, pin, stray.installed):
        return ()
    told = f"sources/{name} stands at {stray.head[:_SHOWN]}, which is not the pin, so sync leaves it alone"
    hints = (f"{told}; to have it saved and go to the pin: git hybrid reset {name}",)
    if _url_of(stray.origin) != url:
        return hints
    out, again = taking_out(name, replace(stray, installed=None)), taking_over(name, replace(stray, tip=None))
    return (*hints, f"to pin what stands there: {out} && {again}")


def taking_out(name: str, stray: Stray) -> str:
    """Return the command that takes the source *name* out; a clone there that this tool did not make stays."""
    remove, path = f"git hybrid remove {name}", f"sources/{name}"
    if stray.head is None or stray.installed is not None:
        return remove
    return f"{typed('mv', path, 'NEW')} && {remove} && {typed('mv', 'NEW', path)}"


def _url_of(origin: str | None) -> Url | None:
    if not origin:
        return None
    try:
        return normalize_url(folder_url(origin) if origin.startswith("/") else origin)
    except InvalidText:
        return None
