"""A workspace that another branch has: who comes to one without is told of it, before a second one is begun."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from git_hybrid.core.errors import NoWorkspace
from git_hybrid.core.files import LOG, MANIFEST
from git_hybrid.core.words import as_typed, typed
from git_hybrid.git.ahead import question
from git_hybrid.git.repository import Repository, around
from git_hybrid.git.run import Runner

_LOCAL, _REMOTE, _HEAD = "refs/heads/", "refs/remotes/", "/HEAD"
_NEWEST = "--count=100"
"""So many branches are looked at."""
_LOOK = ("git", "cat-file", "--batch-check=%(objecttype)")


def tell_of_branch(runner: Runner, start: Path, error: NoWorkspace) -> None:
    """Name in *error* the branch that has a workspace in *start* or a folder above it, if it names none below.

    A branch of this repository comes before one that was fetched, then the one that was changed last.
    """
    repository = around(runner, start)
    if repository.top is None or error.hint:
        return
    form = "--format=%(refname) %(worktreepath)"
    told = repository.run(["git", "for-each-ref", _NEWEST, "--sort=-committerdate", form, _LOCAL, _REMOTE]).stdout
    lines = (line.partition(" ") for line in told.decode("utf-8", "surrogateescape").splitlines())
    trees = {ref: tree for ref, _, tree in lines if not ref.endswith(_HEAD)}
    folders = [folder for folder in (start, *start.parents) if folder.is_relative_to(repository.top)]
    prefixes = [repository.prefix(folder) for folder in folders]
    order = sorted(trees, key=lambda ref: ref.startswith(_REMOTE))
    found = next(_with_workspace(repository, [(ref, prefix) for ref in order for prefix in prefixes]), None)
    if found is None:
        return
    ref, prefix = found
    short, git = ref.removeprefix(_LOCAL).removeprefix(_REMOTE), _git(repository.top)
    error.below = f"branch {short} has a workspace{f' in {prefix}' if prefix else ''}, and this one has none"
    error.hint = typed(*git, "switch", *_switching(ref, trees))
    if trees[ref]:
        # git checks a branch out once.
        error.hint = typed("git", "hybrid", "-C", os.path.normpath(f"{trees[ref]}/{prefix}"), "status") + as_typed()
    # With another history, as that of a branch of pages, git merges none.
    is_related = repository.run(["git", "merge-base", "HEAD", ref]).status == 0
    error.begin = f"to have it on this branch too: {typed(*git, 'merge', short)}" if is_related else ""


def _with_workspace(repository: Repository, wanted: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield those of *wanted*, a ref and the prefix of a folder, that have the files of a workspace."""
    names = [f"{ref}:{prefix}{name}" for ref, prefix in wanted for name in (MANIFEST, LOG)]
    # A name with a line break would be two questions.
    if names and not any("\n" in name for name in names):
        told = repository.run(_LOOK, stdin=question(names)).stdout.splitlines()
        for item, *kinds in zip(wanted, told[::2], told[1::2], strict=False):
            if kinds == [b"blob", b"blob"]:
                yield item


def _switching(ref: str, known: Collection[str]) -> Sequence[str]:
    if ref.startswith(_LOCAL):
        return (ref.removeprefix(_LOCAL),)
    remote, _, name = ref.removeprefix(_REMOTE).partition("/")
    # Of a branch here that has the name git makes no second one.
    return ("--detach" if f"{_LOCAL}{name}" in known else "--track", f"{remote}/{name}")


def _git(top: Path) -> Sequence[str]:
    return ("git",) if Path.cwd().is_relative_to(top) else ("git", "-C", str(top))
