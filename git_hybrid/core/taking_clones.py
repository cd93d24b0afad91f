"""What is pinned of the git clones that stand in a folder, each where it is."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.ids import Url, parse_oid, parse_ref_part
from git_hybrid.core.manifest import Branch, Tag
from git_hybrid.core.taking import Followed, Taken
from git_hybrid.core.versions import release_order
from git_hybrid.core.words import some

_TRIED = 3
"""So many tags of one commit are asked for upstream: each is another question."""


def taken_clone(path: str, url: Url, commit: str, branch: str, tags: Sequence[str]) -> Taken:
    """Return what is taken of the clone at *path*, which is on *branch*, or on none, at *commit*, where *tags* are.

    Its branch is followed if upstream's of that name has the commit, else the tag of the latest version.

    Raises:
        InvalidText: git would refuse the name of the branch, or the commit is no id.
    """
    hoped = [Branch(parse_ref_part(branch))] if branch else []
    named = sorted(tags, key=_order, reverse=True)[:_TRIED]
    at = Followed(hoped=(*hoped, *(Tag(parse_ref_part(tag)) for tag in named)), commit=parse_oid(commit))
    return Taken(path=path, url=url, at=at)


def not_clones(names: Sequence[str]) -> tuple[str, ...]:
    """Return what is told of folders that are no clones and so not taken over, *names*."""
    return (f"not taken over, as no git clone: {some(names)}",) if names else ()


def _order(tag: str) -> tuple[bool, object, str]:
    order = release_order(tag)
    return (order is not None, order or "", tag)
