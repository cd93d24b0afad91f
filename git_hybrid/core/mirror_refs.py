"""Which refs of upstream a mirror folder keeps and has place for, and what locks need of them. Pure.

What is declared and what proves it: the refs that the manifest allows a pin to be made from, the refs that the pin
names, and upstream's default branch, which ``add`` and the proof of a tag ask for. What a folder holds already for
another workspace is refreshed too, as long as upstream has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import assert_never

from git_hybrid.core.bundles import tip_of
from git_hybrid.core.endpoints import repository_path
from git_hybrid.core.ids import branch_ref, short_ref, tag_ref
from git_hybrid.core.lock import UNREACHABLE, Lock, Pin, is_before_tag
from git_hybrid.core.manifest import Branch, Commit, Manifest, Source, Tag, Version
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.ports_mirror import Claim
from git_hybrid.core.versions import matching


def kept_refs(source: Source, pin: Pin | None, listed: RemoteRefs, held: Iterable[str]) -> tuple[str, ...]:
    """Return the refs that the mirror is to have, sorted; only refs that upstream lists are among them."""
    wanted = {*_declared(source, pin, listed), *held}
    if pin is not None:
        names = {pin.ref, pin.reachable_from}
        # Whoever follows a commit follows no ref: where those that led to it are gone, any other may.
        is_lost = isinstance(source.track, Commit) and names.isdisjoint(listed.tips)
        wanted |= set(listed.tips) if is_lost else names
    if listed.head is not None:
        wanted.add(listed.head)
    return tuple(sorted(wanted & set(listed.tips)))


def _declared(source: Source, pin: Pin | None, listed: RemoteRefs) -> Iterable[str]:
    match source.track:
        case Branch(name):
            return (branch_ref(name),)
        case Tag(name):
            return (tag_ref(name),)
        case Version(spec):
            tags = [short_ref(ref) for ref in listed.tips if ref.startswith("refs/tags/")]
            return [tag_ref(tag) for tag in matching(spec, tags)]
        case Commit():
            # Any branch or tag may be what proves where the commit belongs; a pin says which it is.
            return () if pin is not None else listed.tips
        case _:  # pragma: no cover
            assert_never(source.track)


def claim_of(source: Source, pin: Pin) -> Claim | None:
    """Return what the lock with *pin* needs of the mirrored repository of *source*; None if no ref leads to it."""
    if pin.ref == UNREACHABLE:
        return None
    by_tag = pin.ref.startswith("refs/tags/") and not is_before_tag(pin)
    by_any = isinstance(source.track, Commit)
    return Claim(source=source.name, ref=pin.ref, commit=pin.commit, tip=tip_of(pin) if by_tag else None, by_any=by_any)


def claims_of(manifest: Manifest, lock: Lock) -> list[tuple[str, Claim]]:
    """Return what *lock* needs of the repositories of a mirror folder: each with the path of the repository."""
    claims: list[tuple[str, Claim]] = []
    for name, pin in lock.pins.items():
        source = manifest.sources.get(name)
        claim = claim_of(source, pin) if source is not None and source.url == pin.url else None
        if source is not None and claim is not None:
            claims.append((repository_path(source.url), claim))
    return claims


def without_place(refs: Collection[str], others: Iterable[str]) -> frozenset[str]:
    """Return which of *refs* have no place beside *others*: git keeps them as files in folders."""
    if not refs:
        return frozenset()
    taken = frozenset(others)
    above = {folder for ref in taken for folder in _above(ref)}
    return frozenset(ref for ref in refs if ref in above or not taken.isdisjoint(_above(ref)))


def _above(ref: str) -> Iterable[str]:
    parts = ref.split("/")
    return ("/".join(parts[:length]) for length in range(3, len(parts)))
