"""What to type where a clone holds work that exists nowhere else: for each kind of it, how to keep it and how not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from shlex import quote

from git_hybrid.core.ids import short_ref

AWAY = "move it away, then: git hybrid sync --prune"
"""What to do with a folder that belongs to no source."""


def hints_for(name: str, path: str, refs: Sequence[str], *, stray: bool) -> tuple[str, ...]:
    """Return the commands for *refs*, which is what the clone of *name* at *path* holds; each kind has them once.

    What a submodule holds begins with ``in PATH:``. Of a *stray* no command knows the name.
    """
    told: dict[str, tuple[str, ...]] = {}
    for ref in refs:
        where, what = path, ref
        while what.startswith("in ") and ": " in what:
            place, _, what = what.removeprefix("in ").partition(": ")
            where = f"{where}/{place}"
        told.setdefault(f"{where} {_kind(what)}", tuple(_ways("" if stray else name, f"git -C {quote(where)}", what)))
    hints = tuple(hint for hints in told.values() for hint in hints)
    return (*hints, AWAY) if stray else hints


def _kind(what: str) -> str:
    return "/".join(what.split("/")[:2]) if what.startswith("refs/") else what.replace("/", " ").partition(" ")[0]


def _ways(name: str, git: str, what: str) -> Iterator[str]:
    short, rest = quote(short_ref(what)), what.partition(" ")[2]
    if what == "HEAD" and not name:
        yield f"push it: {git} push origin HEAD:refs/heads/BRANCH"
    elif what == "HEAD":
        yield f"save it: git hybrid reset {name}"
    elif what.startswith("refs/heads/"):
        yield f"push it: {git} push origin {short}"
        yield f"if it may go: {git} branch -D {short}"
    elif what.startswith("refs/tags/"):
        yield f"push it: {git} push origin {quote(what)}"
        yield f"then, or if it may go: {git} tag -d {short}"
    elif what == "refs/stash":
        yield f"{git} stash list"
        yield f"to commit and push the newest: {git} stash branch BRANCH"
        yield f"if all of them may go: {git} stash clear"
    elif what.startswith("refs/"):
        yield f"push it: {git} push origin {quote(what)}"
        yield f"then, or if it may go: {git} update-ref -d {quote(what)}"
    elif what.startswith("commit "):
        yield f"{git} show --stat {rest}"
        yield f"push it: {git} push origin {rest}:refs/heads/BRANCH"
        yield f"if what only reflogs have may go: {git} reflog expire --expire=now --all"
    elif what.startswith("worktrees/"):
        yield f"push what was committed in the worktree: {git} push origin {quote(what)}:refs/heads/BRANCH"
    elif what.startswith("worktree "):
        yield f"{git} worktree list"
        yield f"when what is in it is kept elsewhere: {git} worktree remove {quote(rest)}"
    else:
        yield f"{git} status"
