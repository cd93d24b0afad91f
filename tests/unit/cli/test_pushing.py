"""Which commits a hook before a push checks, and what of them is past."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from git_hybrid.cli.hook_start import REMOTE
from git_hybrid.cli.hook_start import _run as run_hook
from git_hybrid.cli.hooking import _REFS
from git_hybrid.cli.pushing import afterwards, as_pushed, named_by_framework, where
from git_hybrid.core.checks import Violation
from git_hybrid.core.errors import BadArgument
from git_hybrid.git.pushed import Pushed, commits, pushed_lines
from git_hybrid.git.repository import Repository
from git_hybrid.git.run import Runner
from git_hybrid.git.staged import Staged
from support.kit import git

GONE = "1" * 40
_PUSH = {"PRE_COMMIT_REMOTE_NAME": "origin"}
_COMMIT = {"GIT_INDEX_FILE": "/elsewhere"}
STALE = Violation(file="f", entry="e", what="is old", why="w", mend="git checkout HEAD -- f, or git hybrid scan HEAD")


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


def test_what_the_framework_pushes_to_is_compared_in_a_push_alone(repository: Repository) -> None:
    first, environ = repository.ask(["git", "rev-parse", "HEAD~1"]).decode().strip(), ref("two")
    environ["PRE_COMMIT_FROM_REF"] = first
    found = [named_by_framework(repository, environ | more, _REFS)[-1] for more in (_PUSH, {})]
    assert [one and one.before for one in found] == [(first,), ()]


@pytest.mark.parametrize(("to", "asked"), [("origin", 0), ("", 1)])
def test_git_is_asked_ahead_of_what_is_staged_alone(monkeypatch: pytest.MonkeyPatch, to: str, asked: int) -> None:
    told: list[object] = []
    monkeypatch.setenv(REMOTE, to)
    monkeypatch.setattr(sys, "argv", ["git-hybrid-hook-check"])
    monkeypatch.setattr("git_hybrid.git.ahead.ask_for_hook", lambda *given: told.append(given))
    monkeypatch.setattr("git_hybrid.cli.hooking.run", lambda *names, ahead, pushed: 3)
    assert (run_hook(()), len(told)) == (3, asked)


def test_what_git_pushes(repository: Repository) -> None:
    head = repository.ask(["git", "rev-parse", "HEAD"]).decode().strip()
    told = f"refs/tags/two {head} refs/tags/two {GONE}\n(delete) {'0' * 40} refs/heads/x {GONE}\n"
    assert commits(repository, pushed_lines(told.encode()), "standard input") == (Pushed(head, "refs/tags/two", True),)
    # What the branch has is compared where it is a commit that is here.
    first = repository.ask(["git", "rev-parse", "HEAD~1"]).decode().strip()
    tag = repository.ask(["git", "rev-parse", "one"]).decode().strip()
    olds = "".join(f"refs/heads/main {head} refs/heads/{old} {old}\n" for old in (first, tag, "0" * 40, "HEAD"))
    (pushed,) = commits(repository, pushed_lines((told + olds).encode()), "standard input")
    assert pushed == Pushed(head, "refs/heads/main", before=(first,))
    told += f"refs/heads/main {head} refs/heads/x {GONE}\n"
    assert commits(repository, pushed_lines(told.encode()), "standard input") == (Pushed(head, "refs/heads/main"),)
    for line in (f"HEAD~5 {GONE} refs/heads/x {GONE}\n", "nonsense\n"):
        with pytest.raises(BadArgument):
            commits(repository, pushed_lines(told.encode() + line.encode()), "standard input")


@pytest.mark.parametrize(
    ("name", "is_tag", "held", "level"),
    [
        ("one", True, True, "warn"),
        # What did not hold then, a branch, and what is checked out or the tip of all branches that have it.
        ("one", True, False, "fail"),
        ("one", False, True, "fail"),
        ("two", True, True, "fail"),
    ],
)
def test_only_an_old_tag_may_fail_by_time(
    repository: Repository, name: str, is_tag: bool, held: bool, level: str
) -> None:
    made = int(repository.ask(["git", "log", "-1", "--format=%ct", name]))
    commit = repository.ask(["git", "rev-parse", f"{name}^0"]).decode().strip()
    index = Staged(Repository(repository.runner, repository.top, commit), Path(repository.top or ""))

    def judged(*, now: datetime) -> dict[str, tuple[Violation, ...]]:
        assert now == datetime.fromtimestamp(made, UTC)
        return {"scans": () if held else (STALE,)}

    (item,) = as_pushed({"scans": (STALE,)}, Pushed(commit, "refs/tags/x", is_tag), index, judged)["scans"]
    assert item.level == level
    assert item.mend == (
        f"git checkout {commit[:12]}~1 -- f, or git hybrid scan HEAD"
        if level == "fail"
        else "nothing for the tag; what holds today: git hybrid check"
    )


@pytest.mark.parametrize("said", [b"4000000000 +0000", b"99999999999999999 +0000", b"sometime"])
def test_no_tag_is_judged_as_of_a_time_that_has_not_come(repository: Repository, said: bytes) -> None:
    assert repository.top is not None
    made = repository.ask(["git", "cat-file", "commit", "one^0"])
    made = re.sub(rb"(?m)^(committer .*>).*", rb"\1 " + said, made)
    store = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    commit = repository.ask(store, stdin=made).decode().strip()
    tip = git("commit-tree", "-p", commit, "-m", "x", f"{commit}^{{tree}}", cwd=repository.top)
    git("branch", "on", tip, cwd=repository.top)
    index = Staged(Repository(repository.runner, repository.top, commit), repository.top)

    def judged(*, now: datetime) -> dict[str, tuple[Violation, ...]]:
        return {"scans": (STALE,) if now.year == 1970 else ()}

    (item,) = as_pushed({"scans": (STALE,)}, Pushed(commit, "refs/tags/x", True), index, judged)["scans"]
    assert item.level == "fail"


def test_what_is_pushed_from_a_branch_without_a_commit_is_not_checked_out(repository: Repository) -> None:
    assert repository.top is not None
    head = git("rev-parse", "HEAD", cwd=repository.top)
    index = Staged(Repository(repository.runner, repository.top, head), repository.top)
    assert index.is_at_head()
    git("checkout", "-q", "--orphan", "new", cwd=repository.top)
    assert not index.is_at_head()


def test_where_a_commit_is_mended() -> None:
    assert where(Pushed(GONE, "refs/heads/a b")) == "git checkout 'a b'"
    assert where(Pushed(GONE, "HEAD~1")) == f"git checkout {GONE[:12]}"
    assert afterwards(Pushed(GONE, "refs/tags/v1")) == ("git commit", "git tag -f -a v1")
