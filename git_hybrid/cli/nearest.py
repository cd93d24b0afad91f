"""Tell what is there of a similar name as what was asked for, or in its place."""

from __future__ import annotations

from collections.abc import Sequence

from git_hybrid.core.errors import HybridError, RefMissing
from git_hybrid.core.ids import short_ref
from git_hybrid.core.versions import release_order
from git_hybrid.core.words import as_typed, some, typed


def words_of(error: HybridError, nearest: Sequence[str]) -> dict[str, str]:
    """Return the facts ``nearest``, and for a ref ``meant``: the hint that takes the only one that is near.

    Where none is, that is the default branch: upstream may have renamed it.
    """
    if not isinstance(error, RefMissing):
        return {"nearest": _asking(nearest)}
    kind, only = _kind(error.ref), nearest[0] if len(nearest) == 1 else ""
    shown = [short_ref(ref) if kind in ("", _kind(ref)) else f"the {_kind(ref)} {short_ref(ref)}" for ref in nearest]
    told = _asking(shown)
    if nearest and error.ref.startswith("version "):
        names = [short_ref(ref) for ref in nearest]
        is_version = release_order(names[0]) is not None
        told = f"its newest release is {names[0]}" if is_version else f"none of its tags is a version: {some(names)}"
    if only and _kind(only) != kind and f"/{error.ref}".endswith(f"/{short_ref(only)}"):
        told = f"{short_ref(only)} is a {_kind(only)} there"
    if error.default and error.default not in nearest:
        told = f"{told}\nthe default branch there is {short_ref(error.default)}".lstrip("\n")
        only = only if nearest else error.default
    return {"nearest": told, "meant": _taking(error, only) if kind and only else ""}


def _asking(names: Sequence[str]) -> str:
    return f"did you mean {', '.join(names)}?" if names else ""


def _kind(ref: str) -> str:
    """Return what *ref* is called in the manifest; nothing for words that are no ref."""
    return "tag" if ref.startswith("refs/tags/") else "branch" if ref.startswith("refs/heads/") else ""


def _taking(error: RefMissing, ref: str) -> str:
    kind, name = _kind(ref), short_ref(ref)
    if error.adding:
        return f"git hybrid add {typed(error.url)} --{kind} {typed(name)}{as_typed()}"
    return f"where that is meant: git hybrid pin {typed(error.name)} --{kind} {typed(name)}{as_typed('scan')}"
