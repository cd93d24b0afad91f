"""Read the submodules of a repository: their URLs, and the exact commits that it pins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from git_hybrid.core.errors import BadArgument, InvalidFile, Problem
from git_hybrid.core.ids import InvalidText, Oid, Url, parse_oid, parse_ref_part
from git_hybrid.core.taking import unknown
from git_hybrid.core.tree import GITLINK
from git_hybrid.core.value import Struct
from git_hybrid.core.values import is_false
from git_hybrid.core.words import shorten
from git_hybrid.git.environment import child_environment
from git_hybrid.git.listed import TOO_MANY, TooManySettings, listed, pairs
from git_hybrid.git.repository import Entry, around, of_index
from git_hybrid.git.run import Runner
from git_hybrid.git.superproject import Base, base_at, branch_at

HERE = "."
"""As the branch of a submodule: the one that its repository is on."""
_FILE = ".gitmodules"
_INDEX = ["git", "ls-files", "--stage", "-z"]


class Submodule(Struct, frozen=True, kw_only=True):
    """One submodule: its name and path, its URL made absolute, the branch that it names (or None), the pinned commit.

    ``shallow`` and ``left_out`` tell how git was to fetch it: the last commits alone, or not at all (gitmodules(5)).
    """

    name: str
    path: str
    url: Url
    branch: str | None
    commit: Oid
    shallow: bool
    left_out: bool


class Gitmodules(Struct, frozen=True, kw_only=True):
    """The submodules that a ``.gitmodules`` lists of the repository at ``top``, and those that its index has besides.

    ``unlisted`` has the commit of each by its path; nothing where that is in conflict. ``branch`` is what ``.`` stands
    for as the branch of a submodule: the one that the repository is on, or nothing. ``is_kept``: the file is in the
    index, where git looks for it.
    """

    top: Path
    branch: str
    listed: tuple[Submodule, ...]
    unlisted: Mapping[str, str]
    is_kept: bool = False


def read_gitmodules(runner: Runner, file: Path) -> Gitmodules:
    """Return the submodules that *file* (a ``.gitmodules``) lists, with the commits in the index of its repository.

    Raises:
        BadArgument: there is no such file, or it is no ``.gitmodules`` or has no submodule in it.
        InvalidFile: git cannot parse it, it is in no repository, or an entry lacks what is needed or has no commit in
            the index; every bad entry is named.
        GitRefused: git does not answer about the repository.
    """
    if not file.is_file():
        raise BadArgument(what="--import", value=str(file), reason="no such file")
    values = _values(runner, file)
    names = list(dict.fromkeys(name for name, _ in values))
    if not names and file.name != _FILE:
        raise unknown(str(file))
    if not names:
        raise BadArgument(what="--import", value=str(file), reason="lists no submodule")
    index, top = _repository(runner, file)
    base = base_at(runner, top)
    problems: list[Problem] = []
    found: list[Submodule] = []
    for name in names:
        try:
            found.append(_submodule(name, values, base, index))
        except InvalidText as error:
            problems.append(Problem(f"submodule {shorten(name)}", str(error)))
    if problems:
        raise InvalidFile(path=str(file), problems=tuple(problems))
    paths = {module.path for module in found}
    unlisted = {path: oid for path, (mode, oid) in index.items() if mode == GITLINK and path not in paths}
    branch = branch_at(runner, top) if any(module.branch == HERE for module in found) else ""
    is_kept = _FILE in index and os.path.realpath(file) == os.path.realpath(top / _FILE)
    return Gitmodules(top=top, branch=branch, listed=tuple(found), unlisted=unlisted, is_kept=is_kept)


def resolver(runner: Runner, file: Path) -> Callable[[str], Url]:
    """Return what makes a URL of one that is relative to the repository that *file*, a manifest of repo, is of.

    repo keeps that at ``.repo/manifests``, and lets anybody write a manifest anywhere, so the nearest one is asked.
    It raises InvalidText where there is none, or as :meth:`Base.resolve`.
    """

    @cache
    def base() -> Base:
        kept = next((path for folder in file.parents if (path := folder / ".repo/manifests").is_dir()), file.parent)
        top = around(runner, Path(os.path.realpath(kept))).top
        why = f"its fetch is relative, {file} is in no git repository, and no folder above has .repo/manifests"
        return Base(why=f"{why}: write the whole URL") if top is None else base_at(runner, top)

    return lambda text: base().resolve(text)


def _submodule(name: str, values: dict[tuple[str, str], str], base: Base, index: Mapping[str, Entry]) -> Submodule:
    path, url = values.get((name, "path"), "").rstrip("/"), values.get((name, "url"))
    if not path or not url:
        raise InvalidText("has no path or no url")
    branch, shallow = values.get((name, "branch")), values.get((name, "shallow"))
    return Submodule(
        name=name,
        path=path,
        url=base.resolve(url),
        branch=branch if branch in (None, HERE) else parse_ref_part(branch),
        commit=_pinned(path, index),
        shallow=shallow is not None and not is_false(shallow),
        left_out=values.get((name, "update")) == "none",
    )


def _pinned(path: str, index: Mapping[str, Entry]) -> Oid:
    mode, oid = index.get(path, ("", ""))
    if mode != GITLINK:
        raise InvalidText(f"the index of its repository names no commit for {shorten(path)}")
    if not oid:
        raise InvalidText(f"{path} is in conflict in the index of its repository: git add the commit that it is to be")
    return parse_oid(oid)


def _values(runner: Runner, file: Path) -> dict[tuple[str, str], str]:
    env = child_environment(runner.environ, network=True)
    arguments = ["git", "config", "--file", str(file), "--null", "--list"]
    try:
        done = listed(lambda into: runner.run(arguments, env=env, watch=into))
    except TooManySettings:
        raise InvalidFile.at(str(file), "file", TOO_MANY) from None
    if done.status != 0 and file.name != _FILE:
        raise unknown(str(file))
    if done.status != 0:
        raise InvalidFile.at(str(file), "file", done.stderr.strip()[:200])
    values: dict[tuple[str, str], str] = {}
    for key, value in pairs(done.stdout, "replace"):
        section, _, rest = key.partition(".")
        name, _, last = rest.rpartition(".")
        if section == "submodule" and name:
            values[name, last] = value
    return values


def _repository(runner: Runner, file: Path) -> tuple[Mapping[str, Entry], Path]:
    """Return the index of the repository that *file* is in, and the top of its working tree."""
    repository = around(runner, Path(os.path.realpath(file.parent)))
    if repository.top is None:
        raise InvalidFile.at(str(file), "file", "is in no git repository, whose index would name the commits")
    return of_index(repository.ask(_INDEX)), repository.top
