"""Where a symbolic link of a tree leads to, whatever stands in its submodules. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from git_hybrid.core.value import Struct, field

_HOPS, _WAYS = 40, 64

Place = Callable[[Sequence[bytes]], bytes]
"""Returns what a file system may take folders and a name for."""


class _Way(Struct):
    """How far a path was followed: the parts ahead, the last first, the place, and how many links were passed.

    ``inner`` is the length of the place at which a submodule begins that it is in; 0: it is in none.
    """

    ahead: list[bytes]
    here: list[bytes] = field(default_factory=list)
    hops: int = 0
    inner: int = 0


def landings(
    path: bytes, targets: Mapping[bytes, bytes], modules: AbstractSet[bytes], *, place: Place
) -> list[list[bytes]] | None:
    """Return where *path* may lead to, as folders and name, links in between followed; None if it may leave the root.

    What is in a submodule is not known here, and a name there can be a link to any of its folders. So ``..`` behind
    such a name leads to a place in it, or out of it.
    """
    ways, found = [_Way(path.split(b"/")[::-1])], list[list[bytes]]()
    for _ in range(_WAYS):
        here = _followed(ways.pop(), targets, modules, place, ways)
        if here is None:
            return None
        found.append(here)
        if not ways:
            return found
    return None


def _followed(
    way: _Way, targets: Mapping[bytes, bytes], modules: AbstractSet[bytes], place: Place, ways: list[_Way]
) -> list[bytes] | None:
    """Return where *way* leads to, or None if it leaves the root; where it may lead elsewhere too, *ways* gets that."""
    ahead, here, hops, inner = way.ahead, way.here, way.hops, way.inner
    while ahead:
        part = ahead.pop()
        if part in (b"", b"."):
            continue
        if part == b"..":
            if not here:
                return None
            if inner and len(here) > inner:
                ways.append(_Way([*ahead, part], here[:inner], hops, inner))
                continue
            here.pop()
            inner = 0
            continue
        here.append(part)
        name = b"" if inner else place(here)
        if name in modules:
            inner = len(here)
        target = targets.get(name)
        if target is None:
            continue
        hops += 1
        if hops > _HOPS:
            return []  # A loop: it leads nowhere (path_resolution(7)).
        here.pop()
        ahead.extend(target.split(b"/")[::-1])
    return here
