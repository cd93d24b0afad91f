"""Which commits a hook before a push checks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_hybrid.cli.hooking import _REFS
from git_hybrid.cli.pushing import named_by_framework
from git_hybrid.core.errors import BadArgument
from git_hybrid.git.pushed import Pushed, commits, pushed_lines
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from support.kit import git

GONE = "1" * 40
_PUSH = {"PRE_COMMIT_REMOTE_NAME": "origin"}
_COMMIT = {"GIT_INDEX_FILE": "/elsewhere"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return a repository with two commits on main, and tags of both and of no commit."""
    git("init", "-q", "-b", "main", cwd=tmp_path)
    for name in ("one", "two"):
        git("commit", "-q", "--allow-empty", "-m", name, cwd=tmp_path)
        git("tag", "-a", "-m", name, name, cwd=tmp_path)
    git("tag", "blob", git("hash-object", "-w", "--stdin", cwd=tmp_path), cwd=tmp_path)
    return Repository(Runner(environ=dict(os.environ)), tmp_path)


def ref(name: str) -> dict[str, str]:
    return {"PRE_COMMIT_TO_REF": name}


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        # A push: the framework says where to, and of the first push of a history names the branch alone.
        (_PUSH | ref("one"), ["one"]),
        (_PUSH | {"PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main"}, ["two"]),
        (_PUSH | ref("one") | {"PRE_COMMIT_LOCAL_BRANCH": "refs/heads/main"}, ["one"]),
        (_PUSH | ref("blob"), []),
        (_PUSH | ref(GONE), GONE),
        (_PUSH | ref("one\ntwo"), "one two"),
        # A commit, with what is left of a push, or within one; and a run by hand.
        (_COMMIT | ref("one"), [None]),
        (_COMMIT | ref(GONE), [None]),
        (_COMMIT | _PUSH | ref("one"), [None, "one"]),
        (ref("one"), [None, "one"]),
        (ref(GONE), GONE),
    ],
)
def test_what_the_framework_pushes(
    repository: Repository, environ: Mapping[str, str], found: list[str | None] | str
) -> None:
    if isinstance(found, str):
        with pytest.raises(BadArgument) as caught:
            named_by_framework(repository, environ, _REFS)
        assert (caught.value.value, caught.value.hint) == (found, "unset PRE_COMMIT_TO_REF")
        return
    told = named_by_framework(repository, environ, _REFS)
    ids = [name and repository.ask(["git", "rev-parse", f"{name}^0"]).decode().strip() for name in found]
    assert [one and one.commit for one in told] == ids


def test_what_git_pushes(repository: Repository) -> None:
    head = repository.ask(["git", "rev-parse", "HEAD"]).decode().strip()
    told = f"refs/tags/two {head} refs/tags/two {GONE}\n(delete) {'0' * 40} refs/heads/x {GONE}\n"
    assert commits(repository, pushed_lines(told.encode()), "standard input") == (Pushed(head, "refs/tags/two", True),)
    told += f"refs/heads/main {head} refs/heads/x {GONE}\n"
    assert commits(repository, pushed_lines(told.encode()), "standard input") == (Pushed(head, "refs/heads/main"),)
    for line in (f"HEAD~5 {GONE} refs/heads/x {GONE}\n", "nonsense\n"):
        with pytest.raises(BadArgument):
            commits(repository, pushed_lines(told.encode() + line.encode()), "standard input")
