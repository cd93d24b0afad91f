"""Which refs of upstream a mirror folder keeps. Pure.

What is declared and what proves it: the refs that the manifest allows a pin to be made from, the refs that the pin
names, and upstream's default branch, which ``add`` and the proof of a tag ask for. What a folder holds already for
another workspace is refreshed too, as long as upstream has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from git_hybrid.core.ids import branch_ref, short_ref, tag_ref
from git_hybrid.core.lock import Pin
from git_hybrid.core.manifest import Branch, Commit, Source, Tag, Version
from git_hybrid.core.ports import RemoteRefs
from git_hybrid.core.versions import matching


def kept_refs(source: Source, pin: Pin | None, listed: RemoteRefs, held: Iterable[str]) -> tuple[str, ...]:
    """Return the refs that the mirror is to have, sorted; only refs that upstream lists are among them."""
    wanted = {*_declared(source, pin, listed), *held}
    if pin is not None:
        wanted |= {pin.ref, pin.reachable_from}
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
