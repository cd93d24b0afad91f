"""What the demo plays on: small upstreams, the same on every machine, and a repository for its workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from git_hybrid.core.errors import GitFailed, LocalIo
from git_hybrid.core.machine import disk_trouble
from git_hybrid.core.value import Struct
from git_hybrid.git.classify import last_words
from git_hybrid.git.operations import IDENTITY
from git_hybrid.git.run import Completed, Runner

_EPOCH = 1_767_225_600  # 2026-01-01T00:00:00Z
_DAY = 86_400
_AUTHOR = "Ada Upstream <ada@upstream.example>"


class Change(Struct, frozen=True, kw_only=True):
    """One commit of an upstream: its message, the files it writes, and the release tag it gets, if any."""

    message: str
    files: Mapping[str, str]
    tag: str = ""


def create_upstream(runner: Runner, path: Path, changes: Sequence[Change]) -> None:
    """Create a bare repository at *path* with *changes* on ``main``.

    Raises:
        GitFailed: git refused.
        LocalIo: the disk did.
    """
    arguments = ["init", "--quiet", "--bare", "--template=", "--initial-branch=main", str(path)]
    _check(runner.git(arguments), "git init", path)
    extend_upstream(runner, path, changes, day=0)


def extend_upstream(runner: Runner, path: Path, changes: Sequence[Change], *, day: int) -> None:
    """Put *changes* on ``main`` of the repository at *path*, one a day from *day* on; a tag that exists is moved.

    Raises:
        GitFailed: git refused.
        LocalIo: the disk did.
    """
    has_main = runner.git(["rev-parse", "--verify", "--quiet", "refs/heads/main"], git_dir=path).status == 0
    stream: list[str] = []
    for offset, change in enumerate(changes):
        moment = f"{_EPOCH + (day + offset) * _DAY} +0000"
        stream += ["commit refs/heads/main", f"author {_AUTHOR} {moment}", f"committer {_AUTHOR} {moment}"]
        stream.append(_data(change.message))
        if has_main and offset == 0:
            stream.append("from refs/heads/main^0")
        for name, text in change.files.items():
            stream += [f"M 100644 inline {name}", _data(text)]
        if change.tag:
            stream += [f"tag {change.tag}", "from refs/heads/main", f"tagger {_AUTHOR} {moment}", _data(change.message)]
    done = runner.git(["fast-import", "--quiet", "--force"], git_dir=path, stdin="\n".join([*stream, ""]).encode())
    _check(done, "git fast-import", path)


def begin_repository(runner: Runner, path: Path) -> None:
    """Make a repository with the branch ``main`` in the folder *path*.

    Raises:
        GitFailed: git refused.
        LocalIo: the disk did.
    """
    arguments = ["init", "--quiet", "--template=", "--initial-branch=main", str(path)]
    _check(runner.git(arguments), "git init", path)


def commit_all(runner: Runner, path: Path, message: str) -> None:
    """Commit all that git does not ignore in the repository at *path*, in the name of this tool.

    Raises:
        GitFailed: git refused.
        LocalIo: the disk did.
    """
    git_dir = path / ".git"
    _check(runner.git(["add", "--all"], git_dir=git_dir, work_tree=path), "git add", path)
    arguments = ["commit", "--quiet", f"--message={message}"]
    done = runner.git(arguments, git_dir=git_dir, work_tree=path, environment=IDENTITY)
    _check(done, "git commit", path)


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


def _check(done: Completed, command: str, path: Path) -> None:
    if done.status == 0:
        return
    reason = disk_trouble(done.stderr)
    if reason is not None:
        raise LocalIo(path=str(path), operation="write to", reason=reason)
    raise GitFailed(command=command, status=done.status, stderr=last_words(done.stderr))
