"""What to type where a clone holds work that exists nowhere else: for each kind of it, how to keep it and how not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from git_hybrid.core.ids import short_ref
from git_hybrid.core.plan import PIN_REF
from git_hybrid.core.words import counted, typed

AWAY = "move it away, then: git hybrid sync --prune"
"""What to do with a folder that belongs to no source."""

_SAVED = "reset saves all of it below refs/hybrid/saved/, then goes to the pin"
_SET_ASIDE = "reset keeps what is in a submodule below sources/.set-aside/, then goes to the pin"
_SAVED_TOO = "reset saves it below refs/hybrid/saved/, and what is in a submodule below sources/.set-aside/"
_NOT_SAVED = "reset saves neither another git repository nor a folder that cannot be read: they end with a slash here"
_AWAY = "move away what ends with a slash, but no submodule that the pin has just so, or mend its rights, then: "
_ORDER = ("changed", "HEAD", "worktrees", "worktree", "commit", "refs/heads")
"""What comes first, the rest after it: git deletes no branch that is checked out, and a reflog goes with its branch."""
_AT_ONCE = 10
_PLACES = 3
_NOTE_TAGS = "if upstream may have these tags, note which it has"
_ITS_TAGS = "+refs/tags/*:refs/remotes/origin/tags/*"
"""A tag that was fetched cannot be told from one that was made here, but for a ref that only a fetch writes."""


def words_of_files(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return how the changed files of *facts* are counted, listed and saved by ``reset``."""
    files, inside = facts["files"], facts.get("inside", ())
    count = facts.get("count", len(files))
    # Only what git lists as one thing ends so: another repository, or a folder that cannot be read.
    whole = any(file.endswith("/") for file in files)
    saved = _SAVED if not inside else _SET_ASIDE if len(inside) == count else _SAVED_TOO
    more = (f"… and {count - len(files)} more",) if count > len(files) else ()
    return {
        "files_counted": counted(count, "file"),
        "saving": _NOT_SAVED if whole else saved,
        "way": _AWAY if whole else "",
        "files": (*(f"{file} (submodule)" if file in inside else file for file in files), *more),
    }


def hints_for(name: str, path: str, refs: Sequence[str], *, stray: bool) -> tuple[str, ...]:
    """Return the commands for *refs*, which is what the clone of *name* at *path* holds; each kind has them once.

    What a submodule holds begins with ``in PATH:``. Of a *stray* no command knows the name.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for ref in refs:
        where, what = path, ref
        while what.startswith("in ") and ": " in what:
            place, _, what = what.removeprefix("in ").partition(": ")
            where = f"{where}/{place}"
        found.setdefault(where, {}).setdefault(_kind(what), []).append(what)
    tagged = [where for where in found if where != path and "/.git/" not in where and "refs/tags" in found[where]]
    hints = []
    if len(tagged) > 1:
        hints.append(
            f"{_NOTE_TAGS}: git -C {typed(path)} submodule foreach --recursive 'git fetch origin \"{_ITS_TAGS}\"'"
        )
    for where, kinds in islice(found.items(), _PLACES):
        for kind in _sorted(kinds):
            hints += _ways("" if stray else name, where, kinds[kind])
    return (*hints, AWAY) if stray else tuple(hints)


def hints_for_submodules(name: str, path: str, submodules: Sequence[str]) -> Iterator[str]:
    """Yield the commands that take *submodules* out of the clone of *name* at *path*; what was committed stays there.

    git takes none out in which anything is changed, or that stands at another commit.
    """
    git, these = f"git -C {typed(path)}", " ".join(map(typed, submodules))
    for inner in submodules[:_AT_ONCE]:
        yield f"keep what is changed in it: git -C {typed(f'{path}/{inner}')} stash --include-untracked"
    yield f"{git} submodule update --checkout -- {these}"
    yield f"{git} submodule deinit -- {these}"
    yield f"then: git hybrid reset {typed(name)}"


def _kind(what: str) -> str:
    return "/".join(what.split("/")[:2]) if what.startswith("refs/") else what.replace("/", " ").partition(" ")[0]


def _sorted(kinds: Iterable[str]) -> list[str]:
    return sorted(kinds, key=lambda kind: _ORDER.index(kind) if kind in _ORDER else len(_ORDER))


def _ways(name: str, where: str, found: Sequence[str]) -> Iterator[str]:
    """Yield the commands for what was *found* of one kind in the repository at *where*."""
    # No working tree belongs to one inside a .git, and that which it names may be gone.
    is_module = "/.git/" in where
    git = f"git -C {typed(where)}{' --work-tree=.' if is_module else ''}"
    what, rest = found[0], found[0].partition(" ")[2]
    if what == "HEAD" and name and not is_module:
        yield f"save it: git hybrid reset {name}"
    elif what == "HEAD":
        yield f"push it: {git} push origin HEAD:refs/heads/BRANCH"
        away = "update-ref --no-deref HEAD refs/remotes/origin/HEAD" if is_module else f"checkout --detach {PIN_REF}"
        yield f"if it may go: {git} {away}"
    elif what.startswith(("refs/heads/", "refs/tags/")):
        yield from _of_names(git, found)
    elif what == "refs/stash":
        yield f"{git} stash list"
        keep = f"push the newest: {git} push origin {what}:refs/heads/BRANCH"
        yield keep if is_module else f"to commit and push the newest: {git} stash branch BRANCH"
        yield f"if all of them may go: {git} stash clear"
    elif what.startswith("refs/"):
        yield f"push it: {git} push origin {typed(what)}"
        yield f"then, or if it may go: {git} update-ref -d {typed(what)}"
    elif what.startswith("commit "):
        commit, _, logs = rest.partition(" ")
        yield f"{git} show --stat {commit}"
        yield f"push it: {git} push origin {commit}:refs/heads/BRANCH"
        yield f"if what only reflogs have may go: {git} reflog expire --expire=now {_logged(logs)}"
    elif what.startswith("worktrees/"):
        yield f"push what was committed in the worktree: {git} push origin {typed(what)}:refs/heads/BRANCH"
    elif what.startswith("worktree "):
        yield f"{git} worktree list"
        yield f"when what is in it is kept elsewhere: {git} worktree remove {typed(rest)}"
    else:
        yield from _of_others(name, git, what)


def _of_others(name: str, git: str, what: str) -> Iterator[str]:
    if not what.startswith("what "):
        yield f"{git} status"
        return
    yield f"what is damaged: {git} fsck"
    if name:
        yield f"when nothing in the clone is to be kept, move it away, then: git hybrid remove {typed(name)}"


def _of_names(git: str, found: Sequence[str]) -> Iterator[str]:
    them, they = ("it", "it") if len(found) == 1 else ("them", "they")
    few = found[:_AT_ONCE]
    names = " ".join(typed(short_ref(ref)) for ref in few)
    if found[0].startswith("refs/heads/"):
        yield f"push {them}: {git} push origin {names}"
        yield f"if {they} may go: {git} branch -D {names}"
    else:
        yield f"{_NOTE_TAGS}: {git} fetch origin '{_ITS_TAGS}'"
        yield f"push {them}: {git} push origin {' '.join(map(typed, few))}"
        yield f"then, or if {they} may go: {git} tag -d {names}"


def _logged(words: str) -> str:
    """Return the refs of *words*, ``(reflog of REF, REF)``; all refs would be that of the stashes too."""
    return " ".join(map(typed, words.removeprefix("(reflog of ").removesuffix(")").split(", ")))
