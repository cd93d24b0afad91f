"""What hints say of the mirrors and bundles that an error is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from git_hybrid.core.endpoints import DIRECT, folder_of
from git_hybrid.core.errors import HybridError
from git_hybrid.core.words import typed

_BY_COLLEAGUE = "or, on this side, have one made by a colleague who has them"


def mirror_words(error: HybridError, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the parts of hints that come of the *facts* of *error*: how a mirror is filled, and what goes round it."""
    base, path = str(facts.get("mirror", "")), str(facts.get("path", ""))
    return {
        "copying": facts.get("mend") or f"copy it again from where it was made, and compare: sha256sum {typed(path)}",
        "remaking": _remaking(facts.get("file", "")),
        "by_colleague": "" if facts.get("file") else f"{_BY_COLLEAGUE}: git hybrid bundle create -o FILE",
        "filling": _filling(base, facts.get("target"), facts.get("url", ""), alone=len({*error.mirrors}) == 1),
        "ask_upstream_too": _ask_upstream_too(error.mirrors or (base,)),
        "mirror_folder": folder_of(base) if base.startswith("file://") and "{" not in base else "DIR",
    }


def _ask_upstream_too(mirrors: tuple[str, ...]) -> str:
    """Return the hint at the list of mirrors that lets upstream be asked, nothing where *mirrors* does already."""
    if DIRECT in mirrors:
        return ""
    return f"or let upstream be asked too: export GIT_HYBRID_MIRRORS={typed(','.join((*mirrors, DIRECT)))}"


def _filling(mirror: str, target: str | None, url: str, *, alone: bool) -> str:
    """Return the hint at what brings *mirror* up to date; *target* is what ``mirror update`` takes for it, if known.

    Where it is *alone* in the list of mirrors it could not be filled from anybody as things stand.
    """
    if target is None:
        return ""
    if target:
        where = "" if target == mirror and not alone else "where the mirror is filled: "
        return f"{where}git hybrid mirror update {typed(target)}"
    return _remaking(folder_of(url))


def _remaking(file: str) -> str:
    """Return the hint at what makes a bundle anew, with all of its history; *file* is one of git's own."""
    if not file:
        return "on the other side, make it without --since: git hybrid bundle create -o FILE"
    return f"in a clone of upstream: git bundle create {typed(file)} HEAD --all"
