"""The refs below which local work is saved; ``ask`` is given the arguments of a git in the clone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, count

from git_hybrid.git.clones import SAVED


def known_ref(ask: Callable[..., str], tree: str, parents: Sequence[str]) -> tuple[str, str] | None:
    """Return ref and commit of what is the same and saved already: a run that is tried again finds it."""
    listed = ask("for-each-ref", "--format=%(tree) %(parent) %(refname) %(objectname)", SAVED)
    wanted = [tree, *parents]
    return next(((ref, oid) for *found, ref, oid in map(str.split, listed.splitlines()) if found == wanted), None)


def free_ref(ask: Callable[..., str], run: str) -> str:
    """Return the ref of the run, or the first of its name with a number: it may have saved something before."""
    taken = {*ask("for-each-ref", "--format=%(refname)", SAVED).split()}
    numbered = (f"{SAVED}{run}-{number}" for number in count(2))
    return next(ref for ref in chain([f"{SAVED}{run}"], numbered) if ref not in taken)
