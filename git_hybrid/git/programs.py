"""Which programs the settings of a repository name, so that a local step starts none of them.

Whoever packed a workspace, or made a repository in a clone, wrote these settings: filters, and hooks that stand there
(git 2.54). What the command line says counts more, and git hands it on to the git that it starts in a submodule, so one
guard is enough for a clone and for each repository that git looks into on its way.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import LocalIo
from git_hybrid.core.pattern import pattern
from git_hybrid.git import place
from git_hybrid.git.environment import as_options
from git_hybrid.git.index import is_link, links_at
from git_hybrid.git.plainfiles import plain_settings, read_plain
from git_hybrid.git.run import Runner

LFS_FILTER = {
    "clean": "git-lfs clean -- %f",
    "smudge": "git-lfs smudge -- %f",
    "process": "git-lfs filter-process",
    "required": "true",
}
"""The one filter that a local step knows, as ``git lfs install --local`` writes it."""
# They look at no file of a working tree, and write nothing that a hook could be told of.
READING = frozenset(
    (
        *("cat-file", "check-ignore", "config", "diff-tree", "for-each-ref", "log", "ls-files", "ls-tree"),
        *("merge-base", "rev-list", "rev-parse"),
    )
)
_NAMING = pattern(rb"filter|hook|include|lfs|worktree", re.IGNORECASE)
_SETTINGS = ("config", "config.worktree")
_ASKED = ("config", "--null", "--get-regexp", r"^((filter|hook|lfs|alias)\.|core\.worktree$)")
_FILTER, _HOOK, _LFS = "filter.", "hook.", "lfs"
_FILTER_KEYS = ("clean", "smudge", "process", "required")
# What git-lfs starts by its own settings, and git in its place where it is not installed.
_OF_LFS = pattern(r"lfs\.(extension\..*|customtransfer\..*|(.*\.)?standalonetransferagent)|alias\.lfs", re.DOTALL)
# Names may hold anything, also what ends a key on a command line: so the value, which is nothing, is that of a variable
# that each child has (:data:`git_hybrid.git.environment`).
_NOTHING = "LANGUAGE"


def without_programs(
    runner: Runner,
    arguments: Sequence[str],
    *,
    git_dir: Path | None,
    work_tree: Path | None,
    environment: Mapping[str, str],
) -> list[str]:
    """Return the options with which the local git command *arguments* starts no program that *git_dir* names.

    Nor one that a repository names which is nested in *work_tree*. The filter of Git LFS is what :data:`LFS_FILTER`
    says wherever one is named, unless git-lfs is told to start something else.
    """
    if git_dir is None or arguments[0] in READING:
        return []
    if git_dir.is_file():
        git_dir = Path(place.git_dir(str(git_dir.parent), {}))
    keys = {key for key, _ in _named(runner, git_dir)}
    if work_tree is not None:
        index = Path(environment.get("GIT_INDEX_FILE", git_dir / "index"))
        keys |= {key for key, _ in _nested(runner, git_dir, [str(work_tree)], index, set())}
    filters = {key[len(_FILTER) : key.rindex(".")] for key in keys if key.startswith(_FILTER) and key.count(".") > 1}
    hooks = {key.rpartition(".")[0] for key in keys if key.startswith(_HOOK) and key.count(".") > 1}
    options, emptied = list[str](), sorted(filter(_OF_LFS.fullmatch, keys))
    if _LFS in filters and not emptied:
        filters.remove(_LFS)
        options = as_options(f"{_FILTER}{_LFS}.{key}={value}" for key, value in LFS_FILTER.items())
        # What it writes stays in the repository.
        options += as_options(["lfs.storage=lfs"])
    emptied += [f"{_FILTER}{name}.{key}" for name in sorted(filters) for key in _FILTER_KEYS]
    emptied += [f"{hook}.enabled" for hook in sorted(hooks)]
    return [*options, *(f"--config-env={key}={_NOTHING}" for key in emptied)]


def _named(runner: Runner, git_dir: Path) -> set[tuple[str, str]]:
    """Return the settings of the repository at *git_dir* that may name a program, or where its working tree is.

    git is asked where there is doubt.
    """
    if os.path.lexists(git_dir / "commondir"):
        return _asked(runner, git_dir)
    found = set[tuple[str, str]]()
    for path in (git_dir / name for name in _SETTINGS):
        data = read_plain(path)
        if data is None and not os.path.lexists(path):
            continue
        if data is not None and not _NAMING.search(data):
            continue
        settings = None if data is None else plain_settings(path)
        if settings is None or any(key.startswith("include") for key, _ in settings):
            return _asked(runner, git_dir)
        found |= {*settings}
    return found


def _asked(runner: Runner, git_dir: Path) -> set[tuple[str, str]]:
    """Return what git tells of them; where it cannot read the settings no other git goes on either.

    Raises:
        LocalIo: they are more than any repository has.
    """
    from git_hybrid.git.listed import TOO_MANY, TooManySettings, listed, pairs

    try:
        told = listed(lambda into: runner.git(_ASKED, git_dir=git_dir, watch=into)).stdout
    except TooManySettings as error:
        raise LocalIo(path=f"{git_dir}/config", operation="read", reason=TOO_MANY) from error
    return {*pairs(told)}


def _nested(
    runner: Runner, git_dir: Path, tops: Iterable[str], index: Path, seen: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Yield the same of the repositories in the places of the submodules that *index* names, and of those in them.

    *tops* are the working trees that the repository at *git_dir* may have: git looks into the one that it names itself.
    """
    for inner in [os.path.join(top, os.fsdecode(link)) for link in _links(runner, git_dir, index) for top in tops]:
        found = place.git_dir(inner, {})
        # A link may lead back to where one came from.
        key = os.path.realpath(inner), os.path.realpath(found)
        if os.path.isdir(found) and key not in seen:
            seen.add(key)
            repository = Path(found)
            settings = _named(runner, repository)
            yield from settings
            trees = [os.path.join(found, value) for name, value in settings if name == "core.worktree"]
            yield from _nested(runner, repository, [inner, *trees], repository / "index", seen)


def _links(runner: Runner, git_dir: Path, index: Path) -> Iterable[bytes]:
    links = links_at(index)
    if links is not None:
        return links
    environment = {"GIT_INDEX_FILE": str(index)}
    told = runner.git(["ls-files", "--stage", "-z"], git_dir=git_dir, environment=environment).stdout
    return [line.partition(b"\t")[2] for line in told.split(b"\0") if line and is_link(int(line.split(b" ")[0], 8))]
