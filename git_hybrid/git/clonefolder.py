"""Read the git clones that stand in a folder: where each is from, and where it is; no file of theirs is looked at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from git_hybrid.core.errors import BadArgument, GitRefused, InvalidFile, Problem, until_many
from git_hybrid.core.files import MANIFEST
from git_hybrid.core.ids import InvalidText, Url
from git_hybrid.core.taking import Listed, Taken
from git_hybrid.core.taking_clones import not_clones, taken_clone
from git_hybrid.core.words import typed
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner
from git_hybrid.git.superproject import parsed

_TAGS = "refs/tags/"
_OWN = frozenset({"sources", "state"})
"""The folders of a workspace."""


def clones_in(folder: Path) -> tuple[list[str], list[str]]:
    """Return the names of the clones that stand in *folder*, and of the other folders there; links lead elsewhere.

    Where it is the workspace itself its own folders are none of these.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and entry.name != ".git")
    found = [name for name in names if os.path.lexists(folder / name / ".git")]
    known = {*found, *(_OWN if os.path.lexists(folder / MANIFEST) else ())}
    return found, [name for name in names if name not in known]


def read_clones(runner: Runner, folder: Path, shown: str) -> Listed:
    """Return the clones that stand in *folder*, *shown* as that, each with its origin and the commit where it is.

    Raises:
        BadArgument: there is none.
        InvalidFile: one has no commit or no origin, or its URL is refused; each such clone is named, with its mend.
    """
    names, others = clones_in(folder)
    problems: list[Problem] = []
    taken: list[Taken] = []
    for name in until_many(names, problems):
        there = typed(os.path.join(shown, name))
        try:
            taken.append(_taken(around(runner, folder / name), name, there))
        except (InvalidText, GitRefused) as error:
            reason = f"{error.words}: {error.mend}" if isinstance(error, GitRefused) else str(error)
            problems.append(Problem(name if name.isprintable() else repr(name), reason))
    if problems:
        raise InvalidFile(path=shown, problems=tuple(problems))
    if not taken:
        is_one = os.path.lexists(folder / ".git")
        none = "is a folder without git clones: name a file"
        one = "is a repository itself: name the folder that it stands in"
        raise BadArgument(what="--import", value=shown, reason=one if is_one else none)
    return Listed(taken=tuple(taken), left=not_clones(others), exact="")


def _taken(clone: Repository, name: str, there: str) -> Taken:
    if not name.isprintable():
        raise InvalidText("its name has characters that do not print")
    # Of a .git that is no repository git knows nothing, and tells of the one around it.
    top = _text(clone.ask(["git", "rev-parse", "--show-toplevel"]))
    if clone.top is None or os.path.realpath(top) != os.path.realpath(clone.top):
        raise InvalidText(f"its .git is no repository: git -C {there} status")
    head = clone.run(["git", "rev-parse", "--verify", "--quiet", "HEAD^{commit}"])
    if head.status != 0:
        raise InvalidText(f"has no commit checked out: git -C {there} status")
    url = _origin(clone, there)
    branch = _text(clone.run(["git", "symbolic-ref", "--quiet", "HEAD"]).stdout).removeprefix("refs/heads/")
    listing = ["git", "for-each-ref", "--points-at=HEAD", "--format=%(refname)", _TAGS]
    tags = [ref.removeprefix(_TAGS) for ref in _lines(clone.ask(listing))]
    return taken_clone(name, url, _text(head.stdout), branch, tags)


def _origin(clone: Repository, there: str) -> Url:
    """Return where *clone* is from: its own setting says that, as it is written, and not what a machine makes of it."""
    urls = _lines(clone.run(["git", "config", "--get-all", "remote.origin.url"]).stdout)
    if not urls or clone.top is None:
        raise InvalidText(f"has no remote origin, which would name its URL: git -C {there} remote add origin URL")
    try:
        return parsed(urls[0], clone.top)
    except InvalidText as error:
        raise InvalidText(f"the URL of its origin: {error}: git -C {there} remote set-url origin URL") from None


def _text(told: bytes) -> str:
    return os.fsdecode(told).removesuffix("\n")


def _lines(told: bytes) -> Sequence[str]:
    return os.fsdecode(told).splitlines()
