"""What a server lists and nobody can have, by what git says on stderr: refs, and files that are not there. Pure."""

from __future__ import annotations

import re

from git_hybrid.core.errors import UnusableRef
from git_hybrid.core.pattern import pattern
from git_hybrid.git.kept import UPSTREAM, upstream_ref

_SHALLOW = pattern(
    r"^warning: rejected (?P<ref>\S+) because shallow roots are not allowed to be updated$", re.MULTILINE
)
_COLLISION = pattern(
    rf"^error: .*'(?P<one>{UPSTREAM}[^'\n]*)' (?:exists; cannot create|and) '(?P<other>{UPSTREAM}[^'\n]*)'",
    re.MULTILINE,
)
# What git says that walks through files of a server (http-walker.c, http.c), in lower case.
_MISSING = pattern(
    r"unable to find [0-9a-f]{40,64} under (?=https?://)|unable to get pack (?:index|file) (?=https?://)"
    r"|cannot obtain needed \w+ [0-9a-f]{40,64}"
)


def cut_off(stderr: str) -> UnusableRef | None:
    """Return the error that a successful fetch stands for which left out a ref: the history there is cut off."""
    found = _SHALLOW.search(stderr)
    if found is None:
        return None
    ref = upstream_ref(found["ref"]).removeprefix("refs/commits/")
    why = "the repository is shallow: where history is cut off, nothing shows what a commit belongs to"
    return UnusableRef(name="", ref=ref, why=why)


def colliding(stderr: str) -> UnusableRef | None:
    """Return the error that it is where a server lists both a ref and one below it, of which git keeps one alone."""
    found = _COLLISION.search(stderr)
    if found is None:
        return None
    one, other = (upstream_ref(found[key]) for key in ("one", "other"))
    return UnusableRef(name="", ref=other, why=f"{one} is listed beside it, and git keeps no ref below another")


def besides_missing(text: str) -> str | None:
    """Return what *text* says besides that objects are in none of the files of a server; None if it does not say so."""
    rest = _MISSING.sub("", text)
    return None if rest == text else rest
